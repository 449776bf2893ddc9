"""Elman network, the vanilla recurrent neural network (RNN), with tanh.

    h' = tanh(W x + b + R h + bR)

Elman 1990, Cognitive Science 14(2), 179–211. Equals torch.nn.RNN (nonlinearity="tanh"), cuDNN, Keras SimpleRNN
up to its single bias. State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it to understand, and where memory is short: its gradient vanishes or explodes over long lags.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, tanh


@cell
def elman(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector, bR: Vector) -> State:
    return tanh(W @ x + b + R @ h + bR)
