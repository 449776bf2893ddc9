"""Identity recurrent network (IRNN): an Elman network of rectifiers that starts by adding up its inputs.

    h' = relu(W x + b + R h)

Le, Jaitly & Hinton 2015, arXiv:1504.00941. Equals the page elman_relu without its second bias, and so torch.nn.RNN with
nonlinearity="relu" and bias_hh = 0; what makes it an IRNN is where it starts. State: one vector [H].
Starts with R = I, b = 0 and W normal of deviation .001, as there; for speech that paper starts R at .01 I, which
forgets: start={"R": eye(0.01)}.
Choose it to carry sums over long lags without gates; it explodes easily, so clip gradients and learn slowly.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, relu
from unspool.lang.starts import eye, normal


@cell(start={"W": normal(0.001), "R": eye(), "b": 0.0})
def irnn(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector) -> State:
    return relu(W @ x + b + R @ h)
