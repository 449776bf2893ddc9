"""Gated recurrent unit (GRU), reset-before form: h is reset before it is multiplied.

    r  = σ(W_r x + b_r + R_r h)           reset gate
    z  = σ(W_z x + b_z + R_z h)           update gate
    n  = tanh(W_n x + b_n + R_n (r ∘ h))  candidate
    h' = (1 − z) ∘ n + z ∘ h

Cho et al. 2014, arXiv:1406.1078v3, eqs. 5–8, which leave biases out. Equals Keras GRU(reset_after=False).
Not torch.nn.GRU, cuDNN and the page gru, which reset the product R_n h. State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it to match models of that form; its second product waits for r, so a step takes longer than the page gru's.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid, tanh


@cell(gates="r z n")
def gru_reset_before(x: Input, h: State, *, W: Gates[Input], R: Gates[State], b: Gates) -> State:
    r = sigmoid(W.r @ x + b.r + R.r @ h)
    z = sigmoid(W.z @ x + b.z + R.z @ h)
    n = tanh(W.n @ x + b.n + R.n @ (r * h))
    return (1 - z) * n + z * h
