"""Coupled oscillatory network (coRNN): every unit is a driven, damped oscillator, at y with velocity z.

    z' = z + Δt (tanh(W x + b + R y + Q z) − γ y − ε z)
    y' = y + Δt z'

Rusch & Mishra 2021, arXiv:2010.00951, eq. 3, with the damping at the old z as in the authors' code. Δt, γ (frequency)
and ε (damping) are constants that the paper tunes for each task; here those of its sequential MNIST, 784 steps: other
lengths want another page. Equals the coRNNCell of github.com/tk-rusch/coRNN. State: y, which is the output, and z,
two vectors [H].
Choose it where gradients must neither vanish nor explode over long sequences, and where signals oscillate.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, tanh

DT, GAMMA, EPSILON = 0.042, 2.7, 4.7


@cell
def cornn(
    x: Input, y: State, z: State, *, W: Matrix[Input], R: Matrix[State], Q: Matrix[State], b: Vector
) -> tuple[State, State]:
    z = z + DT * (tanh(W @ x + b + R @ y + Q @ z) - GAMMA * y - EPSILON * z)
    y = y + DT * z
    return y, z
