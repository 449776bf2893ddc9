"""Undamped independent controlled oscillatory network (UnICORNN): units that oscillate alone, each at its own pace.

    d  = Δt dt σ(c)                                    time step of each unit; dt is 1 unless it is given
    z' = z − d ∘ (tanh(W x + b + u ∘ y) + α y)
    y' = y + d ∘ z'

Rusch & Mishra 2021, arXiv:2103.05487, section 2: symplectic Euler steps through y″ = −(tanh(u ∘ y + W x + b) + α y),
with its σ̂(c) = ½ + ½ tanh(c/2), which is σ(c); its w and V are u and W here. Δt and α are constants that the paper
tunes for each task; here those of the authors' permuted sequential MNIST. Equals one layer of
github.com/tk-rusch/unicornn. Not the page cornn, whose units are damped and see each other; layers do the mixing here.
State: y, which is the output, and the velocity z, two vectors [H].
Starts as the authors' code: u uniform in 0 … 1, c in ±0.1, b = 0, W uniform in ±√(6/65)/√I (Kaiming, a = 8).
Choose it for very long sequences, in two or three layers: no recurrent product, and its gradients stay bounded.
"""

from unspool.lang import Input, Matrix, PerStep, State, Vector, cell, sigmoid, tanh
from unspool.lang.starts import fan_in, uniform

DT, ALPHA = 0.19, 30.65


@cell(start={"W": fan_in((6 / 65) ** 0.5), "u": uniform(0, 1), "b": 0.0, "c": uniform(-0.1, 0.1)})
def unicornn(
    x: Input, y: State, z: State, dt: PerStep = 1.0, *, W: Matrix[Input], u: Vector, b: Vector, c: Vector
) -> tuple[State, State]:
    d = DT * dt * sigmoid(c)
    z = z - d * (tanh(W @ x + b + u * y) + ALPHA * y)
    y = y + d * z
    return y, z
