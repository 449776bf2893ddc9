"""Continuous-time recurrent network (CTRNN), the additive model, in steps of Euler's method.

    tau = 1 + softplus(s)                             time constants, in steps: learned
    k   = min(dt / tau, 1)                            share of the way to where the equation would rest
    h'  = h + k ∘ (−h + R tanh(h) + W x + b)

Funahashi & Nakamura 1993, Neural Networks 6(6), 801–806, eq. 1: τ dh/dt = −h + R φ(h) + a, one Euler step of dt per
step, with φ = tanh; dt, a number per step, is 1 unless it is given, and a step that would overshoot is cut. Equals
leaky firing-rate networks up to where φ stands: they keep φ's result, not its argument.
State: one vector [H], the units' potentials.
Starts uniform in ±1/√H, as torch.nn's layers do; tau starts near 1.7.
Choose it to learn or to study dynamics: its differential equation is on the page; each unit forgets at its own pace.
"""

from unspool.lang import Input, Matrix, PerStep, State, Vector, cell, minimum, softplus, tanh


@cell
def ctrnn(x: Input, h: State, dt: PerStep = 1.0, *, W: Matrix[Input], R: Matrix[State], b: Vector, s: Vector) -> State:
    tau = 1 + softplus(s)
    k = minimum(dt / tau, 1)
    return h + k * (-h + R @ tanh(h) + W @ x + b)
