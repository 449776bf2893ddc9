"""The network that is fed its own draws: its compiled loop, its lags, its paths."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.forecast.samples import panel_of, recipe_of, small, wave
from unspool.cells import built_in
from unspool.errors import DataError, ModelError, SettingError
from unspool.forecast import Forecaster
from unspool.forecast.ensemble import lead_of
from unspool.forecast.heads import COUNTS
from unspool.forecast.model import ModelSettings
from unspool.forecast.networks import Autoregressive
from unspool.forecast.recipe import build
from unspool.forecast.windows import Scales, Window, Windows

PANEL = panel_of(wave(80), 3 * wave(80, seed=1))
COUNTED = panel_of(np.random.default_rng(0).poisson(4, 80), np.random.default_rng(1).poisson(1, 80))


def network_of(**changes):
    """A network with random weights, a window for it, and its frame."""
    recipe = recipe_of(PANEL, network="autoregressive", **changes)
    model = build(recipe, 0).eval()
    return model, window_of(recipe)


def window_of(recipe) -> Window:
    s = recipe.model
    windows = Windows(PANEL, Scales.of([x.values for x in PANEL.series]), s.lookback, s.horizon, s.gap, s.features)
    places = windows.places(np.zeros(2, np.int64), windows.lengths, whole=True)
    return windows.cut(places[[3, 40, 90]])


@pytest.mark.parametrize(("head", "cell"), [("student", "lstm"), ("normal", "gru"), ("quantile", "gru")])
def test_the_compiled_loop_draws_what_the_loop_in_python_draws(head: str, cell: str):
    model, window = network_of(head=head, cell=cell, num_layers=2, horizon=17, lags=(3, 7), dropout=0.0)
    assert isinstance(model.network, Autoregressive)
    assert model.network.compiled
    found = []
    for compiled in (True, False):
        model.network.compiled = compiled
        torch.manual_seed(5)
        found.append(model.paths(window, 6, model.head.noise(3, 6, 17)))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("lags", [(), (2,), (3, 7), (7, 14)])
def test_a_path_is_what_teacher_forcing_says_of_it(lags: tuple[int, ...]):
    """Told its own path as the truth, the network says of every step the distribution that the step was drawn from."""
    model, window = network_of(head="normal", lags=lags, horizon=9, dropout=0.0)
    network = model.network
    assert isinstance(network, Autoregressive)
    reading = model._frame(window).reading
    noise = network.head.noise(3, 1, 9)
    drawn = network.paths(reading, 1, noise, torch.ones(3))[:, 0]
    said = network(reading, drawn, torch.ones_like(drawn))[:, -9:]
    torch.testing.assert_close(
        network.head.sample(said, {"epsilon": noise["epsilon"][:, 0]}, torch.ones(3)), drawn, rtol=1e-4, atol=1e-4
    )


def test_nothing_is_read_before_it_was_forecast():
    model, window = network_of(head="normal", lags=(2, 7), horizon=9)
    reading = model._frame(window).reading
    future = torch.randn(3, 9).requires_grad_()
    said = model.network(reading, future, torch.ones(3, 9))[:, -9:]
    for step in range(9):
        (gradient,) = torch.autograd.grad(said[:, step].sum(), future, retain_graph=True)
        assert (gradient[:, step:] == 0).all()
        assert step == 0 or (gradient[:, step - 1] != 0).all()


def test_any_cell_is_fed_its_draws():
    """One that its page does not let be compiled with features beside what is fed back runs in Python."""
    compiled = set()
    for cell in ("lmu", "elman"):
        assert cell in built_in()
        model, window = network_of(cell=cell)
        assert isinstance(model.network, Autoregressive)
        compiled.add(model.network.compiled)
        assert model(window)[0].isfinite().all()
    assert compiled == {True, False}


@pytest.fixture(scope="module")
def walked() -> Forecaster:
    """Fitted to random walks, whose steps are independent and normal with deviation 1."""
    steps = np.random.default_rng(0).normal(size=(6, 400))
    panel = panel_of(*np.cumsum(steps, 1))
    return small(
        network="autoregressive", head="normal", normalisation="last", steps=250, batch_size=64, validation=60,
        horizon=8, window=8, hidden_size=12, lags=(), learning_rate=0.02, dropout=0.0,
    ).fit(panel)  # fmt: skip


def test_paths_of_a_random_walk_have_the_spread_of_their_sum(walked: Forecaster):
    """y(t+k) has the variance k, the sum of H steps H (H + 1) (2 H + 1) / 6; independent steps would give Σ k."""
    paths = walked.forecast(paths=2000).paths
    assert paths is not None
    assert paths.shape == (6, 2000, 8)
    H = 8
    deviations = paths.std(1).mean(0)
    np.testing.assert_allclose(deviations, np.sqrt(np.arange(1, H + 1)), rtol=0.15)
    true, independent = np.sqrt(H * (H + 1) * (2 * H + 1) / 6), np.sqrt(H * (H + 1) / 2)
    of_sum = float(paths.sum(2).std(1).mean())
    assert of_sum == pytest.approx(true, rel=0.15)
    assert of_sum > 1.8 * independent


def test_paths_and_quantiles_say_the_same_of_a_step(walked: Forecaster):
    forecast = walked.forecast(paths=4000)
    assert forecast.paths is not None
    found = np.quantile(forecast.paths, forecast.levels, axis=1).transpose(1, 2, 0)
    spread = forecast.quantiles[..., -1:] - forecast.quantiles[..., :1]
    assert np.abs((found - forecast.quantiles) / spread).mean() < 0.04


def test_the_same_seed_draws_the_same_and_members_share_the_paths():
    options = {"network": "autoregressive", "refit": True, "members": 2, "steps": 4}
    one, two = (small(**options).fit(PANEL).forecast(paths=5) for _ in range(2))
    other = small(**options, seed=1).fit(PANEL).forecast(paths=5)
    assert one.paths is not None
    assert two.paths is not None
    assert one.paths.shape == (2, 5, 5)
    lone = small(**options).fit(PANEL).forecast(paths=1).paths
    assert lone is not None
    assert lone.shape == (2, 1, 5)
    assert one.paths.tobytes() == two.paths.tobytes()
    assert other.paths is not None
    assert (one.paths != other.paths).any()
    assert one.quantiles.tobytes() == small(**options).fit(PANEL).forecast().quantiles.tobytes()


def test_paths_of_a_series_are_its_own():
    """Whatever stands beside it; and two series alike but for their names have paths of their own."""
    panel = panel_of(wave(80), wave(80))
    forecaster = small(network="autoregressive", steps=4).fit(panel)
    paths = forecaster.forecast(paths=6).paths
    alone = forecaster.forecast(replace(panel, series=panel.series[1:]), paths=6).paths
    assert paths is not None
    assert alone is not None
    np.testing.assert_allclose(alone[0], paths[1], rtol=1e-5)
    moved = (paths - paths.mean(1, keepdims=True)).reshape(2, -1)
    assert abs(np.corrcoef(moved)[0, 1]) < 0.5


@pytest.mark.parametrize("head", COUNTS)
@pytest.mark.parametrize("network", ["autoregressive", "segment", "direct", "onward"])
def test_counts_are_never_negative(head: str, network: str, tmp_path):
    paths = 4 if network == "autoregressive" else 0
    forecaster = small(network=network, head=head, normalisation="auto", steps=4).fit(COUNTED)
    forecast = forecaster.forecast(paths=paths)
    assert (forecast.quantiles >= 0).all()
    if head == "negative_binomial" and network != "autoregressive":
        assert (forecast.quantiles == np.round(forecast.quantiles)).all()
    if forecast.paths is not None:
        assert (forecast.paths >= 0).all()
        if head == "negative_binomial":
            assert (forecast.paths == np.round(forecast.paths)).all()
    forecaster.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model").forecast(COUNTED, paths=paths)
    assert loaded.quantiles.tobytes() == forecast.quantiles.tobytes()
    if forecast.paths is not None and loaded.paths is not None:
        assert loaded.paths.tobytes() == forecast.paths.tobytes()


@pytest.mark.parametrize("head", ["normal", "student"])
@pytest.mark.parametrize("network", ["segment", "direct", "onward"])
def test_every_network_takes_every_head(head: str, network: str):
    forecaster = small(network=network, head=head, highway=network != "onward").fit(PANEL)
    assert (np.diff(forecaster.forecast().quantiles) >= 0).all()  # calibrated: two may meet
    quantiles, _ = lead_of(forecaster.model_).members[0](window_of(forecaster.recipe_))
    assert (quantiles.diff(dim=-1) > 0).all()


def test_paths_of_logarithms_are_positive():
    forecaster = small(network="autoregressive", log=True, normalisation="last").fit(panel_of(np.exp(wave(80) / 9)))
    paths = forecaster.forecast(paths=50).paths
    assert paths is not None
    assert (paths > 0).all()
    assert np.abs(np.log(paths[..., 0]).mean() - wave(80)[-1] / 9) < 3 * np.std(wave(80) / 9)


def test_missing_values_are_passed_over():
    values = wave(80)
    values[[5, 20, 21, 60, 79]] = np.nan
    forecast = small(network="autoregressive", head="student").fit(panel_of(values)).forecast(paths=3)
    assert forecast.paths is not None
    assert np.isfinite(forecast.paths).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"network": "autoregressive", "gap": 2}, "a gap of 2 breaks it"),
        ({"network": "autoregressive", "highway": True}, "a highway forecasts the horizon at once"),
        ({"network": "autoregressive", "highway": None, "lags": (1,)}, "lag 1 is below 2"),
        ({"network": "autoregressive", "highway": None, "lags": (99,)}, "lag 99 is longer than the window of 14"),
        ({"network": "autoregressive", "highway": None, "head": "quantile", "quantiles": (0.5,)}, "nothing to draw"),
        ({"lags": (7,)}, "lags are read by the network 'autoregressive'"),
        ({"head": "tweedie"}, "normalisation 'last' takes a level off"),
        ({"head": "tweedie", "normalisation": "auto", "highway": True}, "a highway may go below zero"),
        ({"normalisation": "ratio"}, "'ratio' is for values that count from zero"),
        ({"network": "autoregressive", "highway": None, "budget": "2 trials"}, "a budget searches"),
        ({"head": "studnet"}, "unknown head 'studnet'"),
    ],
)
def test_what_does_not_go_together(options: dict, says: str):
    with pytest.raises(SettingError, match=says):
        small(**options).fit(PANEL)


def test_paths_are_refused_where_there_are_none():
    forecaster = small(steps=2).fit(PANEL)
    with pytest.raises(SettingError, match=r"network 'segment'.*no paths") as refused:
        forecaster.forecast(paths=10)
    assert "--network autoregressive" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("head", "value", "says"),
    [
        ("negative_binomial", -2.0, r"'y' of series 's1' is -2 at 2020-01-31, which is negative"),
        ("tweedie", -0.5, r"'y' of series 's1' is -0.5 at 2020-01-31, which is negative"),
        ("negative_binomial", 2.5, r"'y' of series 's1' is 2.5 at 2020-01-31, which is not a whole number"),
    ],
)
def test_a_value_that_a_head_does_not_know(head: str, value: float, says: str):
    good, bad = np.ones(80), np.tile([1.0, 2.0], 40)
    bad[30] = value
    good[3] = 2
    options = {"head": head, "normalisation": "auto", "steps": 2}
    with pytest.raises(DataError, match=says):
        small(**options).fit(panel_of(good, bad))
    fitted = small(**options).fit(panel_of(good, np.abs(np.round(bad))))
    with pytest.raises(DataError, match=says):
        fitted.forecast(panel_of(good, bad))


@pytest.mark.parametrize(
    "change", [{"head": "x"}, {"head": "tweedie"}, {"lags": [1]}, {"gap": 1}, {"highway": True}, {"lags": [99]}]
)
def test_settings_no_model_has(change: dict[str, object]):
    settings = replace(recipe_of(PANEL, network="autoregressive").model, head="normal")
    assert ModelSettings.from_json(settings.to_json()) == settings
    with pytest.raises(ModelError, match="damaged"):
        ModelSettings.from_json(settings.to_json() | change)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"network": "autoregressive"}, "network 'autoregressive' draws its forecast"),
        ({"head": "tweedie", "normalisation": "auto"}, "head 'tweedie' has SciPy's quantiles"),
    ],
)
def test_what_draws_or_counts_is_neither_explained_nor_exported(options: dict, says: str, tmp_path):
    forecaster = small(**options, steps=2).fit(panel_of(wave(80)))
    with pytest.raises(ModelError, match=says):
        forecaster.explain()
    with pytest.raises(ModelError, match=says):
        forecaster.export(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("head", ["normal", "student"])
def test_a_density_is_explained(head: str):
    explanation = small(head=head, steps=2).fit(panel_of(wave(80))).explain()
    assert len(explanation.series) == 1
