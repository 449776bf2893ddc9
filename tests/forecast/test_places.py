"""Places of windows, counted and not stored."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.forecast.samples import panel_of, wave
from unspool.forecast.batches import batches
from unspool.forecast.places import Places
from unspool.forecast.windows import Scales, Windows

BOUNDS = st.lists(st.tuples(st.integers(0, 6), st.integers(-2, 9), st.integers(0, 12)), min_size=1, max_size=6)


@given(BOUNDS, st.data())
def test_every_row_is_where_a_table_would_have_it(bounds: list[tuple[int, int, int]], data: st.DataObject):
    low, high, limit = np.array(bounds).T
    table = [[i, c, limit[i]] for i in range(len(bounds)) for c in range(low[i], high[i] + 1)]
    out = sorted(data.draw(st.sets(st.sampled_from(range(len(table))) if table else st.nothing())))
    places = Places(low, high, limit)
    places.leave_out(torch.tensor(out, dtype=torch.int64))
    wanted = [row for k, row in enumerate(table) if k not in out]
    assert len(places) == len(wanted)
    assert places.all().tolist() == wanted
    assert places.counts().tolist() == [sum(row[0] == i for row in wanted) for i in range(len(bounds))]


def test_windows_of_gappy_series_of_many_lengths_are_those_of_each_alone():
    series = [wave(50), wave(9, seed=1), wave(33, seed=2)]
    series[0][5:30] = np.nan
    series[2][[0, 7, 8]] = np.nan
    panel = panel_of(*series)
    whole = Windows(panel, Scales.of([s.values for s in panel.series]), 6, 4, 1, panel.frequency.feature_names)
    places = whole.places(np.zeros(3, np.int64), whole.lengths, shortest=2)
    joint = whole.cut(places)
    for i, one in enumerate(panel.series):
        alone = panel_of(one.values)
        single = Windows(alone, Scales.of([one.values]), 6, 4, 1, panel.frequency.feature_names)
        cut = single.cut(single.places(np.zeros(1, np.int64), single.lengths, shortest=2))
        mine = places[:, 0] == i
        for name in ("past", "past_mask", "calendar", "future", "future_mask"):
            assert torch.equal(getattr(joint, name)[mine], getattr(cut, name)), name


def test_of_very_many_windows_each_batch_is_drawn_by_itself(monkeypatch):
    panel = panel_of(wave(80))
    windows = Windows(panel, Scales.of([panel.series[0].values]), 14, 5)
    places = windows.enumerate(np.array([0]), np.array([80]))
    monkeypatch.setattr("unspool.forecast.batches.SHUFFLED", 10)
    monkeypatch.setattr(torch, "randperm", None)  # no order of all places is made
    first, again = (batches(windows, places, 30, seed=3) for _ in range(2))
    drawn = [next(first).past for _ in range(5)]
    assert torch.equal(torch.stack(drawn), torch.stack([next(again).past for _ in range(5)]))
    assert len(torch.unique(torch.cat(drawn), dim=0)) > 50


def test_a_batch_in_parts_is_the_batch():
    panel = panel_of(wave(40), wave(30, seed=1))
    windows = Windows(panel, Scales.of([s.values for s in panel.series]), 6, 4)
    window = windows.cut(windows.places(np.zeros(2, np.int64), windows.lengths))
    parts = list(window.parts(10))
    assert [len(part.past) for part in parts][:-1] == [10] * (len(parts) - 1)
    assert torch.equal(torch.cat([part.future for part in parts]), window.future)
    assert torch.equal(torch.cat([part.series for part in parts]), window.series)
