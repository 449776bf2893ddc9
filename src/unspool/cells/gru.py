"""Gated recurrent unit (GRU), reset-after form.

    r  = σ(W_r x + b_r + R_r h + bR_r)           reset gate
    z  = σ(W_z x + b_z + R_z h + bR_z)           update gate
    n  = tanh(W_n x + b_n + r ∘ (R_n h + bR_n))  candidate
    h' = (1 − z) ∘ n + z ∘ h

Cho et al. 2014, arXiv:1406.1078v1. Equals torch.nn.GRU, cuDNN, Keras reset_after=True.
Not v3 of that paper, which resets h before the product. State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it when memory is tight; an LSTM counts better.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid, tanh


@cell(gates="r z n")
def gru(x: Input, h: State, *, W: Gates[Input], R: Gates[State], b: Gates, bR: Gates) -> State:
    r = sigmoid(W.r @ x + b.r + R.r @ h + bR.r)
    z = sigmoid(W.z @ x + b.z + R.z @ h + bR.z)
    n = tanh(W.n @ x + b.n + r * (R.n @ h + bR.n))
    return (1 - z) * n + z * h
