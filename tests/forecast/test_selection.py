"""Which candidates make an ensemble, on forecasts whose losses are known."""

import numpy as np
import pytest

from unspool.forecast.budget import Budget, read_budget
from unspool.forecast.evaluation.metrics import quantile_loss
from unspool.forecast.selection import DRAWS, MOST, mixed, select, step_loss, without

LEVELS = (0.1, 0.5, 0.9)
NOISE = np.random.default_rng(0)
ACTUAL = NOISE.normal(size=(60, 4))


def forecast(shift: float = 0.0, noise: float = 0.0, seed: int = 1) -> np.ndarray:
    """[M, H, Q] around what came, off by a shift and noise."""
    centre = ACTUAL + shift + noise * np.random.default_rng(seed).normal(size=ACTUAL.shape)
    return centre[..., None] + np.array([-1.0, 0.0, 1.0])


def loss(found: np.ndarray) -> float:
    return quantile_loss(ACTUAL, found, LEVELS)


def test_two_that_err_to_opposite_sides_are_taken_in_the_shares_that_cancel():
    assert select([forecast(1.0), forecast(-1.0)], ACTUAL, LEVELS) == [1, 1]
    counts = select([forecast(2.0), forecast(-1.0), forecast(9.0)], ACTUAL, LEVELS)
    assert (counts[1] / counts[0], counts[2]) == (2.0, 0)


def test_one_that_beats_all_mixtures_stands_alone():
    counts = select([forecast(3.0), forecast(0.0), forecast(2.0)], ACTUAL, LEVELS)
    assert [count > 0 for count in counts] == [False, True, False]


def test_the_best_are_in_from_the_start_and_the_rest_only_weighs_them():
    many = [forecast(0.1 * k, 1.0, seed=k) for k in range(9)]
    counts = select(many, ACTUAL, LEVELS)
    best = sorted(range(9), key=lambda k: loss(many[k]))[:MOST]
    assert [k for k, count in enumerate(counts) if count] == sorted(best)
    assert sum(counts) <= DRAWS
    whole = loss(mixed(many, counts))
    assert whole <= loss(np.mean([many[k] for k in best], axis=0))
    assert whole < min(map(loss, many))


def test_a_lucky_one_does_not_stand_alone_among_its_like():
    counts = select([forecast(0.2), forecast(0.21), forecast(0.22)], ACTUAL, LEVELS)
    assert min(counts) == 1
    assert counts[0] == max(counts)


def test_every_step_ahead_counts_the_same():
    """A step that was seen once counts as one that was seen sixty times."""
    once = np.where(np.arange(60)[:, None] * (np.arange(4) == 3) > 0, np.nan, ACTUAL)
    found = forecast()
    found[0, 3] += 4.0
    whole = sum(step_loss(once[:, k : k + 1], found[:, k : k + 1], LEVELS) for k in range(4)) / 4
    assert step_loss(once, found, LEVELS) == pytest.approx(whole)
    assert whole > quantile_loss(once, found, LEVELS) + 0.2
    assert step_loss(ACTUAL, found, LEVELS) == pytest.approx(quantile_loss(ACTUAL, found, LEVELS))


def test_without_is_the_mean_of_the_others_in_their_shares():
    many = [forecast(1.0), forecast(0.0, 0.5), forecast(-0.5)]
    by_hand = loss((3 * many[0] + 2 * many[2]) / 5)
    assert without(many, [3, 1, 2], ACTUAL, LEVELS)[1] == pytest.approx(by_hand, rel=1e-12)
    assert without(many[:1], [3], ACTUAL, LEVELS) == [np.inf]


def test_what_was_not_observed_does_not_count():
    holes = np.where(np.arange(4) < 2, np.nan, ACTUAL)
    good_there, good_elsewhere = forecast(), forecast()
    good_there[:, :2] += 50
    good_elsewhere[:, 2:] += 5
    assert select([good_elsewhere, good_there], holes, LEVELS)[0] == 0


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("60s", Budget(60)), ("5m", Budget(300)), ("1.5h", Budget(5400)), (" 90 ", Budget(90)), (2.5, Budget(2.5)),
        ("30 trials", Budget(trials=30)), ("1TRIAL", Budget(trials=1)), (Budget(7), Budget(7)),
    ],
)  # fmt: skip
def test_what_a_budget_may_be(text: str | float | Budget, budget: Budget):
    assert read_budget(text) == budget
    assert read_budget(str(budget)) == budget
