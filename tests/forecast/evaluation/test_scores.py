"""The dictionary of metrics: its shape, its numbers worked by hand, and that any JSON reader takes it."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from unspool.errors import DataError
from unspool.forecast.evaluation import metrics
from unspool.forecast.evaluation.hardest import MOST
from unspool.forecast.evaluation.scores import score
from unspool.forecast.result import MODEL, Fold

LEVELS = [0.1, 0.25, 0.5, 0.75, 0.9]
NAN = float("nan")


def fold(number, actual, model, naive, spread=1.0, scale=None, ids=None):
    actual, model, naive = (np.asarray(a, dtype=float) for a in (actual, model, naive))
    count, horizon = actual.shape
    scale = np.ones(count) if scale is None else np.asarray(scale, dtype=float)
    return Fold(
        number=number,
        ids=tuple(f"s{i}" for i in range(count)) if ids is None else tuple(ids),
        last_seen=np.full(count, 10 * number),
        times=10 * number + 1 + np.tile(np.arange(horizon), (count, 1)),
        actual=actual,
        point={MODEL: model, "last_value": naive},
        quantiles=model[..., None] + spread * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]),
        mase_scale=scale,
        rmsse_scale=scale**2,
        history=tuple(np.zeros(3) for _ in range(count)),
        training=None,
    )


def two_folds():
    return [
        fold(1, [[1, 2], [3, NAN]], [[1, 4], [3, 9]], [[0, 0], [3, 3]], scale=[2, 1]),
        fold(2, [[5, 5]], [[8, 5]], [[5, 10]], ids=["s0"], scale=[3]),
    ]


def test_by_hand():
    found = score(two_folds(), LEVELS, ["here", "there"])
    assert set(found) == {"overall", "by_step", "folds", "coverage", "calibration", "skill", "worst"}
    model, naive = found["overall"][MODEL], found["overall"]["last_value"]
    # errors of the model 0 2 | 0 | 3 0, of the naive 1 2 | 0 | 0 5
    assert model["mae"] == pytest.approx(5 / 5)
    assert model["mse"] == pytest.approx(13 / 5)
    assert model["rmse"] == pytest.approx(math.sqrt(13 / 5))
    assert model["mase"] == pytest.approx((1 / 2 + 0 + 1.5 / 3) / 3)
    assert model["rmsse"] == pytest.approx((math.sqrt(2) / 2 + 0 + math.sqrt(4.5) / 3) / 3)
    assert naive["mae"] == pytest.approx(8 / 5)
    assert naive["crps"] == naive["mae"]
    assert set(model) - set(naive) == {"quantile_loss", "weighted_quantile_loss"}
    assert found["skill"] == {
        "last_value": {
            "mae": pytest.approx(1 - 5 / 8),
            "mse": pytest.approx(1 - 13 / 30),
            "mase": pytest.approx(1 - model["mase"] / naive["mase"]),
        }
    }
    assert found["by_step"][MODEL]["mae"] == pytest.approx([3 / 3, 2 / 2])
    assert found["by_step"]["last_value"]["mse"] == pytest.approx([1 / 3, 29 / 2])
    assert [(entry["number"], entry["cutoff"]) for entry in found["folds"]] == [(1, "here"), (2, "there")]
    assert found["folds"][1][MODEL]["mae"] == pytest.approx(1.5)
    # |error| ≤ 1: 3 of 5; ≤ 2: 4 of 5
    assert found["coverage"] == [
        {"nominal": 0.5, "actual": pytest.approx(3 / 5), "width": pytest.approx(2.0)},
        {"nominal": 0.8, "actual": pytest.approx(4 / 5), "width": pytest.approx(4.0)},
    ]
    # actual − model: 0 −2 0 −3 0, against −2 −1 0 1 2
    assert [entry["actual"] for entry in found["calibration"]] == pytest.approx([2 / 5, 2 / 5, 1, 1, 1])
    assert [entry["level"] for entry in found["calibration"]] == LEVELS
    assert found["worst"] == [
        {"series": "s0", "mase": pytest.approx((0.5 + 0.5) / 2)},
        {"series": "s1", "mase": pytest.approx(0.0)},
    ]


def test_the_parts_agree():
    """Overall is the mean of the steps and the folds where nothing is missing; the model's CRPS is the metric's."""
    rng = np.random.default_rng(0)
    folds = [fold(n, *rng.normal(size=(3, 4, 6)), scale=rng.uniform(1, 2, 4)) for n in (1, 2, 3)]
    found = score(folds, LEVELS)
    for name, values in found["overall"].items():
        for metric in ("mae", "mse", "smape", "mase", "crps"):
            assert np.mean(found["by_step"][name][metric]) == pytest.approx(values[metric])
            assert np.mean([entry[name][metric] for entry in found["folds"]]) == pytest.approx(values[metric])
        assert set(found["by_step"][name]) == set(values)
    actual, quantiles = np.concatenate([f.actual for f in folds]), np.concatenate([f.quantiles for f in folds])
    assert found["overall"][MODEL]["crps"] == pytest.approx(metrics.crps(actual, quantiles, LEVELS))
    assert [entry["cutoff"] for entry in found["folds"]] == ["10", "20", "30"]


def test_a_perfect_and_a_worse_model():
    actual = [[1.0, 2.0, 4.0]]
    perfect = score([fold(1, actual, actual, [[1, 1, 1]])], LEVELS)["skill"]["last_value"]
    assert perfect == {"mae": 1.0, "mse": 1.0, "mase": 1.0}
    worse = score([fold(1, actual, [[9, 9, 9]], [[1, 1, 1]])], LEVELS)["skill"]["last_value"]
    assert all(value < 0 for value in worse.values())


def test_it_is_json_without_nan():
    """A constant series, an exact baseline, a step that nobody observed, a baseline without an answer."""
    constant = [fold(1, [[5, NAN]], [[6, 6]], [[5, 5]], scale=[0.0])]
    found = score(constant, LEVELS)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["overall"][MODEL]["mase"] is None
    assert found["by_step"][MODEL]["mae"] == [1.0, None]
    assert found["skill"]["last_value"] == {"mae": None, "mse": None, "mase": None}
    assert found["worst"] == []
    silent = score([fold(1, [[5, 6]], [[6, 6]], [[NAN, NAN]])], LEVELS)
    assert silent["overall"]["last_value"]["mae"] is None
    assert silent["skill"]["last_value"]["mae"] is None
    json.dumps(silent, allow_nan=False)


def test_levels_without_pairs_and_without_any():
    lone = fold(1, [[5, 6]], [[6, 6]], [[5, 5]])
    some = Fold(**{**vars(lone), "quantiles": lone.quantiles[..., 1:4]})
    assert [entry["nominal"] for entry in score([some], [0.2, 0.5, 0.7])["coverage"]] == []
    none = Fold(**{**vars(lone), "quantiles": lone.quantiles[..., :0]})
    found = score([none], [])
    assert found["calibration"] == []
    assert "crps" not in found["overall"][MODEL]


def test_the_worst_series_come_first_and_are_few():
    rng = np.random.default_rng(1)
    error = rng.permutation(50).astype(float)[:, None]
    found = score([fold(1, np.zeros((50, 1)), error, error)], LEVELS)["worst"]
    assert len(found) == MOST
    assert [entry["mase"] for entry in found] == sorted(error.ravel(), reverse=True)[:MOST]
    assert found[0]["series"] == f"s{int(np.argmax(error))}"


def test_nothing_to_score_is_said():
    with pytest.raises(DataError, match="no value was observed"):
        score([], LEVELS)
    with pytest.raises(DataError, match="no value was observed"):
        score([fold(1, [[NAN, NAN]], [[6, 6]], [[5, 5]])], LEVELS)


def test_where_the_seasonal_naive_is_better_by_most():
    rng = np.random.default_rng(0)
    actual = np.zeros((60, 2))
    mine, naive = np.abs(rng.normal(size=(2, 60, 1))) * np.ones(2)
    one = fold(1, actual, mine, naive)
    one = replace(one, point={MODEL: mine, "seasonal_naive": naive})
    found = score([one], LEVELS)
    scale, behind = one.mase_scale, (mine - naive)[:, 0] / one.mase_scale
    wanted = [f"s{k}" for k in np.argsort(-behind) if behind[k] > 0][:MOST]
    assert [entry["series"] for entry in found["lost"]] == wanted
    first = int(wanted[0][1:])
    assert found["lost"][0]["mase"] == pytest.approx(mine[first, 0] / scale[first])
    assert found["lost"][0]["seasonal_naive"] == pytest.approx(naive[first, 0] / scale[first])
    assert len(found["worst"]) == MOST
