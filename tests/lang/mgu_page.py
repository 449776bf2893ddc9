"""Minimal gated unit (MGU): one gate does the work of two.

    f  = σ(W_f x + R_f h + b_f)           forget gate
    n  = tanh(W_n x + R_n (f ∘ h) + b_n)  candidate
    h' = (1 − f) ∘ h + f ∘ n

Zhou, Wu, Zhang & Zhou 2016, arXiv:1603.09420. Differs from the GRU: reset and update are the same gate, and the reset
comes before the product. State: one vector [H].
Choose it where parameters are dear.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid, tanh


@cell(gates="f n")
def mgu(x: Input, h: State, *, W: Gates[Input], R: Gates[State], b: Gates) -> State:
    f = sigmoid(W.f @ x + R.f @ h + b.f)
    n = tanh(W.n @ x + R.n @ (f * h) + b.n)
    return (1 - f) * h + f * n
