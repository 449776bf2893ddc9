"""The plain loop over time."""

import torch

from unspool.lang import Input, Matrix, State, cell, tanh
from unspool.nn import Recurrent


def test_a_step_that_reads_no_input():
    """As many steps as the input has, though nothing of it is read."""

    @cell
    def free(x: Input, h: State, *, R: Matrix[State]) -> State:
        return tanh(R @ h)

    layer = Recurrent(free, 2, 3, dtype=torch.float64)
    start = torch.ones(1, 1, 3, dtype=torch.float64)
    output, _ = layer(torch.zeros(1, 4, 2, dtype=torch.float64), (start,))
    state = start[0, 0]
    for t in range(4):
        state = torch.tanh(layer.layer_parameters(0)["R"] @ state)
        torch.testing.assert_close(output[0, t], state)
