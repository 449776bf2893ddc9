"""Minimal long short-term memory (minLSTM): gates and candidate see the input only, and the gates add up to 1.

    f  = σ(W_f x + b_f)  forget gate
    i  = σ(W_i x + b_i)  input gate
    n  = W_n x + b_n     candidate
    u  = f / (f + i)     share of the old
    v  = i / (f + i)     share of the new
    h' = u ∘ h + v ∘ n

Feng et al. 2024, arXiv:2410.01201, section 3.2, the form whose scale does not depend on time. Equals the vanilla
minLSTM of that paper, without the positive candidate g(·) of its log-space form (appendix B). State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it where sequences are long: h is linear in its past, so all steps can run as a scan; stack layers. The page
mingru has a third fewer parameters.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid


@cell(gates="f i n")
def minlstm(x: Input, h: State, *, W: Gates[Input], b: Gates) -> State:
    f = sigmoid(W.f @ x + b.f)
    i = sigmoid(W.i @ x + b.i)
    n = W.n @ x + b.n
    u = f / (f + i)
    v = i / (f + i)
    return u * h + v * n
