"""What every head offers."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from unspool.passes import Draw

FLOOR = 1e-3
"""Of scales, in units of the window: no density is infinite where values repeat."""


class Head(Protocol):
    """Numbers [.., outputs] of a network → a distribution, in units of the window.

    `unit`, where it is asked for, is the size of the window's unit in the data's own unit, of a shape that goes with
    [..]: a distribution over whole numbers must know what 1 is.

    Attributes:
        outputs: numbers per step.
    """

    outputs: int

    @property
    def draw(self) -> Draw | None:
        """How a step draws from it in a compiled loop; None where it is drawn in Python, a call per step."""
        ...

    def loss(self, raw: Tensor, target: Tensor, mask: Tensor, unit: Tensor) -> Tensor:
        """A number to make small: by default the mean negative log likelihood of what was observed (mask 1)."""
        ...

    def quantiles(self, raw: Tensor, levels: Sequence[float], unit: Tensor) -> Tensor:
        """[.., Q] at the levels, ascending."""
        ...

    def noise(self, *shape: int) -> dict[str, Tensor]:
        """What draws of this shape are made from, by the names of `draw.noise`, from torch's global generator."""
        ...

    def sample(self, raw: Tensor, noise: Mapping[str, Tensor], unit: Tensor) -> Tensor:
        """[..] one draw each, from noise [..]."""
        ...


def mean_observed(loss: Tensor, mask: Tensor) -> Tensor:
    """The mean over what was observed; 0 where nothing was."""
    return (loss * mask).sum() / mask.sum().clamp(min=1)


def from_numpy(values: object, like: Tensor) -> Tensor:
    """A tensor of the kind of another."""
    return torch.as_tensor(values).to(like)
