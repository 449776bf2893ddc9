"""What cannot be explained is said in one line, with what to do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.forecast.explanation.samples import untrained, with_covariates
from tests.forecast.samples import panel_of, small, wave
from unspool.errors import DataError, ModelError, SettingError
from unspool.forecast import explain
from unspool.forecast.model import ForecastModel


def test_an_unknown_series_and_a_near_one():
    panel = panel_of(wave(40), wave(40, seed=1))
    with pytest.raises(DataError, match="no series 's11' in the data") as caught:
        explain(untrained(panel), panel, series=["s11"])
    assert caught.value.hint == "did you mean 's1'? there are 's0', 's1'"
    with pytest.raises(DataError, match="no series is named"):
        explain(untrained(panel), panel, series=[])


@pytest.mark.parametrize(("ahead", "message"), [([0], "step 0"), ([1, 6], "step 6"), ([], "no step ahead")])
def test_steps_that_are_not_forecast(ahead: list[int], message: str):
    panel = panel_of(wave(40))
    with pytest.raises(SettingError, match=message) as caught:
        explain(untrained(panel), panel, ahead=ahead)
    assert caught.value.hint == "give steps from 1 to 5"
    with pytest.raises(SettingError, match="nodes is 0"):
        explain(untrained(panel), panel, nodes=0)


def test_without_the_future_or_data_or_a_fit():
    panel = with_covariates()
    cut = [replace(one, known=None if one.known is None else one.known[: len(one.values)]) for one in panel.series]
    with pytest.raises(DataError, match="not given for the horizon"):
        explain(untrained(panel), replace(panel, series=tuple(cut)))
    with pytest.raises(ModelError, match="not fitted"):
        small().explain()
    loaded = small()
    loaded.model_ = untrained(panel)
    with pytest.raises(ModelError, match="no data of its own"):
        loaded.explain()


def test_nothing_in_the_window():
    values = wave(40)
    values[-14:] = np.nan
    panel = panel_of(wave(40), values)
    model = untrained(panel_of(wave(40), wave(40)))
    with pytest.raises(DataError, match="'s1' has no value in its last 14 steps"):
        explain(model, panel)
    assert len(explain(model, panel, series=["s0"]).series) == 1


def test_a_network_without_gradients_says_so(monkeypatch: pytest.MonkeyPatch):
    panel = panel_of(wave(40))
    model = untrained(panel, network="direct")
    monkeypatch.setattr(ForecastModel, "forward", torch.no_grad()(ForecastModel.forward))
    with pytest.raises(ModelError, match="no gradient passes"):
        explain(model, panel)
