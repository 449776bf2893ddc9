"""Heads: their densities, quantiles and draws are those of SciPy, and agree with each other."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor
from torch.nn.functional import softplus

from unspool.forecast.heads import HEADS, Head

LEVELS = (0.05, 0.25, 0.5, 0.9, 0.95)
UNIT = torch.tensor([4.0])
DRAWS = 40_000


def raw_of(head: Head, seed: int = 0, rows: int = 1) -> Tensor:
    return torch.randn(rows, head.outputs, generator=torch.Generator().manual_seed(seed))


def scipys(name: str, raw: Tensor) -> Any:
    """The distribution that `raw` [P] should mean, in the window's units (counts for the negative binomial)."""
    z = raw.double()
    if name == "normal":
        return stats.norm(z[0], softplus(z[1]) + 1e-3)
    if name == "student":
        return stats.t(2 + softplus(z[2]), z[0], softplus(z[1]) + 1e-3)
    mean, alpha = softplus(z[0]) * UNIT.double(), softplus(z[1]) / UNIT.double().sqrt()
    return stats.nbinom(1 / alpha.item(), 1 / (1 + (mean * alpha).item()))


def loss_at(head: Head, raw: Tensor, target: float) -> float:
    return float(head.loss(raw, torch.tensor([target]), torch.ones(1), UNIT))


@pytest.mark.parametrize("name", ["normal", "student", "negative_binomial"])
@pytest.mark.parametrize("seed", [0, 1])
def test_likelihood_and_quantiles_are_scipys(name: str, seed: int):
    head = HEADS[name](LEVELS)
    raw = raw_of(head, seed)
    law, counts = scipys(name, raw[0]), name == "negative_binomial"
    for target in (0.0, 0.25, 1.5):
        expected = law.logpmf(target * 4) if counts else law.logpdf(target)
        assert loss_at(head, raw, target) == pytest.approx(-float(np.squeeze(expected)), rel=2e-3)
    found = head.quantiles(raw, LEVELS, UNIT)[0]
    expected = law.ppf(LEVELS) / (4 if counts else 1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("place", "dispersion"), [(-2.0, 1.0), (0.5, 0.0), (1.0, -2.0)])
def test_tweedies_density_has_its_mass_mean_and_variance_and_its_quantiles_lie_where_they_say(
    place: float, dispersion: float
):
    head = HEADS["tweedie"](LEVELS)
    raw = torch.tensor([[place, dispersion]], dtype=torch.float64)
    mean, phi = math.log1p(math.exp(place)) + 1e-4, math.log1p(math.exp(dispersion)) + 1e-2

    def density(y: np.ndarray) -> np.ndarray:
        target = torch.from_numpy(y)[:, None]
        one = torch.ones(1, 1, dtype=torch.float64)
        return np.array([math.exp(-float(head.loss(raw, t[None], one, UNIT))) for t in target])

    zero = float(density(np.zeros(1))[0])
    y = np.linspace(1e-9, mean + 14 * math.sqrt(phi * mean**1.5), 3001)
    f = density(y)
    assert zero + integrate.simpson(f, x=y) == pytest.approx(1, abs=1e-4)
    assert integrate.simpson(y * f, x=y) == pytest.approx(mean, rel=1e-3)
    assert integrate.simpson(y**2 * f, x=y) - mean**2 == pytest.approx(phi * mean**1.5, rel=2e-3)
    below = zero + integrate.cumulative_simpson(f, x=y, initial=0)
    for level, quantile in zip(LEVELS, head.quantiles(raw, LEVELS, UNIT)[0].tolist(), strict=True):
        assert level <= zero if quantile == 0 else np.interp(quantile, y, below) == pytest.approx(level, abs=1e-4)


def test_tweedies_quantiles_near_zero_are_found():
    """There SciPy's own search gives NaN."""
    head = HEADS["tweedie"](LEVELS)
    raw = torch.stack(torch.meshgrid(torch.linspace(-6, 6, 60), torch.linspace(-4, 4, 60), indexing="ij"), -1)
    found = head.quantiles(raw, (0.01, 0.05, 0.5, 0.99), UNIT)
    assert found.isfinite().all()
    assert (found.diff(dim=-1) >= 0).all()
    assert (found >= 0).all()


@pytest.mark.parametrize("name", HEADS)
def test_draws_have_the_quantiles(name: str):
    head = HEADS[name](LEVELS)
    raw = raw_of(head, 3)
    torch.manual_seed(0)
    drawn = head.sample(raw.expand(DRAWS, -1), head.noise(DRAWS), UNIT)
    for level, quantile in zip(LEVELS, head.quantiles(raw, LEVELS, UNIT)[0], strict=True):
        # for values that are drawn more than once: P(y < q) ≤ τ ≤ P(y ≤ q)
        low, high = (drawn < quantile - 1e-6).float().mean(), (drawn <= quantile + 1e-6).float().mean()
        assert low - 0.008 <= level <= high + 0.008, (level, low, high)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("levels", [(0.5, 0.9), (0.1, 0.5), (0.1, 0.5, 0.9)])
def test_what_is_not_observed_does_not_count(name: str, levels: Sequence[float]):
    head = HEADS[name](levels)
    raw = raw_of(head, rows=2).requires_grad_()
    target, mask = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])
    loss = head.loss(raw, target, mask, torch.ones(2))
    loss.backward()
    assert raw.grad is not None
    assert (raw.grad[0] != 0).any()
    assert (raw.grad[1] == 0).all()
    alone = head.loss(raw[:1], target[:1], mask[:1], torch.ones(1))
    assert float(loss.detach()) == pytest.approx(float(alone.detach()))
