"""Which of the fitted candidates make an ensemble: greedy forward selection with replacement.

Caruana, Niculescu-Mizil, Crew & Ksikes 2004, "Ensemble selection from libraries of models", ICML. Begin with the best
candidates, each once (their sorted initialisation: a validation part is small, and one that is best there by luck
should not stand alone); add, again and again, the one that makes the averaged forecast best, one that is in counting
twice; take the stage with the lowest loss. Averages of ordered quantiles are ordered.
"""

from collections.abc import Sequence

import numpy as np

from unspool.forecast.evaluation.metrics import pinball

MOST = 4
"""Different members at most: each is fitted again before every cutoff."""

DRAWS = 8
"""Members counted with their repetitions, at most: none of several weighs less than an eighth."""

NEAR = 4.0
"""Times the lowest loss up to which a candidate is in from the start."""


def step_loss(actual: np.ndarray, quantiles: np.ndarray, levels: Sequence[float]) -> float:
    """Mean pinball loss in which every step ahead counts the same.

    Near the end of a validation part only the first steps of a horizon are there: in a plain mean they would count
    most, and what forecasts the next step well need not forecast the last one.

    Args:
        actual: [M, H], NaN where nothing was observed.
        quantiles: [M, H, Q].
        levels: [Q].
    """
    seen = ~np.isnan(actual)
    lost = np.where(seen, pinball(actual, quantiles, levels).mean(-1), 0.0)
    there = seen.sum(0)
    return float((lost.sum(0)[there > 0] / there[there > 0]).mean())


def select(forecasts: Sequence[np.ndarray], actual: np.ndarray, levels: Sequence[float]) -> list[int]:
    """How often each candidate counts in the ensemble; 0 for those left out.

    Args:
        forecasts: [M, H, Q] quantiles of each candidate.
        actual: [M, H], NaN where nothing was observed.
        levels: [Q].

    Cost: `DRAWS` losses for each candidate.
    """
    alone = [step_loss(actual, forecast, levels) for forecast in forecasts]
    first = sorted(range(len(alone)), key=lambda k: alone[k])[:MOST]
    counts = [int(k in first and loss <= NEAR * min(alone)) for k, loss in enumerate(alone)]
    best, lowest = counts.copy(), step_loss(actual, mixed(forecasts, counts), levels)
    while sum(counts) < DRAWS:
        full = sum(count > 0 for count in counts) == MOST
        losses = {
            k: step_loss(actual, mixed([*forecasts, forecasts[k]], [*counts, 1]), levels)
            for k in range(len(forecasts))
            if counts[k] or not full
        }
        taken = min(losses, key=lambda k: losses[k])
        counts[taken] += 1
        if losses[taken] < lowest:
            best, lowest = counts.copy(), losses[taken]
    return best


def mixed(forecasts: Sequence[np.ndarray], counts: Sequence[int]) -> np.ndarray:
    """The mean forecast, each counted so often; by position, of arrays of one shape."""
    total = sum(count * forecast for forecast, count in zip(forecasts, counts, strict=True) if count)
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
        found.append(step_loss(actual, mixed(forecasts, rest), levels) if sum(rest) else np.inf)
    return found
