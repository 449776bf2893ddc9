"""Elman network, the vanilla recurrent neural network (RNN), with a rectifier (ReLU).

    h' = relu(W x + b + R h + bR)

The form of Elman 1990 with the rectifier of Le, Jaitly & Hinton 2015, arXiv:1504.00941, who start it from R = I
(the page irnn). Equals torch.nn.RNN(nonlinearity="relu"). State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it for theory (it is piecewise linear, so its differential equation is exact on each piece) and, started from
R = I, for long sums; it explodes easily.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, relu


@cell
def elman_relu(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector, bR: Vector) -> State:
    return relu(W @ x + b + R @ h + bR)
