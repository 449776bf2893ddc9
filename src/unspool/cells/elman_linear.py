"""Linear recurrent network: the Elman network without a nonlinearity.

    h' = W x + b + R h + bR

The linear state-space recurrence, e.g. Hamilton 1994, Time Series Analysis, ch. 13. Equals torch.nn.RNN with the
nonlinearity taken out. State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it as a control: what it does, the eigenvalues of R say alone (each mode grows or shrinks as λᵗ).
"""

from unspool.lang import Input, Matrix, State, Vector, cell


@cell
def elman_linear(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector, bR: Vector) -> State:
    return W @ x + b + R @ h + bR
