"""Long expressive memory (LEM): two states with learned time steps, one reading the other.

    s  = min(dt σ(W_s x + b_s + R_s y), 1)  time step of z
    q  = min(dt σ(W_q x + b_q + R_q y), 1)  time step of y
    z' = (1 − s) ∘ z + s ∘ tanh(W_z x + b_z + R_z y)
    y' = (1 − q) ∘ y + q ∘ tanh(W_y x + b_y + R_y z')

Rusch, Mishra, Erichson & Mahoney 2022, arXiv:2110.04744, eq. 3, with its Δt = 1, the authors' default, where dt, a
number per step, is not given; beyond 1 a step would overshoot, and is cut. Equals the LEMCell of
github.com/tk-rusch/LEM up to its second bias. State: y, which is the output, and z, two vectors [H].
Starts uniform in ±1/√H, as the authors' code does.
Choose it for long sequences whose parts move at different speeds, and for learning dynamical systems.
"""

from unspool.lang import Gates, Input, PerStep, State, cell, minimum, sigmoid, tanh


@cell(gates="s q z y")
def lem(
    x: Input, y: State, z: State, dt: PerStep = 1.0, *, W: Gates[Input], R: Gates[State], b: Gates
) -> tuple[State, State]:
    s = minimum(dt * sigmoid(W.s @ x + b.s + R.s @ y), 1)
    q = minimum(dt * sigmoid(W.q @ x + b.q + R.q @ y), 1)
    z = (1 - s) * z + s * tanh(W.z @ x + b.z + R.z @ y)
    y = (1 - q) * y + q * tanh(W.y @ x + b.y + R.y @ z)
    return y, z
