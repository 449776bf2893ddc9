"""Neuromodulated bistable recurrent cell (nBRC): units that lock one of two values, modulated by all the others.

    a  = 1 + tanh(W_a x + b_a + R_a h)   feedback, in (0, 2): bistable above 1
    c  = σ(W_c x + b_c + R_c h)          update gate, the share of the old
    h' = c ∘ h + (1 − c) ∘ tanh(W_n x + a ∘ h)

Vecoven, Ernst & Drion 2021, arXiv:2006.05252, its equations of the nBRC, which leave out the biases b_a and b_c of the
authors' code. Equals that code (github.com/nvecoven/BRC); the page brc where R_a and R_c are diagonal.
State: one vector [H], in (−1, 1).
Starts as that code: W by Glorot & Bengio 2010, R_a and R_c orthogonal, biases 0.
Choose it where something must be latched for very long, and what latches depends on the whole state.
"""

from unspool.lang import Gates, Input, Matrix, State, Vector, cell, sigmoid, tanh
from unspool.lang.starts import glorot, orthogonal


@cell(gates="a c n", start={"W": glorot(), "R_a": orthogonal(), "R_c": orthogonal(), "b_a": 0.0, "b_c": 0.0})
def nbrc(
    x: Input, h: State, *, W: Gates[Input], R_a: Matrix[State], R_c: Matrix[State], b_a: Vector, b_c: Vector
) -> State:
    a = 1 + tanh(W.a @ x + b_a + R_a @ h)
    c = sigmoid(W.c @ x + b_c + R_c @ h)
    return c * h + (1 - c) * tanh(W.n @ x + a * h)
