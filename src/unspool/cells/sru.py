"""Simple recurrent unit (SRU): gates that see the unit's own memory only, and a highway past it.

    f  = σ(W_f x + v_f ∘ c + b_f)             forget gate
    r  = σ(W_r x + v_r ∘ c + b_r)             highway gate, which sees the previous c
    c' = f ∘ c + (1 − f) ∘ (W_n x)
    h  = r ∘ c' + (1 − r) ∘ (W_s x)           the output

Lei, Zhang, Wang, Dai & Artzi 2018, arXiv:1709.02755v5, section 2. Its highway takes x itself, and a further matrix
where x and c differ in size, as they may here: W_s always. Equals the SRUCell of github.com/asappresearch/sru with an
input of another size. Not the SRU of that paper's first version, whose gates do not see c. State: one vector, c [H].
Starts as there: W_n of variance 1/I, W_f and W_r of half of it, W_s of three times it (their α² = 1 + 2 e⁰), v_f and
v_r of variance ½, all uniform; biases 0.
Choose it in stacks of four to ten layers, as fast as no recurrent product makes them; it is no scan: c stands in f.
"""

from unspool.lang import Gates, Input, Output, State, Vector, cell, sigmoid
from unspool.lang.starts import fan_in, uniform

HALF = 1.5**0.5  # uniform in ± this has variance ½


@cell(
    gates="n f r s",
    start={
        "W.n": fan_in(3**0.5),
        "W.f": fan_in(HALF),
        "W.r": fan_in(HALF),
        "W.s": fan_in(3),
        "v_f": uniform(-HALF, HALF),
        "v_r": uniform(-HALF, HALF),
        "b_f": 0.0,
        "b_r": 0.0,
    },
)
def sru(
    x: Input, c: State, *, W: Gates[Input], v_f: Vector, v_r: Vector, b_f: Vector, b_r: Vector
) -> tuple[State, Output]:
    f = sigmoid(W.f @ x + v_f * c + b_f)
    r = sigmoid(W.r @ x + v_r * c + b_r)
    c = f * c + (1 - f) * (W.n @ x)
    h = r * c + (1 - r) * (W.s @ x)
    return c, h
