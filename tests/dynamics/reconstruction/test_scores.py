"""Scores with known answers, their laws, and a network that learns a system small enough for a test."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import odeint

from unspool.dynamics.reconstruction.reconstruct import Reconstruction, needed_forcing, reconstruct
from unspool.dynamics.reconstruction.scores import reconstruction_scores, spectral_distance, state_space_divergence
from unspool.dynamics.systems.system import as_system
from unspool.errors import DataError, ModelError, SettingError, ShapeError, UnspoolError
from unspool.lang import Input, Matrix, State, cell
from unspool.nn import Recurrent

Series = NDArray[np.float64]


def visits(*counts: int) -> Series:
    """A series [T, 1] that visits the corners of [0, 1], and between them the middles of its bins, so often each."""
    places = np.linspace(0, 1, len(counts))
    return np.repeat(places, counts)[:, None]


def test_the_divergence_of_known_shares():
    """3 bins over [0, 1], widened by 0.1 σ, hold 0, ½ and 1 each. Laplace's 1e−5 of 100 points is not seen here."""
    found = state_space_divergence(generated=visits(20, 40, 40), data=visits(50, 30, 20), bins=3)
    expected = 0.5 * np.log(0.5 / 0.2) + 0.3 * np.log(0.3 / 0.4) + 0.2 * np.log(0.2 / 0.4)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_bin_that_is_never_visited_costs_what_laplace_gives_it():
    found = state_space_divergence(generated=visits(200, 0, 0), data=visits(100, 0, 100), bins=3)
    assert found == pytest.approx(0.5 * np.log(0.5 / 1) + 0.5 * np.log(0.5 / (1e-5 / 200)), rel=1e-5)


def wave(*cycles: tuple[float, float], length: int = 400) -> Series:
    """A sum of sines [T, 1], (cycles in the series, amplitude) each."""
    t = np.arange(length) / length
    return np.sum([a * np.sin(2 * np.pi * c * t) for c, a in cycles], 0)[:, None]


def test_the_distance_of_known_spectra():
    """Power goes with the square of the amplitude: shares (½, ½) and (4/5, 1/5)."""
    found = spectral_distance(wave((5, 2), (20, 1)), wave((5, 1), (20, 1)), smoothing=0)
    assert found == pytest.approx(np.sqrt(1 - np.sqrt(0.5 * 0.8) - np.sqrt(0.5 * 0.2)), rel=1e-6)
    assert spectral_distance(wave((5, 1)), wave((20, 1)), smoothing=0) == pytest.approx(1, abs=1e-6)


def test_smoothing_lets_close_frequencies_count_as_close():
    """Two Gaussians of one σ, d apart: H² = 1 − e^(−d²/8σ²)."""
    found = spectral_distance(wave((40, 1)), wave((44, 1)), smoothing=5)
    assert found == pytest.approx(np.sqrt(1 - np.exp(-(4**2) / (8 * 5**2))), rel=2e-3)  # the filter ends at 4 σ


def test_the_floors_are_those_of_the_halves():
    data = np.random.default_rng(0).normal(size=(4001, 2))
    scores = reconstruction_scores(data[::-1], data, bins=8, smoothing=3)
    first, second = data[:2000], data[2000:4000]
    assert scores.d_stsp == pytest.approx(0, abs=1e-12)
    assert scores.d_h == pytest.approx(0, abs=1e-7)
    assert scores.outside == 0
    assert scores.d_stsp_floor == state_space_divergence(second, first, 8)
    assert scores.d_h_floor == spectral_distance(second, first, 3)
    assert scores.d_stsp_floor > 0.001
    assert "8 bins" in scores.variant
    assert "σ = 3" in scores.variant
    assert f"floor {scores.d_stsp_floor:.3f}" in str(scores)


def test_scores_do_not_depend_on_the_units():
    rng = np.random.default_rng(1)
    data, run = rng.normal(size=(2, 3000, 3)).cumsum(1) / 30
    scale, shift = np.array([1e3, 1.0, 1e-3]), np.array([5.0, -2.0, 1e3])
    a, b = reconstruction_scores(run, data), reconstruction_scores(run * scale + shift, data * scale + shift)
    assert (a.d_stsp, a.d_h, a.outside) == pytest.approx((b.d_stsp, b.d_h, b.outside), rel=1e-6)


def test_two_runs_of_the_true_system_are_at_the_floor():
    """Chaos forgets its start: nothing but the finite length sets two long runs of Lorenz-63 apart."""
    first, second = lorenz_runs(20_000)
    scores = reconstruction_scores(second, first, bins=20)
    assert 0.3 * scores.d_stsp_floor < scores.d_stsp < 1.3 * scores.d_stsp_floor
    assert scores.d_h < 1.3 * scores.d_h_floor
    other = reconstruction_scores(lorenz_runs(20_000, rho=35.0)[0], first, bins=20)
    assert other.d_stsp > 5 * other.d_stsp_floor
    assert other.outside > 0.01


def lorenz_runs(steps: int, rho: float = 28.0) -> list[Series]:
    def field(s: list[float], _: float) -> tuple[float, float, float]:
        x, y, z = s
        return 10 * (y - x), x * (rho - z) - y, x * y - 8 / 3 * z

    times = 0.01 * np.arange(steps + 1000)
    return [np.asarray(odeint(field, start, times))[1000:] for start in ((1.0, 1.0, 20.0), (-5.0, 2.0, 30.0))]


def test_a_run_that_settles_or_leaves_is_scored_as_bad():
    data = wave((20, 1))
    settled = np.zeros_like(data)
    assert reconstruction_scores(settled, data).d_h == 1
    gone = reconstruction_scores(data + 100, data)
    assert (gone.d_stsp, gone.outside) == (np.inf, 1)


