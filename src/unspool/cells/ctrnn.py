"""Continuous-time recurrent network (CTRNN), the additive model, in steps of Euler's method.

    tau = 1 + softplus(s)  time constants, in steps: learned, above Δt = 1 so that no step overshoots
    h'  = h + (−h + R tanh(h) + W x + b) / tau

Funahashi & Nakamura 1993, Neural Networks 6(6), 801–806, eq. 1: τ dh/dt = −h + R φ(h) + a, one Euler step of Δt = 1 per
step, with φ = tanh. Equals leaky firing-rate networks up to where φ stands: they keep φ's result, not its argument.
State: one vector [H], the units' potentials.
Choose it to learn or to study dynamics: its differential equation is on the page; each unit forgets at its own pace.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, softplus, tanh


@cell
def ctrnn(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector, s: Vector) -> State:
    tau = 1 + softplus(s)
    return h + (-h + R @ tanh(h) + W @ x + b) / tau
