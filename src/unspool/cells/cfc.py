"""Closed-form continuous-time network (CfC): a gate that opens with the time that has passed.

    u  = 1.7159 tanh(0.666 (W x + R h + c))        backbone, P units
    p  = tanh(G_p u + b_p)                         what the state is where the gate is shut
    q  = tanh(G_q u + b_q)                         and where it is open
    s  = σ(dt (G_a u + b_a) + G_s u + b_s)         gate of time; dt is 1 unless it is given, a number per step
    h' = (1 − s) ∘ p + s ∘ q

Hasani et al. 2022, Nature Machine Intelligence 4, 992–1003, arXiv:2106.13898, eq. 3, with the gate of the authors'
code: the paper writes σ(−f dt), the code adds G_s u + b_s, and the sign of f is in its weights. Equals the CfC of
github.com/mlech26l/ncps in its default mode, with one backbone layer and its LeCun tanh; not its pure and mixed forms.
State: one vector [H]; the backbone has P units.
Starts with matrices by Glorot & Bengio 2010 and biases 0, Keras' own, as there.
Choose it for series at irregular times: no solver, one step for any dt; h is not kept, but computed anew, at each.
"""

from typing import Annotated

from unspool.lang import Gates, Input, Map, PerStep, Sized, State, Symbol, Vector, cell, sigmoid, tanh
from unspool.lang.starts import glorot

Backbone = Annotated[Symbol, Sized("P")]


@cell(gates="p q a s", start={"W": glorot(), "R": glorot(), "c": 0.0, "G": glorot(), "b": 0.0})
def cfc(
    x: Input,
    h: State,
    dt: PerStep = 1.0,
    *,
    W: Map[Input, Backbone],
    R: Map[State, Backbone],
    c: Vector[Backbone],
    G: Gates[Backbone],
    b: Gates,
) -> State:
    u = 1.7159 * tanh(0.666 * (W @ x + R @ h + c))
    p = tanh(G.p @ u + b.p)
    q = tanh(G.q @ u + b.q)
    s = sigmoid(dt * (G.a @ u + b.a) + G.s @ u + b.s)
    return (1 - s) * p + s * q
