"""`normal`: y ~ N(μ, σ²), μ = z_0, σ = softplus(z_1) + floor. A draw is μ + σ ε."""

import math
from collections.abc import Mapping, Sequence
from typing import final

import torch
from scipy.special import ndtri
from torch import Tensor
from torch.nn import functional

from unspool.forecast.heads.head import FLOOR, mean_observed
from unspool.ir import GraphBuilder
from unspool.passes import Draw


@final
class Normal:
    """Two numbers: where, and how wide."""

    def __init__(self, levels: Sequence[float]) -> None:
        del levels
        self.outputs = 2
        self.draw = _DRAW

    def loss(self, raw: Tensor, target: Tensor, mask: Tensor, unit: Tensor) -> Tensor:
        """Mean negative log likelihood."""
        del unit
        mean, deviation = _parameters(raw)
        nll = 0.5 * ((target - mean) / deviation) ** 2 + deviation.log() + 0.5 * math.log(2 * math.pi)
        return mean_observed(nll, mask)

    def quantiles(self, raw: Tensor, levels: Sequence[float], unit: Tensor) -> Tensor:
        """μ + σ Φ⁻¹(τ)."""
        del unit
        mean, deviation = _parameters(raw)
        standard = torch.tensor(ndtri(levels), dtype=raw.dtype)
        return mean[..., None] + deviation[..., None] * standard

    def noise(self, *shape: int) -> dict[str, Tensor]:
        """ε."""
        return {"epsilon": torch.randn(shape)}

    def sample(self, raw: Tensor, noise: Mapping[str, Tensor], unit: Tensor) -> Tensor:
        """μ + σ ε."""
        del unit
        mean, deviation = _parameters(raw)
        return mean + deviation * noise["epsilon"]


def _parameters(raw: Tensor) -> tuple[Tensor, Tensor]:
    return raw[..., 0], functional.softplus(raw[..., 1]) + FLOOR


def _build(b: GraphBuilder, raw: Mapping[str, int], noise: Mapping[str, int]) -> int:
    deviation = b.apply("add", b.apply("softplus", raw["width"]), b.constant(FLOOR))
    return b.apply("add", raw["place"], b.apply("multiply", deviation, noise["epsilon"]))


_DRAW = Draw(("place", "width"), ("epsilon",), _build)
