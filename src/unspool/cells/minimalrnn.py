"""Minimal recurrent network (MinimalRNN): the input is mapped into the state's space, and a gate mixes the two.

    z  = tanh(W x + b)           the input in the units' space
    u  = σ(R h + Q z + bu)       update gate, the share of the old
    h' = u ∘ h + (1 − u) ∘ z

Chen 2017, arXiv:1711.06788, section 2, with one layer and tanh for its Φ, as in its experiments. Equals a GRU whose
candidate sees the input only, and that through the gate as well. State: one vector [H], a mean of past z.
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it where each unit should show what it holds; it trains fast, for the only recurrent product is the gate's.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, sigmoid, tanh


@cell
def minimalrnn(
    x: Input,
    h: State,
    *,
    W: Matrix[Input],
    b: Vector,
    R: Matrix[State],
    Q: Matrix[State],
    bu: Vector,
) -> State:
    z = tanh(W @ x + b)
    u = sigmoid(R @ h + Q @ z + bu)
    return u * h + (1 - u) * z
