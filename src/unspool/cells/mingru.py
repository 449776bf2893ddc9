"""Minimal gated recurrent unit (minGRU): gate and candidate see the input only.

    z  = σ(W_z x + b_z)  update gate
    n  = W_n x + b_n     candidate
    h' = (1 − z) ∘ h + z ∘ n

Feng et al. 2024, arXiv:2410.01201, section 3.1. Equals the vanilla minGRU of that paper, without the positive
candidate g(·) of its log-space form (appendix B). z is the share of the new, in the page gru that of the old.
State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it where sequences are long: h is linear in its past, so all steps can run as a scan; stack layers, for one
layer alone computes nothing from its own memory.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid


@cell(gates="z n")
def mingru(x: Input, h: State, *, W: Gates[Input], b: Gates) -> State:
    z = sigmoid(W.z @ x + b.z)
    n = W.n @ x + b.n
    return (1 - z) * h + z * n
