"""Minimal long short-term memory (minLSTM): gates and candidate see the input only, and the gates add up to 1.

    d  = softplus(−(W_f x + b_f)) − softplus(−(W_i x + b_i))  the logarithm of i / f
    z  = σ(d)                                                 i / (f + i), share of the new
    n  = W_n x + b_n                                          candidate
    h' = (1 − z) ∘ h + z ∘ n

Feng et al. 2024, arXiv:2410.01201, section 3.2, the form whose scale does not depend on time, with forget gate
f = σ(W_f x + b_f) and input gate i = σ(W_i x + b_i); d is that of its appendix B, where two shut gates are not 0 / 0.
Equals the vanilla minLSTM of that paper, without the positive candidate g(·) of its log-space form.
State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it where sequences are long: h is linear in its past, so all steps can run as a scan; stack layers. The page
mingru has a third fewer parameters.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid, softplus


@cell(gates="f i n")
def minlstm(x: Input, h: State, *, W: Gates[Input], b: Gates) -> State:
    d = softplus(-(W.f @ x + b.f)) - softplus(-(W.i @ x + b.i))
    z = sigmoid(d)
    n = W.n @ x + b.n
    return (1 - z) * h + z * n
