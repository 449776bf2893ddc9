"""Bistable recurrent cell (BRC): units that can lock one of two values, each on its own.

    a  = 1 + tanh(W_a x + b_a + w_a ∘ h)   feedback, in (0, 2): bistable above 1
    c  = σ(W_c x + b_c + w_c ∘ h)          update gate, the share of the old
    h' = c ∘ h + (1 − c) ∘ tanh(W_n x + a ∘ h)

Vecoven, Ernst & Drion 2021, arXiv:2006.05252, its equations of the BRC, which leave out the biases b_a and b_c of the
authors' code. Equals that code (github.com/nvecoven/BRC), and the page nbrc with diagonal R_a and R_c.
State: one vector [H], in (−1, 1).
Starts as that code: W by Glorot & Bengio 2010, w_a = w_c = 1, biases 0.
Choose it where something must be latched for very long: a unit with a > 1 holds its sign without input, for ever.
"""

from unspool.lang import Gates, Input, State, Vector, cell, sigmoid, tanh
from unspool.lang.starts import glorot


@cell(gates="a c n", start={"W": glorot(), "w_a": 1.0, "w_c": 1.0, "b_a": 0.0, "b_c": 0.0})
def brc(x: Input, h: State, *, W: Gates[Input], w_a: Vector, w_c: Vector, b_a: Vector, b_c: Vector) -> State:
    a = 1 + tanh(W.a @ x + b_a + w_a * h)
    c = sigmoid(W.c @ x + b_c + w_c * h)
    return c * h + (1 - c) * tanh(W.n @ x + a * h)
