"""`quantile`: quantiles at the levels asked for, which never cross. It supposes nothing of the distribution's shape.

    q_m = z_m,  q_j = q_{j−1} + softplus(z_j) above the median,  q_j = q_{j+1} − softplus(z_j) below

A draw is the quantile at a uniform u: straight lines between the levels, the outer lines going on to 0 and 1. Its
weights depend on u alone: y = z_m + Σ_j a_j(u) softplus(z_j). Straight lines have no long tails: where those count,
ask for more levels, or take another head.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from unspool.forecast.quantiles import ordered, quantile_loss
from unspool.ir import GraphBuilder
from unspool.passes import Draw


@final
class Quantile:
    """Quantiles; trained with their pinball losses (`quantile_loss`)."""

    def __init__(self, levels: Sequence[float]) -> None:
        self.levels = tuple(levels)
        self.median = self.levels.index(0.5)
        self.outputs = len(self.levels)

    @property
    def draw(self) -> Draw:
        """The straight lines between the quantiles, in operations of a step."""
        return _draw(self.outputs, self.median)

    def loss(self, raw: Tensor, target: Tensor, mask: Tensor, unit: Tensor) -> Tensor:
        """`quantile_loss`."""
        del unit
        return quantile_loss(ordered(raw, self.median), target, mask, torch.tensor(self.levels))

    def quantiles(self, raw: Tensor, levels: Sequence[float], unit: Tensor) -> Tensor:
        """As the network says them; the levels are its own."""
        del levels, unit
        return ordered(raw, self.median)

    def noise(self, *shape: int) -> dict[str, Tensor]:
        """The weights a_j(u)."""
        u, tau = torch.rand(shape), self.levels
        weights: dict[str, Tensor] = {}
        for j in range(self.outputs):
            if j > self.median:
                share = (u - tau[j - 1]) / (tau[j] - tau[j - 1])
            elif j < self.median:
                share = (tau[j + 1] - u) / (tau[j + 1] - tau[j])
            else:
                continue
            outer = j in (0, self.outputs - 1)
            weights[f"a{j}"] = share.clamp(0, None if outer else 1) * (1 if j > self.median else -1)
        return weights

    def sample(self, raw: Tensor, noise: Mapping[str, Tensor], unit: Tensor) -> Tensor:
        """z_m + Σ_j a_j softplus(z_j)."""
        del unit
        y = raw[..., self.median]
        for name, weight in noise.items():
            y = y + weight * functional.softplus(raw[..., int(name[1:])])
        return y


@cache
def _draw(outputs: int, median: int) -> Draw:
    others = [j for j in range(outputs) if j != median]

    def build(b: GraphBuilder, raw: Mapping[str, int], noise: Mapping[str, int]) -> int:
        y = raw[f"q{median}"]
        for j in others:
            y = b.apply("add", y, b.apply("multiply", noise[f"a{j}"], b.apply("softplus", raw[f"q{j}"])))
        return y

    return Draw(tuple(f"q{j}" for j in range(outputs)), tuple(f"a{j}" for j in others), build)
