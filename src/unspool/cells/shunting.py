"""Shunting network (Grossberg): units that gate their own inputs, and so stay within [−D, B].

    A  = softplus(sA)                      decay, per step
    B  = softplus(sB)                      ceiling
    D  = softplus(sD)                      −D is the floor
    p  = relu(h) ** 2                      the signal f(h), a sigmoid above threshold
    f  = p / (0.25 + p)
    e  = relu(W_e x + b_e + R_e f)         excitation
    i  = relu(W_i x + b_i + R_i f)         inhibition
    v  = −A ∘ h + (B − h) ∘ e − (D + h) ∘ i
    h' = h + dt v / (1 + dt (A + e + i))

Grossberg 2013, Scholarpedia 8(2):1888, "Shunting STM equation": dh/dt is v. The divisor makes this Euler's step of dt,
a number per step, 1 unless it is given, with the new h in v: h' is a mean of h, 0, B and −D whatever the input and dt,
and rests where h does.
Equals the paper's network where weights and inputs are not negative, as there; elsewhere the totals are rectified, so
that excitation never inhibits. State: one vector [H], the units' activities.
Starts uniform in ±1/√H, as torch.nn's layers do; A, B and D start near .7.
Choose it for competition, contrast and short-term memory under inputs of any strength, and to study all three.
"""

from unspool.lang import Gates, Input, PerStep, State, Vector, cell, relu, softplus


@cell(gates="e i")
def shunting(
    x: Input,
    h: State,
    dt: PerStep = 1.0,
    *,
    W: Gates[Input],
    R: Gates[State],
    b: Gates,
    sA: Vector,
    sB: Vector,
    sD: Vector,
) -> State:
    A = softplus(sA)
    B = softplus(sB)
    D = softplus(sD)
    p = relu(h) ** 2
    f = p / (0.25 + p)
    e = relu(W.e @ x + b.e + R.e @ f)
    i = relu(W.i @ x + b.i + R.i @ f)
    v = -A * h + (B - h) * e - (D + h) * i
    return h + dt * v / (1 + dt * (A + e + i))
