"""`tweedie`: zeros and amounts, of mean μ and variance φ μ^(3/2): a Poisson number of exponential amounts.

    μ = softplus(z_0) + floor,  φ = softplus(z_1) + floor
    N ~ Poisson(λ), λ = 2 √μ / φ;  y = the sum of N exponentials of mean θ = φ √μ / 2

The compound Poisson–gamma member of Tweedie's family of power p = 3/2 (Jørgensen 1987, JRSS B 49(2)), where the gammas
are exponentials and the density has a closed form, so that the likelihood is exact:

    P(0) = exp(−λ),   f(y) = exp(−λ − y/θ) √(λ / (θ y)) I₁(2 √(λ y / θ))

and 2 y/θ is χ² with no degrees of freedom and noncentrality 2 λ (Siegel 1979, Biometrika 66(2)): its quantiles.
"""

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import torch
from scipy.special import chndtr, chndtrix
from torch import Tensor
from torch.nn import functional

from unspool.forecast.heads.head import from_numpy, mean_observed

FLOORS = (1e-4, 1e-2)
"""Of μ, in units of the window, and of φ: more than some hundred amounts in one are as good as a normal number."""

NONE = 1e-8
"""Degrees of freedom that stand for none, which SciPy does not take."""


HALVINGS = 40


@final
class Tweedie:
    """Two numbers: the mean, and how much it varies. Amounts have no unit of their own, so it needs none."""

    def __init__(self, levels: Sequence[float]) -> None:
        del levels
        self.outputs = 2
        self.draw = None

    def loss(self, raw: Tensor, target: Tensor, mask: Tensor, unit: Tensor) -> Tensor:
        """Mean negative log likelihood; a probability at 0, a density above."""
        del unit
        rate, amount = _parameters(raw)
        some = target > 0
        y = torch.where(some, target, 1.0)
        x = 2 * (rate * y / amount).sqrt()
        density = -rate - y / amount + 0.5 * (rate / (amount * y)).log() + torch.special.i1e(x).log() + x
        return mean_observed(-torch.where(some, density, -rate), mask)

    def quantiles(self, raw: Tensor, levels: Sequence[float], unit: Tensor) -> Tensor:
        """0 up to exp(−λ). They have no gradient."""
        del unit
        rate, amount = (v.detach().double().numpy(force=True)[..., None] for v in _parameters(raw))
        return from_numpy(0.5 * amount * _chi_square(np.asarray(levels), 2 * rate), raw)

    def noise(self, *shape: int) -> dict[str, Tensor]:
        """None: what is drawn depends on the parameters."""
        del shape
        return {}

    def sample(self, raw: Tensor, noise: Mapping[str, Tensor], unit: Tensor) -> Tensor:
        """A gamma draw whose shape is a Poisson draw, from torch's global generator."""
        del noise, unit
        rate, amount = _parameters(raw)
        number = torch.poisson(rate)
        amounts = torch.distributions.Gamma(number.clamp_min(1), 1 / amount, validate_args=False).sample()
        return torch.where(number > 0, amounts, 0.0)


def _chi_square(levels: np.ndarray, noncentrality: np.ndarray) -> np.ndarray:
    """Quantiles of χ² with no degrees of freedom. SciPy's search misses some near zero; those are halved for."""
    levels, noncentrality = np.broadcast_arrays(levels, noncentrality)
    found = np.where(levels <= np.exp(-0.5 * noncentrality), 0.0, chndtrix(levels, NONE, noncentrality))
    missed = np.isnan(found)
    if missed.any():
        level, of = levels[missed], noncentrality[missed]
        low, high = np.zeros_like(of), of + 1.0
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            below = chndtr(middle, NONE, of) < level
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        found[missed] = high
    return found


def _parameters(raw: Tensor) -> tuple[Tensor, Tensor]:
    mean, dispersion = (functional.softplus(raw[..., k]) + floor for k, floor in enumerate(FLOORS))
    return 2 * mean.sqrt() / dispersion, 0.5 * dispersion * mean.sqrt()
