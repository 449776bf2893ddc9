"""The module that is exported gives our own forecast, from arrays as another program has them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.forecast.export.fitted import Fitted, covariates, plain, uneven
from unspool.forecast.export.graph import Whole
from unspool.forecast.export.reading import arrays_of, inputs
from unspool.forecast.export.sample import sample_panel

KINDS: dict[str, Callable[[], Fitted]] = {
    "segment": plain,
    "members, refit": lambda: plain(members=2, refit=True, highway=True, normalisation="scaled"),
    "direct, a gap": lambda: plain(network="direct", cell="lstm", gap=2, normalisation="standard"),
    "onward, season": lambda: plain(network="onward", cell="gru_reset_before", normalisation="season", highway=True),
    "made matrices": lambda: plain(network="direct", cell="exprnn", normalisation="mean"),
    "covariates, segment": lambda: covariates(highway=True),
    "covariates, onward": lambda: covariates(network="onward", gap=0, normalisation="mean"),
    "uneven": uneven,
}


@pytest.fixture(scope="module", params=list(KINDS.values()), ids=list(KINDS))
def fitted(request: pytest.FixtureRequest) -> Fitted:
    return request.param()


def run(fitted: Fitted, arrays: dict[str, np.ndarray]) -> np.ndarray:
    with torch.no_grad():
        return Whole(fitted[0].model_).eval()(*map(torch.from_numpy, arrays.values())).numpy()


def test_it_is_the_forecast(fitted: Fitted):
    forecaster, panel = fitted
    ours = forecaster.forecast(panel).quantiles
    found = run(fitted, arrays_of(forecaster.model_, panel))
    assert found.shape == ours.shape
    spread = forecaster.model_.scales_of(panel)[0].spread[:, None, None]
    assert np.abs((found - ours) / spread).max() < 1e-5


def test_each_input_counts(fitted: Fitted):
    """An array that changes nothing would be one that is wired to nothing."""
    forecaster, panel = fitted
    whole = arrays_of(forecaster.model_, panel)
    arrays, ours = whole.copy(), run(fitted, whole)
    del arrays["centre"]  # what every normalisation takes off again
    for name, array in arrays.items():
        other = np.where(array == 0, 1, 0) if name == "series" else array[..., ::-1] + 0.5
        moved = run(fitted, whole | {name: np.ascontiguousarray(other.astype(array.dtype))})
        assert not np.allclose(moved, ours, atol=1e-9), name


def test_the_unit_of_the_data_does_not_count(fitted: Fitted):
    arrays = arrays_of(fitted[0].model_, fitted[1])
    other = arrays | {"values": 4 * arrays["values"] - 7, "centre": 4 * arrays["centre"] - 7}
    other["spread"] = 4 * arrays["spread"]
    wanted = 4 * run(fitted, arrays) - 7
    assert np.abs(run(fitted, other) - wanted).max() < 1e-4 * other["spread"].max()


def test_the_arrays_are_those_that_are_declared(fitted: Fitted):
    forecaster, panel = fitted
    arrays = arrays_of(forecaster.model_, panel)
    declared = {
        one.name: ((len(panel.series), *one.shape), one.dtype) for one in inputs(forecaster.model_.recipe.model)
    }
    assert {name: (array.shape, array.dtype.name) for name, array in arrays.items()} == declared


def test_made_up_series_show_what_a_model_may_meet(fitted: Fitted):
    forecaster, _ = fitted
    panel = sample_panel(forecaster.model_, forecaster.columns_, forecaster.frequency_)
    arrays = arrays_of(forecaster.model_, panel)
    ours = forecaster.model_.quantiles(panel)
    assert np.isnan(arrays["values"]).any()
    assert np.isfinite(ours).all()
    assert arrays.get("series", np.array([-1]))[-1] == -1
    assert np.abs((run(fitted, arrays) - ours) / arrays["spread"][:, None, None]).max() < 1e-5
