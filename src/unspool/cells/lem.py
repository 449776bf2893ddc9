"""Long expressive memory (LEM): two states with learned time steps, one reading the other.

    s  = Δt σ(W_s x + b_s + R_s y)  time step of z, [0, Δt]
    q  = Δt σ(W_q x + b_q + R_q y)  time step of y
    z' = (1 − s) ∘ z + s ∘ tanh(W_z x + b_z + R_z y)
    y' = (1 − q) ∘ y + q ∘ tanh(W_y x + b_y + R_y z')

Rusch, Mishra, Erichson & Mahoney 2022, arXiv:2110.04744, eq. 3, with its Δt = 1, the authors' default: a constant,
not learned. Equals the LEMCell of github.com/tk-rusch/LEM up to its second bias. State: y, which is the output, and z,
two vectors [H].
Choose it for long sequences whose parts move at different speeds, and for learning dynamical systems.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid, tanh

DT = 1.0


@cell(gates="s q z y")
def lem(x: Input, y: State, z: State, *, W: Gates[Input], R: Gates[State], b: Gates) -> tuple[State, State]:
    s = DT * sigmoid(W.s @ x + b.s + R.s @ y)
    q = DT * sigmoid(W.q @ x + b.q + R.q @ y)
    z = (1 - s) * z + s * tanh(W.z @ x + b.z + R.z @ y)
    y = (1 - q) * y + q * tanh(W.y @ x + b.y + R.y @ z)
    return y, z
