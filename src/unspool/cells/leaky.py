"""Leaky-integrator network: an Elman network whose units keep a share of what they were (leaky RNN).

    alpha = σ(s)  leak of each unit, Δt/τ, in (0, 1): learned; its time constant is τ = 1/alpha steps
    h'    = (1 − alpha) ∘ h + alpha ∘ tanh(W x + b + R h)

Jaeger, Lukoševičius, Popovici & Siewert 2007, Neural Networks 20(3), 335–352: one Euler step of Δt = 1 through
τ dh/dt = −h + tanh(W x + b + R h), as in Lukoševičius 2012, A Practical Guide to Applying Echo State Networks,
eqs. 2–3; there alpha is one number for all units, and R is not trained. Equals the page elman at alpha = 1 (s ≥ 40),
without its second bias, and the page ctrnn up to where tanh stands: here h is its result, there its argument.
State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do; alpha starts near .5.
Choose it where signals are slow beside the steps, and to study dynamics: it is Euler's method on its equation.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, sigmoid, tanh


@cell
def leaky(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector, s: Vector) -> State:
    alpha = sigmoid(s)
    return (1 - alpha) * h + alpha * tanh(W @ x + b + R @ h)
