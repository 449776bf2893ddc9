"""`student`: y = μ + σ t, t of Student's distribution with ν degrees of freedom: as the normal one, with long tails.

    μ = z_0,  σ = softplus(z_1) + floor,  ν = 2 + softplus(z_2)

A draw is Bailey's polar method (1994, Mathematics of Computation 62(206)): t = cos θ · √(ν (w^(−2/ν) − 1)), with w and
θ/2π uniform. It needs no rejection, so that noise which knows nothing of ν makes a draw for every ν.
"""

import math
from collections.abc import Mapping, Sequence
from typing import final

import torch
from scipy.special import stdtrit
from torch import Tensor
from torch.nn import functional

from unspool.forecast.heads.head import FLOOR, from_numpy, mean_observed
from unspool.ir import GraphBuilder
from unspool.passes import Draw

LEAST = 2.0
"""Degrees of freedom above which there is a variance."""


@final
class Student:
    """Three numbers: where, how wide, and how long the tails."""

    def __init__(self, levels: Sequence[float]) -> None:
        del levels
        self.outputs = 3
        self.draw = _DRAW

    def loss(self, raw: Tensor, target: Tensor, mask: Tensor, unit: Tensor) -> Tensor:
        """Mean negative log likelihood."""
        del unit
        place, width, freedom = _parameters(raw)
        z = (target - place) / width
        nll = (
            0.5 * (freedom + 1) * torch.log1p(z**2 / freedom)
            + width.log()
            + 0.5 * (freedom * math.pi).log()
            + torch.lgamma(0.5 * freedom)
            - torch.lgamma(0.5 * (freedom + 1))
        )
        return mean_observed(nll, mask)

    def quantiles(self, raw: Tensor, levels: Sequence[float], unit: Tensor) -> Tensor:
        """μ + σ t_ν⁻¹(τ). No gradient passes to ν."""
        del unit
        place, width, freedom = _parameters(raw)
        found = stdtrit(freedom.detach().double().numpy(force=True)[..., None], levels)
        return place[..., None] + width[..., None] * from_numpy(found, raw)

    def noise(self, *shape: int) -> dict[str, Tensor]:
        """The cosine of an angle θ, and −2 ln w."""
        cosine = torch.cos(2 * math.pi * torch.rand(shape))
        return {"cosine": cosine, "radius": -2 * torch.rand(shape).clamp_min(1e-8).log()}

    def sample(self, raw: Tensor, noise: Mapping[str, Tensor], unit: Tensor) -> Tensor:
        """μ + σ cos θ √(ν (exp(−2 ln w / ν) − 1))."""
        del unit
        place, width, freedom = _parameters(raw)
        return place + width * noise["cosine"] * (freedom * ((noise["radius"] / freedom).exp() - 1)).sqrt()


def _parameters(raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    width, freedom = functional.softplus(raw[..., 1]) + FLOOR, functional.softplus(raw[..., 2]) + LEAST
    return raw[..., 0], width, freedom


def _build(b: GraphBuilder, raw: Mapping[str, int], noise: Mapping[str, int]) -> int:
    width = b.apply("add", b.apply("softplus", raw["width"]), b.constant(FLOOR))
    freedom = b.apply("add", b.apply("softplus", raw["freedom"]), b.constant(LEAST))
    grown = b.apply("subtract", b.apply("exp", b.apply("divide", noise["radius"], freedom)), b.constant(1.0))
    t = b.apply("multiply", noise["cosine"], b.apply("sqrt", b.apply("multiply", freedom, grown)))
    return b.apply("add", raw["place"], b.apply("multiply", width, t))


_DRAW = Draw(("place", "width", "freedom"), ("cosine", "radius"), _build)
