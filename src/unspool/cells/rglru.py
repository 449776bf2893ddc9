"""Real-gated linear recurrent unit (RG-LRU) of Griffin: a linear memory that its input slows down and lets in.

    n  = W_n x + b_n                                the paper's x
    r  = σ(W_r x + b_r)                             recurrence gate
    i  = σ(W_i x + b_i)                             input gate
    s  = max(8 softplus(λ) ∘ r, 1e-30)              above 0, where the root below has no slope
    a  = exp(−s)                                    share that is kept
    g  = sqrt(2 tanh(s) / (1 + tanh(s)))            sqrt(1 − a²), without cancellation
    h' = a ∘ h + g ∘ i ∘ n

De et al. 2024, arXiv:2402.19427, eqs. 1–4, whose a is σ(−λ) here (softplus(λ) = −log σ(−λ)) and c is 8. Its x has as
many features as there are units: in Griffin it comes from a linear map, which is n here; the paper's W_a and W_x times
that map are W_r and W_i. Equals its RGLRU layer after that map, with one block per gate instead of one per head; its
code clips the gradient of the root, which g does without. State: one vector [H].
Starts with λ such that σ(−λ)^8 is uniform in 0.9 … 0.999, W normal with variance 1/I, b = 0, as there.
Choose it where sequences are long, in layers with products between: h is linear in its past, a scan.
"""

from unspool.lang import Gates, Input, State, Vector, cell, exp, maximum, sigmoid, softplus, sqrt, tanh
from unspool.lang.starts import keeping, normal_fan_in


@cell(gates="n r i", start={"W": normal_fan_in(), "b": 0.0, "lam": keeping(0.9, 0.999, 8)})
def rglru(x: Input, h: State, *, W: Gates[Input], b: Gates, lam: Vector) -> State:
    n = W.n @ x + b.n
    r = sigmoid(W.r @ x + b.r)
    i = sigmoid(W.i @ x + b.i)
    s = maximum(8 * softplus(lam) * r, 1e-30)
    a = exp(-s)
    g = sqrt(2 * tanh(s) / (1 + tanh(s)))
    return a * h + g * i * n
