"""The still picture of a forecast."""

import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from report_samples import LEVELS, quantiles_around, sample

from unspool.errors import OutputError
from unspool.forecast.result import Forecast
from unspool.report.picture import PAPER, forecast_picture


def test_a_picture_is_drawn_with_its_own_ground_and_the_same_each_time(tmp_path):
    pytest.importorskip("matplotlib")
    report = sample(length=600, folds=0)
    assert report.forecast is not None
    for name in ("a.svg", "b.svg"):
        forecast_picture(tmp_path / name, report.history[0], report.forecast, title="Weekly CO2")
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    assert ET.fromstring(text).tag.endswith("svg")
    assert f"fill: {PAPER}" in text
    forecast_picture(tmp_path / "c.png", report.history[0], report.forecast)
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_one_step_of_an_integer_series_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    point = np.ones((1, 1))
    forecast = Forecast(("y",), np.array([[30]]), point, quantiles_around(point), LEVELS)
    forecast_picture(tmp_path / "a.svg", ("y", np.arange(30), np.full(30, np.nan)), forecast)


def test_without_matplotlib_the_mend_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    report = sample(length=200, horizon=4, folds=0)
    assert report.forecast is not None
    with pytest.raises(OutputError, match="needs matplotlib"):
        forecast_picture(tmp_path / "a.svg", report.history[0], report.forecast)
    with pytest.raises(OutputError, match=r"neither \.svg nor \.png"):
        forecast_picture(tmp_path / "a.gif", report.history[0], report.forecast)
    assert not list(tmp_path.iterdir())
