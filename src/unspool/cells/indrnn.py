"""Independently recurrent network (IndRNN): every unit sees its own past only.

    h' = relu(W x + b + u ∘ h)

Li et al. 2018, arXiv:1803.04831, eq. 2, with the rectifier of its experiments. Equals the page elman_relu with a
diagonal R. The paper's limit on |u| (at most γ^(1/T) for T steps), its batch normalisation and its residual layers
are the trainer's and the network's, not the step's. State: one vector [H].
Starts with u uniform in 0 … 1, as there, the rest uniform in ±1/√H, as torch.nn's layers do.
Choose it for long sequences in several layers, where the units of one layer meet in the next: no recurrent product.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, relu
from unspool.lang.starts import uniform


@cell(start={"u": uniform(0, 1)})
def indrnn(x: Input, h: State, *, W: Matrix[Input], u: Vector, b: Vector) -> State:
    return relu(W @ x + b + u * h)
