"""How much of the truth a fed-back network is given while it trains: all, none, a share, or a share of the steps.

    fed(t) = (1 − α) ∘ y(t−1) + α ∘ target(t−1)

α = 1 is teacher forcing, 0 free running, between them generalised teacher forcing; drawn 0 or 1 for every step it is
scheduled sampling, whose probability of the truth falls as training goes on (Bengio et al. 2015, arXiv:1506.03099,
section 2.4; the three schedules are theirs).
"""

import math

import torch
from torch import Tensor

from unspool.errors import SettingError


def drawn(probability: float, batch: int, steps: int, generator: torch.Generator | None = None) -> Tensor:
    """α [B, T]: 1 with `probability`, else 0, for every step and sequence by itself: scheduled sampling.

    Raises:
        SettingError: it is no probability.
    """
    if not 0 <= probability <= 1:
        raise SettingError(f"the probability of the truth is {probability}; it lies between 0 and 1")
    return (torch.rand(batch, steps, generator=generator) < probability).float()


def linear_decay(update: int, updates: int, least: float = 0.0) -> float:
    """Probability of the truth after `update` of `updates` updates: from 1 in a straight line to `least`."""
    return max(least, 1 - (1 - least) * update / updates)


def exponential_decay(update: int, k: float) -> float:
    """A probability of k^update, 0 < k < 1."""
    return k**update


def inverse_sigmoid_decay(update: int, k: float) -> float:
    """A probability that falls slowly at first, to a half at k ln k: k / (k + exp(update / k)), k ≥ 1."""
    return 1 / (1 + math.exp(min(700.0, update / k - math.log(k))))
