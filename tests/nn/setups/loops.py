"""The fed-back run written out step by step, as a textbook has it."""

import torch
from torch import Tensor

from unspool.nn.setups import FedBack, FedState


def step_by_step(
    model: FedBack, x: Tensor | None, targets: Tensor | None, alpha: float | Tensor, state: FedState, steps: int
) -> tuple[Tensor, FedState]:
    """What `FedBack.forward` gives, for activations without chance."""
    states, y = state
    told = []
    for t in range(steps):
        fed = y
        if t and targets is not None:
            share = alpha[:, t, None] if isinstance(alpha, Tensor) else alpha
            fed = (1 - share) * y + share * targets[:, t - 1]
        output, states = model.recurrent((fed if x is None else torch.cat([x[:, t], fed], -1))[:, None], states)
        z = model.readout(output[:, 0])
        y = {"identity": z, "sigmoid": z.sigmoid(), "tanh": z.tanh(), "softmax": z.softmax(-1)}[model.activation]
        told.append(z if model.activation == "softmax" else y)
    return torch.stack(told, 1), (states, y)
