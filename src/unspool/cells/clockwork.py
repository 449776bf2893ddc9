"""Clockwork recurrent network (CW-RNN): groups of units that act at their own periods, the slow ones seen by the fast.

    K  = R ∘ m                                   a unit sees those of its own period and of longer ones
    d  = 1 − sign(k)                             1 where the unit is due: its clock k stands at 0
    h' = d ∘ tanh(W x + b + K h) + (1 − d) ∘ h
    q  = k + 1
    k' = sign(p − q) ∘ q                         back to 0 after p steps

Koutník, Greff, Gomez & Schmidhuber 2014, arXiv:1402.3511, eqs. 1–3: group i of the units is computed where
t mod T_i = 0 and stays otherwise; rows of R are zero for groups of shorter period (block-triangular). The periods p are
1, 2, 4, …, the paper's series, in up to 8 groups of equal size; k counts steps, so t needs not be known. Equals that
paper's, but every product is done in full and masked: this saves no time. State: h and the clocks k, two vectors [H].
Starts with R and W normal of deviation .1 as there; m and p are fixed, not learned.
Choose it for signals made of several time scales that are known to be apart.
"""

from unspool.lang import Fixed, Input, Matrix, State, Vector, cell, sign, tanh
from unspool.lang.starts import longer_periods, normal, periods


@cell(start={"W": normal(0.1), "R": normal(0.1), "b": 0.0, "p": periods(8), "m": longer_periods("p")})
def clockwork(
    x: Input,
    h: State,
    k: State,
    *,
    W: Matrix[Input],
    R: Matrix[State],
    b: Vector,
    p: Fixed[Vector],
    m: Fixed[Matrix[State]],
) -> tuple[State, State]:
    K = R * m
    d = 1 - sign(k)
    h = d * tanh(W @ x + b + K @ h) + (1 - d) * h
    q = k + 1
    k = sign(p - q) * q
    return h, k
