"""Coupled oscillatory network (coRNN): every unit is a driven, damped oscillator, at y with velocity z.

    d  = Δt dt                                          dt is 1 unless it is given, a number per step
    z' = z + d ∘ (tanh(W x + b + R y + Q z) − γ y − ε z)
    y' = y + d ∘ z'

Rusch & Mishra 2021, arXiv:2010.00951, eq. 3, with the damping at the old z as in the authors' code. Δt, γ (frequency)
and ε (damping) are constants that the paper tunes for each task; here those of its sequential MNIST, 784 steps: other
lengths want another page. Equals the coRNNCell of github.com/tk-rusch/coRNN. State: y, which is the output, and z,
two vectors [H].
Starts uniform in ±1/√H, as torch.nn's layers do; the authors' one layer on [x, z, y] does in ±1/√(I + 2 H).
Choose it where gradients must neither vanish nor explode over long sequences, and where signals oscillate.
"""

from unspool.lang import Input, Matrix, PerStep, State, Vector, cell, tanh

DT, GAMMA, EPSILON = 0.042, 2.7, 4.7


@cell
def cornn(
    x: Input,
    y: State,
    z: State,
    dt: PerStep = 1.0,
    *,
    W: Matrix[Input],
    R: Matrix[State],
    Q: Matrix[State],
    b: Vector,
) -> tuple[State, State]:
    d = DT * dt
    z = z + d * (tanh(W @ x + b + R @ y + Q @ z) - GAMMA * y - EPSILON * z)
    y = y + d * z
    return y, z
