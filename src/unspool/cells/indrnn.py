"""Independently recurrent network (IndRNN): every unit sees its own past only.

    h' = relu(W x + b + u ∘ h)

Li et al. 2018, arXiv:1803.04831, eq. 2, with the rectifier of its experiments. Equals the page elman_relu with a
diagonal R. The paper's limit on |u| (at most γ^(1/T) for T steps), its batch normalisation and its residual layers
are the trainer's and the network's, not the step's. State: one vector [H].
Choose it for long sequences in several layers, where the units of one layer meet in the next: no recurrent product.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, relu


@cell
def indrnn(x: Input, h: State, *, W: Matrix[Input], u: Vector, b: Vector) -> State:
    return relu(W @ x + b + u * h)
