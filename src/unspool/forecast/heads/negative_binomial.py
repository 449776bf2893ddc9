"""`negative_binomial`: counts, of mean μ and variance μ + α μ²; a Poisson distribution whose rate varies.

    μ = u softplus(z_0),  α = softplus(z_1) / √u        u: the window's unit, in counts; and a floor on both

As in DeepAR (Salinas et al. 2020, IJF 36(3), arXiv:1704.04110, section 3.3). A draw is a Poisson draw of a gamma draw.
"""

from collections.abc import Mapping, Sequence
from typing import final

import torch
from scipy.stats import nbinom
from torch import Tensor
from torch.nn import functional

from unspool.forecast.heads.head import from_numpy, mean_observed

SMALLEST = 1e-4
"""What is added to softplus(z): it is divided by, and its logarithm is taken."""


@final
class NegativeBinomial:
    """Two numbers: the mean, and how much the rate varies."""

    def __init__(self, levels: Sequence[float]) -> None:
        del levels
        self.outputs = 2
        self.draw = None

    def loss(self, raw: Tensor, target: Tensor, mask: Tensor, unit: Tensor) -> Tensor:
        """Mean negative log likelihood of the counts."""
        mean, alpha = _parameters(raw, unit)
        counts = (target * unit).round()
        law = torch.distributions.NegativeBinomial(1 / alpha, logits=(mean * alpha).log(), validate_args=False)
        return mean_observed(-law.log_prob(counts), mask)

    def quantiles(self, raw: Tensor, levels: Sequence[float], unit: Tensor) -> Tensor:
        """The smallest counts that are passed with no more than probability 1 − τ. They have no gradient."""
        mean, alpha = (v.detach().double().numpy(force=True)[..., None] for v in _parameters(raw, unit))
        return from_numpy(nbinom.ppf(levels, 1 / alpha, 1 / (1 + mean * alpha)), raw) / unit[..., None]

    def noise(self, *shape: int) -> dict[str, Tensor]:
        """None: what is drawn depends on the parameters."""
        del shape
        return {}

    def sample(self, raw: Tensor, noise: Mapping[str, Tensor], unit: Tensor) -> Tensor:
        """A Poisson draw, its rate a gamma draw, from torch's global generator."""
        del noise
        mean, alpha = _parameters(raw, unit)
        return (
            torch.poisson(torch.distributions.Gamma(1 / alpha, 1 / (alpha * mean), validate_args=False).sample()) / unit
        )


def _parameters(raw: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
    positive = functional.softplus(raw) + SMALLEST
    return positive[..., 0] * unit, positive[..., 1] / unit.sqrt()
