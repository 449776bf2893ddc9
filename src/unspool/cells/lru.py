"""Linear recurrent unit (LRU): complex eigenvalues on a ring, one per unit, and nothing nonlinear over time.

    r   = exp(−exp(ν))                    modulus of an eigenvalue λ, below 1
    phi = exp(θ)                          its angle
    a   = r ∘ cos(phi)                    λ = a + b i
    b   = r ∘ sin(phi)
    g   = exp(γ)                          gain of what comes in
    v   = b ∘ p
    p'  = a ∘ p − b ∘ q + g ∘ (B_p x)     the state is p + q i, and h' = λ ∘ h + g ∘ (B x)
    q'  = v + a ∘ q + g ∘ (B_q x)
    y   = C_p p' − C_q q' + D x           the output, the real part of C h', and D x

Orvieto et al. 2023, arXiv:2303.06349, section 3 and the code of its appendix A; a complex number is two real ones here,
B = B_p + B_q i. Equals the LRU of that code, but D is a matrix, since x and y may differ in size. Not its block, which
follows it with a nonlinear layer. State: p and q, the real and the imaginary part, two vectors [H].
Starts as there: λ uniform on the disc (its r_min = 0, r_max = 1), angles uniform up to 6.28, exp(γ) = √(1 − r²), B
normal with variance 1/(2 I), C and D with 1/columns. Very long memories want eigenvalues near the circle, to which γ
adapts: start={"nu": ring(0.9, 0.999)}.
Choose it for very long sequences, in layers with nonlinear maps between: p and q together are one scan.
"""

from unspool.lang import Gates, Input, Matrix, Output, State, Vector, cell, cos, exp, sin
from unspool.lang.starts import normal_fan_in, phases, ring, ring_gain


@cell(
    gates="p q",
    start={
        "nu": ring(0, 1),
        "theta": phases(6.28),
        "gamma": ring_gain("nu"),
        "B": normal_fan_in(0.5**0.5),
        "C": normal_fan_in(),
        "D": normal_fan_in(),
    },
)
def lru(
    x: Input,
    p: State,
    q: State,
    *,
    nu: Vector,
    theta: Vector,
    gamma: Vector,
    B: Gates[Input],
    C: Gates[State],
    D: Matrix[Input],
) -> tuple[State, State, Output]:
    r = exp(-exp(nu))
    phi = exp(theta)
    a = r * cos(phi)
    b = r * sin(phi)
    g = exp(gamma)
    v = b * p
    p = a * p - b * q + g * (B.p @ x)
    q = v + a * q + g * (B.q @ x)
    y = C.p @ p - C.q @ q + D @ x
    return p, q, y
