"""Gated recurrent unit with attentional update gate (AUGRU): how much a step counts is given from outside.

    u  = σ(W_u x + b_u + R_u h)           update gate, the share of the new
    r  = σ(W_r x + b_r + R_r h)           reset gate
    n  = tanh(W_n x + b_n + r ∘ (R_n h))  candidate
    v  = a u                              the update gate under the attention a, a number per step
    h' = (1 − v) ∘ h + v ∘ n

Zhou, Mou, Fan et al. 2018, arXiv:1809.03672 (DIEN), its GRU with u scaled by a, mostly in 0 … 1, which another network
computes: per_step={"a": …}. a = 0 keeps h. Equals that paper's AUGRU; at a = 1 its GRU, the page gru with z = 1 − u and
no bR. Not the authors' code, whose share of the old is (1 − a) u, so that a = 1 forgets all, nor what follows
it (DeepCTR). State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it where steps matter unequally for what is asked, and something says how much.
"""

from unspool.lang import Gates, Input, PerStep, State, cell, sigmoid, tanh


@cell(gates="u r n")
def augru(x: Input, h: State, a: PerStep, *, W: Gates[Input], R: Gates[State], b: Gates) -> State:
    u = sigmoid(W.u @ x + b.u + R.u @ h)
    r = sigmoid(W.r @ x + b.r + R.r @ h)
    n = tanh(W.n @ x + b.n + r * (R.n @ h))
    v = a * u
    return (1 - v) * h + v * n
