"""Chaos-free network (CFN): without input every unit relaxes to zero, whatever the weights.

    theta = σ(V_theta x + b_theta + R_theta h)   horizontal, forget gate
    eta   = σ(V_eta x + b_eta + R_eta h)         vertical, input gate
    h'    = theta ∘ tanh(h) + eta ∘ tanh(W x)

Laurent & von Brecht 2016, arXiv:1612.06212, eqs. 1–2. Equals that paper's CFN; its dropout between layers and within
the gates is the network's. State: one vector [H], in (−2, 2).
Starts as there (section 3): weights uniform in ±.07, b_theta = 1, b_eta = −1, so that units keep more than they take.
Choose it where a state must be predictable: its only attractor is 0, and no unit acts on another but through gates.
"""

from unspool.lang import Gates, Input, Matrix, State, cell, sigmoid, tanh
from unspool.lang.starts import uniform

SMALL = uniform(-0.07, 0.07)


@cell(gates="theta eta", start={"W": SMALL, "V": SMALL, "R": SMALL, "b.theta": 1.0, "b.eta": -1.0})
def cfn(x: Input, h: State, *, W: Matrix[Input], V: Gates[Input], R: Gates[State], b: Gates) -> State:
    theta = sigmoid(V.theta @ x + b.theta + R.theta @ h)
    eta = sigmoid(V.eta @ x + b.eta + R.eta @ h)
    return theta * tanh(h) + eta * tanh(W @ x)