def circle(length: int = 1500, period: float = 20.0) -> Series:
    t = 2 * np.pi * np.arange(length) / period
    return np.stack([5 + 3 * np.cos(t), 0.2 * np.sin(t)], 1)


SMALL: dict[str, Any] = {"length": 60, "learning_rate": 1e-2, "sizes": {"P": 10}}


@pytest.fixture(scope="module")
def found() -> Reconstruction:
    return reconstruct(circle(), steps=1000, **SMALL)


def test_a_cycle_is_learned(found: Reconstruction):
    """For twenty rounds from another point of it, in its units: the cycle is kept, and its period."""
    series = circle()
    run = found.generate(400, series[7:8]).numpy()
    assert np.abs((run - series[8:408]) / series.std(0)).max() < 0.2
    assert reconstruction_scores(run, series[:400], bins=10, smoothing=2).d_h < 0.1


def test_what_is_found_is_a_system_in_float64(found: Reconstruction):
    system = as_system(found.layer)
    assert (system.size, system.dtype) == (2, torch.float64)
    start = (torch.as_tensor(circle()[:1]) - found.centre) / found.scale
    run = (found.generate(2, circle()[:1]) - found.centre) / found.scale
    torch.testing.assert_close(system.step(start), run[:1])
    torch.testing.assert_close(system.step(run[:1]), run[1:])


def test_the_seed_decides_and_torchs_own_generator_is_left_alone():
    torch.manual_seed(7)
    runs = []
    for seed in (1, 1, 2):
        runs.append(reconstruct(circle(), steps=40, seed=seed, **SMALL).generate(5, circle()[:1]))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    drawn = torch.rand(3)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(3))


def test_units_that_are_not_observed_are_carried_too():
    """One coordinate of a circle; a second unit must keep the other. A stretch of the series tells it where it is."""
    series = circle()[:, :1]
    found = reconstruct(series, hidden_size=3, alpha=0.3, steps=400, **SMALL)
    run = found.generate(40, series[:60]).numpy()
    assert np.abs(run - series[60:100]).max() < 0.25 * series.std()


def test_the_forcing_is_what_the_jacobians_need():
    """A map that doubles one unit needs α = ½; one that halves both needs none."""
    layer = Recurrent("shallow_plrnn", 1, 2, sizes={"P": 1}, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.get_parameter("A_l0").copy_(torch.tensor([2.0, 0.5]))
    states = torch.randn(2, 5, 2, dtype=torch.float64)
    assert needed_forcing(layer, states) == pytest.approx(0.5)
    with torch.no_grad():
        layer.get_parameter("A_l0").fill_(0.5)
    assert needed_forcing(layer, states) == 0


@cell
def exploding(x: Input, h: State, *, W: Matrix[Input]) -> State:
    return 1e9 * (h + W @ x) ** 3 + 1


NOISE = np.random.default_rng(2).normal(size=(300, 2))
BAD: list[tuple[Callable[[], object], type[UnspoolError], str]] = [
    (
        lambda: reconstruction_scores(NOISE[:200], NOISE),
        ShapeError,
        r"generated is \[T, N\] = \[200, 2\], data \[300, 2\]",
    ),
    (lambda: reconstruction_scores(NOISE[:, 0], NOISE), ShapeError, r"generated is \[300\]; expected \[T, N\]"),
    (lambda: reconstruction_scores(NOISE / [0, 1], NOISE), DataError, "generated is not finite from step 0 on"),
    (lambda: reconstruction_scores(NOISE, NOISE * [0, 1]), DataError, "dimension 0 is constant"),
    (lambda: reconstruction_scores(NOISE, NOISE, bins=1), SettingError, "bins is 1"),
    (lambda: reconstruction_scores(NOISE, NOISE, smoothing=-1), SettingError, "smoothing is -1"),
    (lambda: state_space_divergence(np.eye(9), np.eye(9)), SettingError, "9 dimensions are too many for bins"),
    (lambda: reconstruct(NOISE[:, 0]), ShapeError, r"the series is \[300\]; expected \[T, N=1 …\]"),
    (lambda: reconstruct(NOISE, length=300), ShapeError, "at least 301 steps"),
    (lambda: reconstruct(np.where(NOISE > 2, np.nan, NOISE)), DataError, "not finite at step"),
    (lambda: reconstruct(NOISE * [1, 0]), DataError, "dimension 1 of the series is constant"),
    (lambda: reconstruct(NOISE, hidden_size=1), ShapeError, "hidden_size is 1; .* the 2 dimensions"),
    (lambda: reconstruct(NOISE, steps=0), SettingError, "steps=0"),
    (lambda: reconstruct(NOISE, alpha=2.0), SettingError, "alpha is 2.0"),
    (lambda: reconstruct(NOISE, "lstm"), SettingError, r"the states of lstm have 2 \+ 2"),
    (lambda: reconstruct(NOISE, hidden_size=4), SettingError, "2 numbers are observed, the states .* have 4"),
    (
        lambda: reconstruct(NOISE, exploding, alpha=0.5, steps=2),
        ModelError,
        "no network came near the series in 2 steps",
    ),
]


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[m for _, _, m in BAD])
def test_bad_input_is_named(call: Callable[[], object], error: type[UnspoolError], message: str):
    with pytest.raises(error, match=message):
        call()


def test_bad_calls_of_what_was_found_are_named(found: Reconstruction):
    with pytest.raises(ShapeError, match="steps is 0"):
        found.generate(0, circle()[:1])
    with pytest.raises(ShapeError, match=r"expected \[T, N=2\]"):
        found.generate(5, NOISE[:, :1])
