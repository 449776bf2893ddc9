"""Liquid time-constant network (LTC): what drives a unit also sets how fast it moves.

    tau = softplus(s)                                                  time constants, in steps
    a   = W x + b
    d   = dt / 6                                                       an inner step of the solver; there are six
    v   = (h + d σ(a + R h) ∘ A) / (1 + d (1 / tau + σ(a + R h)))      f = σ(a + R h) is the drive
    v   = (v + d σ(a + R v) ∘ A) / (1 + d (1 / tau + σ(a + R v)))
    v   = (v + d σ(a + R v) ∘ A) / (1 + d (1 / tau + σ(a + R v)))
    v   = (v + d σ(a + R v) ∘ A) / (1 + d (1 / tau + σ(a + R v)))
    v   = (v + d σ(a + R v) ∘ A) / (1 + d (1 / tau + σ(a + R v)))
    h'  = (v + d σ(a + R v) ∘ A) / (1 + d (1 / tau + σ(a + R v)))

Hasani, Lechner, Amini, Rus & Grosu 2021, arXiv:2006.04439, eqs. 1–3 and Algorithm 1: dh/dt = −(1/tau + f) ∘ h + f ∘ A
by its fused solver, six unfoldings as in the authors' code, in dt, a number per step, 1 unless it is given. f is one
layer, with σ, for the bounds of its Theorems 1 and 2 need f ≥ 0. Equals Algorithm 1 with that f; not the authors'
code, where each pair of units has a conductance and a potential of its own: that sum needs a matrix of states, which
pages do not have. State: one vector [H].
Starts at tau = 1 step, A uniform in ±1 (their reversal potentials are ±1); the rest as torch's layers.
Choose it for irregular time and where a unit's pace should follow its input; it takes six dependent products per step.
"""

from unspool.lang import Input, Matrix, PerStep, State, Symbol, Vector, cell, sigmoid, softplus
from unspool.lang.starts import uniform


@cell(start={"s": 0.5413248546, "A": uniform(-1, 1)})  # softplus of it is 1
def ltc(
    x: Input,
    h: State,
    dt: PerStep = 1.0,
    *,
    W: Matrix[Input],
    R: Matrix[State],
    b: Vector,
    A: Vector,
    s: Vector,
) -> State:
    def fused(v: Symbol) -> Symbol:
        f = sigmoid(a + R @ v)
        return (v + d * f * A) / (1 + d * (1 / tau + f))

    tau = softplus(s)
    a = W @ x + b
    d = dt / 6
    v = fused(h)
    v = fused(v)
    v = fused(v)
    v = fused(v)
    v = fused(v)
    return fused(v)
