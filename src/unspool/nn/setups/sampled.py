"""The output drawn and fed back: every step's draw is what the next step reads, in one compiled loop."""

import torch
from torch import Tensor, nn

from unspool.errors import CellError
from unspool.ir import StepGraph
from unspool.nn.recurrent import Recurrent
from unspool.nn.setups.fed_back import FedState, fed_weights
from unspool.passes import Draw, chained, fed_back
from unspool.runtime import unroll


def can_sample(recurrent: Recurrent, draw: Draw) -> bool:
    """Whether the page, with features beside what is fed back, can be run with its draws as one compiled step."""
    try:
        _ = fed_back(_chain(recurrent), features=True, activation=draw, taught=False)
    except CellError:
        return False
    return True


@torch.no_grad()
def sampled(
    recurrent: Recurrent, readout: nn.Linear, draw: Draw, x: Tensor, noise: dict[str, Tensor], state: FedState
) -> tuple[Tensor, FedState]:
    """h_t = cell([x_t, y_{t−1}], h_{t−1}),  y_t = draw(V h_t + c, noise_t).

    Args:
        recurrent: one direction, no noise of its own; it reads [x, y].
        readout: V and c, of `len(draw.raw)` rows: one number is drawn per step.
        draw: what is drawn.
        x: [B, T, I] features.
        noise: [B, T] by the names of `draw.noise`.
        state: the states, and y before the first step [B, 1].

    Returns:
        [B, T, 1], and the state to go on from. Cost: one compiled loop; memory O(T · B · H).
    """
    graph = fed_back(_chain(recurrent), features=True, activation=draw, taught=False)
    states, y = state
    inputs = {recurrent.graph.vector_inputs[0].name: x.transpose(0, 1)}
    inputs |= {name: noise[name].t()[..., None] for name in draw.noise}
    initial = [s[layer] for layer in range(recurrent.num_layers) for s in states]
    output, after = unroll(graph, inputs, fed_weights(recurrent, x.shape[-1], readout), [*initial, y])
    count = len(states)
    return output.transpose(0, 1), (tuple(torch.stack(after[i:-1:count]) for i in range(count)), after[-1])


def _chain(recurrent: Recurrent) -> StepGraph:
    return chained(recurrent.graph, recurrent.num_layers, recurrent.residual)
