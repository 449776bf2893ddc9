"""Which of the fitted candidates make an ensemble: greedy forward selection with replacement.

Caruana, Niculescu-Mizil, Crew & Ksikes 2004, "Ensemble selection from libraries of models", ICML. Begin with the best
candidate; add, again and again, the one that makes the averaged forecast best, one that is in already counting twice;
take the stage with the lowest loss. Members that add next to nothing are then left out again: each costs a fit.
Averages of ordered quantiles are ordered.
"""

from collections.abc import Sequence

import numpy as np

from unspool.forecast.evaluation.metrics import quantile_loss

MOST = 4
"""Different members at most: each is fitted again before every cutoff."""

DRAWS = 12
"""Members counted with their repetitions, at most: weights are multiples of a twelfth, or coarser."""

WORTH = 0.005
"""Share by which the loss must rise without a member for it to be kept."""


def select(forecasts: Sequence[np.ndarray], actual: np.ndarray, levels: Sequence[float]) -> list[int]:
    """How often each candidate counts in the ensemble; 0 for those left out.

    Args:
        forecasts: [M, H, Q] quantiles of each candidate.
        actual: [M, H], NaN where nothing was observed.
        levels: [Q].

    Cost: `DRAWS` losses for each candidate.
    """
    counts, best, lowest = [0] * len(forecasts), [0] * len(forecasts), np.inf
    total = np.zeros_like(forecasts[0])
    for drawn in range(1, DRAWS + 1):
        full = sum(count > 0 for count in counts) == MOST
        open_ = [k for k in range(len(forecasts)) if counts[k] or not full]
        losses = {k: quantile_loss(actual, (total + forecasts[k]) / drawn, levels) for k in open_}
        taken = min(losses, key=lambda k: losses[k])
        counts[taken] += 1
        total = total + forecasts[taken]
        if losses[taken] < lowest:
            best, lowest = counts.copy(), losses[taken]
    while sum(count > 0 for count in best) > 1:
        rest = {k: loss for k, loss in enumerate(without(forecasts, best, actual, levels)) if best[k]}
        least = min(rest, key=lambda k: rest[k])
        if rest[least] > (1 + WORTH) * lowest:
            break
        best[least] = 0
    return best


def mixed(forecasts: Sequence[np.ndarray], counts: Sequence[int]) -> np.ndarray:
    """The mean forecast, each counted so often; by position, of arrays of one shape."""
    total = sum(count * forecast for forecast, count in zip(forecasts, counts, strict=True))
    return np.asarray(total / sum(counts))


def without(
    forecasts: Sequence[np.ndarray], counts: Sequence[int], actual: np.ndarray, levels: Sequence[float]
) -> list[float]:
    """The ensemble's loss if each of its members were left out and the others counted as before.

    Infinite where nothing would be left.
    """
    found = []
    for k in range(len(forecasts)):
        rest = [count if i != k else 0 for i, count in enumerate(counts)]
        found.append(quantile_loss(actual, mixed(forecasts, rest), levels) if sum(rest) else np.inf)
    return found
