"""Minimal gated unit (MGU): one gate resets and updates.

    f  = σ(W_f x + b_f + R_f h)            forget gate
    n  = tanh(W_n x + b_n + R_n (f ∘ h))   candidate
    h' = (1 − f) ∘ h + f ∘ n

Zhou, Wu, Zhang & Zhou 2016, arXiv:1603.09420, whose W_f and W_h multiply [h, x] and [f ∘ h, x]. Equals the page
gru_reset_before with r = 1 − z = f. f is the share of the new, in spite of its name. State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it where a GRU is wanted with a third fewer parameters; its second product waits for f.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid, tanh


@cell(gates="f n")
def mgu(x: Input, h: State, *, W: Gates[Input], R: Gates[State], b: Gates) -> State:
    f = sigmoid(W.f @ x + b.f + R.f @ h)
    n = tanh(W.n @ x + b.n + R.n @ (f * h))
    return (1 - f) * h + f * n
