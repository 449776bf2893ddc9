"""Echo state network (ESN) with leaky units: a fixed random recurrence, of which only a readout is learned.

    h' = (1 − alpha) h + alpha tanh(W x + b + R h)

Jaeger 2001, GMD report 148, with the leaky units of Jaeger, Lukoševičius, Popovici & Siewert 2007, Neural Networks
20(3), 335–352; its output feedback is the setup that feeds outputs back (unspool.nn.setups.FedBack). alpha = .3 for all
units. Equals the page leaky at σ(s) = .3, with nothing to learn. State: one vector [H].
Starts, and stays: R sparse (10 %) with spectral radius .9, W and b uniform in ±1.
Choose it where training must cost one linear regression, and as a control for whatever is trained.
"""

from unspool.lang import Fixed, Input, Matrix, State, Vector, cell, tanh
from unspool.lang.starts import spectral_radius, uniform

ALPHA = 0.3


@cell(start={"W": uniform(-1, 1), "R": spectral_radius(0.9, 0.1), "b": uniform(-1, 1)})
def esn(x: Input, h: State, *, W: Fixed[Matrix[Input]], R: Fixed[Matrix[State]], b: Fixed[Vector]) -> State:
    return (1 - ALPHA) * h + ALPHA * tanh(W @ x + b + R @ h)
