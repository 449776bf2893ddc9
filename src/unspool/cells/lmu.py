"""Legendre memory unit (LMU): a linear memory of a whole window of time, read and written by an Elman network.

    u  = total(ex ∘ x) + total(eh ∘ h) + total(em ∘ m)    what is written, a number
    m' = A m + u ∘ B                                      memory: the last θ steps of u, in P Legendre polynomials
    h' = tanh(W x + R h + Q m')

Voelker, Kajić & Eliasmith 2019, Advances in Neural Information Processing Systems 32, eqs. 1–7: θ dm/dt = A m + B u,
whose A and B, exact where u is held for a step (zero-order hold), are fixed here. Equals the LMUCell of the authors'
code, without biases as there. State: h, which is the output [H], and the memory m [P].
Starts with θ = 100 steps; another window is asked for by start={"A": legendre(θ), "B": legendre_input(θ)}. As there, ex
and eh are uniform in ±√(3/size) (LeCun), em = 0, W, R and Q Glorot normal.
Choose it where a window of known length matters, of hundreds of steps: P of 20 to 200 hold it with few parameters.
"""

from typing import Annotated

from unspool.lang import Fixed, Input, Map, Matrix, Sized, State, Symbol, Vector, cell, tanh, total
from unspool.lang.starts import fan_in, glorot_normal, legendre, legendre_input

Memory = Annotated[Symbol, Sized("P")]
THETA = 100


@cell(
    start={
        "A": legendre(THETA),
        "B": legendre_input(THETA),
        "ex": fan_in(3**0.5),
        "eh": fan_in(3**0.5),
        "em": 0.0,
        "W": glorot_normal(),
        "R": glorot_normal(),
        "Q": glorot_normal(),
    }
)
def lmu(
    x: Input,
    h: State,
    m: Memory,
    *,
    ex: Vector[Input],
    eh: Vector[State],
    em: Vector[Memory],
    A: Fixed[Map[Memory, Memory]],
    B: Fixed[Vector[Memory]],
    W: Matrix[Input],
    R: Matrix[State],
    Q: Matrix[Memory],
) -> tuple[State, Memory]:
    u = total(ex * x) + total(eh * h) + total(em * m)
    m = A @ m + u * B
    h = tanh(W @ x + R @ h + Q @ m)
    return h, m
