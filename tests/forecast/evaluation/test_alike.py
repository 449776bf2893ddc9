"""What is computed of many histories at once is what is computed of each, to the last bit."""

import numpy as np
import pytest

from unspool.forecast.evaluation import baselines, metrics
from unspool.forecast.evaluation.alike import of_each

METHODS = (baselines.last_value, baselines.seasonal_naive, baselines.drift, baselines.mean)


@pytest.fixture(scope="module")
def histories() -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    found = [draw.normal(size=n) * 10.0 ** (n % 5) for n in [1, 2, 5, 7, 8, 20, 50, 7, 20, 33, 50, 1]]
    found[5][[0, 3]] = np.nan
    found[6][-2:] = np.nan
    found[9][:] = np.nan
    return found


@pytest.mark.parametrize("season", [1, 7, 12])
@pytest.mark.parametrize("method", METHODS)
def test_baselines(histories: list[np.ndarray], method, season: int):
    found = baselines.BASELINES[method.__name__](histories, 9, season, gap=2, window=4)
    assert np.array_equal(found, [method(h, 11, season)[2:] for h in histories], equal_nan=True)


@pytest.mark.parametrize("season", [1, 7, 30])
def test_scales(histories: list[np.ndarray], season: int):
    for many, one in ((metrics.mase_scales, metrics.mase_scale), (metrics.rmsse_scales, metrics.rmsse_scale)):
        assert np.array_equal(many(histories, season), [one(h, season) for h in histories], equal_nan=True)


def test_a_table_takes_only_so_many_numbers(monkeypatch):
    from unspool.forecast.evaluation import alike

    monkeypatch.setattr(alike, "MOST", 100)
    sizes = []
    found = of_each(
        [np.full(10, float(k)) for k in range(50)], np.mean, lambda rows: sizes.append(rows.size) or rows[:, 0]
    )
    assert max(sizes) <= 100
    assert found.tolist() == list(range(50))
