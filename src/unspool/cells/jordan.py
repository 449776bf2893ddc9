"""Jordan network: what is fed back is the output, not the hidden units.

    h  = σ(W x + b + R y)  hidden units
    y' = σ(V h + c)        output units

Jordan 1986, Serial order: a parallel distributed processing approach, ICS report 8604, with its logistic units. Its
state units keep besides a share of what they were, μ s + y: here μ = 0, s = y. Equals the network that is called
after it since Elman 1990, who fed back h instead. State: y, which is the output, [P]; the hidden layer has H units.
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it where the output is all that should be remembered; teacher forcing then sets the state, and training needs
no gradients through time.
"""

from typing import Annotated

from unspool.lang import Input, Map, Matrix, Sized, State, Symbol, Vector, cell, sigmoid

Fed = Annotated[Symbol, Sized("P")]


@cell
def jordan(x: Input, y: Fed, *, W: Matrix[Input], R: Matrix[Fed], b: Vector, V: Map[State, Fed], c: Vector[Fed]) -> Fed:
    h = sigmoid(W @ x + b + R @ y)
    return sigmoid(V @ h + c)
