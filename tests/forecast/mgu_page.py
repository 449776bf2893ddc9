"""A user's own cell, in a file of theirs: the minimal gated unit (Zhou et al. 2016, arXiv:1603.09420)."""

from unspool.lang import Gates, Input, State, cell, sigmoid, tanh


@cell(gates="f n")
def mgu(x: Input, h: State, *, W: Gates[Input], R: Gates[State], b: Gates) -> State:
    f = sigmoid(W.f @ x + R.f @ h + b.f)
    n = tanh(W.n @ x + R.n @ (f * h) + b.n)
    return (1 - f) * h + f * n
