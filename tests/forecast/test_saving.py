"""A saved model: JSON and safetensors, the same bytes, nothing executed."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.forecast.samples import frame_of, small, wave
from unspool.errors import OutputError, UnspoolError
from unspool.forecast import Forecaster
from unspool.forecast.ensemble import lead_of

FRAME = frame_of(wave(60), wave(60, seed=1))


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return small(steps=3).fit(FRAME)


def test_two_files_of_the_same_bytes(fitted: Forecaster, tmp_path: Path):
    fitted.save(tmp_path / "one")
    small(steps=3).fit(FRAME).save(tmp_path / "two")
    Forecaster.load(tmp_path / "one")
    for name in ("model.json", "weights.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        assert (tmp_path / "one" / name).stat().st_mode & 0o044
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["model.json", "weights.safetensors"]


def test_nothing_is_replaced(fitted: Forecaster, tmp_path: Path):
    fitted.save(tmp_path / "model")
    with pytest.raises(OutputError, match="exists"):
        fitted.save(tmp_path / "model")


def test_what_was_learned_comes_back(fitted: Forecaster, tmp_path: Path):
    fitted.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert loaded.recipe_.model == fitted.model_.recipe.model
    assert loaded.model_.ids == ("s0", "s1")
    assert loaded.model_.shifts == fitted.model_.shifts
    assert loaded.frequency_ == fitted.frequency_
    assert loaded.columns_ == fitted.columns_
    assert np.array_equal(loaded.forecast(FRAME).quantiles, fitted.forecast().quantiles)


def test_members_come_back_without_the_refit_too(tmp_path: Path):
    forecaster = small(steps=3, members=2).fit(FRAME)
    forecaster.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert len(lead_of(loaded.model_).members) == loaded.recipe_.members == 2
    assert np.array_equal(loaded.forecast(FRAME).quantiles, forecaster.forecast().quantiles)


HOSTILE: list[Any] = [None, -1, 0, 10**30, 1e300, "x", "", [], {}, True, [[]], float("nan")]


def test_no_record_does_worse_than_a_clear_error(fitted: Forecaster, tmp_path: Path):
    """Any value anywhere in the record changed to nonsense: refused by an error of ours, or harmless."""
    fitted.save(tmp_path / "model")
    record = json.loads((tmp_path / "model" / "model.json").read_text())
    draw = random.Random(0)
    inside = [p for p in places(record) if p[0] != "epochs"]
    refused = 0
    for _ in range(150):
        changed = json.loads(json.dumps(record))
        *way, last = draw.choice(inside)
        inner = changed
        for key in way:
            inner = inner[key]
        inner[last] = draw.choice(HOSTILE)
        (tmp_path / "model" / "model.json").write_text(json.dumps(changed))
        try:
            found = Forecaster.load(tmp_path / "model").forecast(FRAME)
        except UnspoolError:
            refused += 1
        else:
            assert np.isfinite(found.quantiles).all(), (way, last, inner[last])
    assert refused > 50


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested lists and objects."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ([way] if way else []) + [place for key, below in inner for place in places(below, (*way, key))]
