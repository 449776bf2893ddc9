"""Normalisation: masked values do not count, and a window moved or stretched gives a level moved or stretched."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unspool.forecast.normalise import NORMALISATIONS

PAST = torch.tensor([[1.0, 5.0, 3.0, 8.0, 2.0, 9.0]])
FULL = torch.ones_like(PAST)


@pytest.mark.parametrize(
    ("name", "level", "unit"),
    [
        ("last", 9.0, 1.0),
        ("scaled", 9.0, (PAST.var(correction=0).item() + 1e-4) ** 0.5),
        ("mean", PAST.mean().item(), 1.0),
        ("standard", PAST.mean().item(), (PAST.var(correction=0).item() + 1e-4) ** 0.5),
    ],
)
def test_what_is_taken_off_and_divided_by(name: str, level: float, unit: float):
    found = NORMALISATIONS[name](PAST, FULL, 4, 3)
    assert found.past.item() == pytest.approx(level)
    assert found.future.item() == pytest.approx(level)
    assert found.unit.item() == pytest.approx(unit)


def test_season_goes_on_with_the_last_turn():
    found = NORMALISATIONS["season"](PAST, FULL, 4, 3)
    assert found.past.tolist() == [[8, 2, 9, 8, 2, 9]]
    assert found.future.tolist() == [[8, 2, 9, 8]]


def test_season_where_the_window_is_not_whole_turns():
    found = NORMALISATIONS["season"](PAST, FULL, 5, 4)
    assert found.past[0, -4:].tolist() == [3, 8, 2, 9]
    assert found.future.tolist() == [[3, 8, 2, 9, 3]]


def test_season_takes_the_newest_that_was_observed_and_the_mean_where_none_was():
    mask = torch.tensor([[1.0, 0, 1, 0, 0, 1]])
    found = NORMALISATIONS["season"](PAST, mask, 3, 3)
    assert found.future[0, [0, 2]].tolist() == [1, 9]
    assert found.future[0, 1].item() == pytest.approx((1 + 3 + 9) / 3)


@pytest.mark.parametrize("name", ["last", "scaled"])
def test_the_last_observed_value_not_the_last_step(name: str):
    mask = torch.tensor([[1.0, 1, 1, 1, 0, 0]])
    assert NORMALISATIONS[name](PAST, mask, 4, 3).future.item() == 8


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_nothing_observed_gives_finite_numbers(name: str):
    found = NORMALISATIONS[name](torch.zeros(1, 6), torch.zeros(1, 6), 4, 3)
    assert all(part.isfinite().all() for part in (found.past, found.future, found.unit))
    assert found.unit.min() > 0


@pytest.mark.parametrize("name", NORMALISATIONS)
@given(seed=st.integers(0, 10_000), season=st.integers(1, 6), horizon=st.integers(1, 9))
def test_placeholders_of_missing_values_change_nothing(name: str, seed: int, season: int, horizon: int):
    generator = torch.Generator().manual_seed(seed)
    past, other = torch.randn(2, 3, 6, generator=generator)
    mask = torch.randint(0, 2, (3, 6), generator=generator).float()
    one = NORMALISATIONS[name](past * mask, mask, horizon, season)
    two = NORMALISATIONS[name](past * mask + 100 * other * (1 - mask), mask, horizon, season)
    observed = mask.sum(1) > 0
    for a, b in ((one.past, two.past), (one.future, two.future), (one.unit, two.unit)):
        assert torch.allclose(a[observed], b[observed], rtol=1e-5, atol=1e-5)


@given(seed=st.integers(0, 10_000), size=st.floats(0.5, 50))
def test_a_ratio_keeps_zero_and_takes_the_size_off(seed: int, size: float):
    past = 0.5 + torch.rand(2, 6, generator=torch.Generator().manual_seed(seed))
    one, two = (NORMALISATIONS["ratio"](p, torch.ones(2, 6), 4, 3) for p in (past, size * past))
    assert (one.past == 0).all()
    assert (one.future == 0).all()
    assert torch.allclose(past / one.unit, size * past / two.unit, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in NORMALISATIONS if name != "ratio"])
@given(seed=st.integers(0, 10_000), shift=st.floats(-50, 50))
def test_a_window_moved_moves_its_level_alone(name: str, seed: int, shift: float):
    past = torch.randn(2, 6, generator=torch.Generator().manual_seed(seed))
    one = NORMALISATIONS[name](past, torch.ones(2, 6), 4, 3)
    two = NORMALISATIONS[name](past + shift, torch.ones(2, 6), 4, 3)
    assert torch.allclose(one.future + shift, two.future, atol=1e-4)
    assert torch.allclose(one.past + shift, two.past, atol=1e-4)
    assert torch.allclose(one.unit, two.unit, atol=1e-3)
