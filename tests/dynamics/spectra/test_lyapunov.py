"""Lyapunov spectra against known answers (KNOWN-ANSWERS §2), with error bars of at most 2 %, or .005 at zero.

The full-length versions, and the network in continuous time, are in `python -m benchmarks.dynamics lyapunov`.
"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unspool.dynamics.spectra.lyapunov import LyapunovSpectrum, kaplan_yorke, lyapunov_spectrum, product_spectrum
from unspool.dynamics.systems.classics import henon, lorenz63, lorenz96, rossler
from unspool.dynamics.systems.functions import function_system
from unspool.dynamics.systems.system import as_system
from unspool.errors import DataError, SettingError, ShapeError
from unspool.lang import Input, Matrix, Scalar, State, cell, sigmoid, tanh
from unspool.nn import GRU, LSTM, Recurrent

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def weight(layer: nn.Module, name: str) -> nn.Parameter:
    return layer.get_parameter(name)


def check(found: LyapunovSpectrum, expected: list[float] | Tensor, *, known_to: float = 0.0) -> None:
    """Error bars are small enough, and every exponent lies within 3.5 of them, and of how well it is known."""
    values = torch.as_tensor(expected)
    finite = ~values.isneginf()
    assert (found.exponents.isneginf() == ~finite).all()
    assert (found.errors[finite] <= (0.02 * values[finite].abs()).clamp(min=0.005)).all()
    away = (found.exponents - values)[finite].abs()
    assert (away <= 3.5 * found.errors[finite] + known_to).all()
    assert (found.errors[~finite] == 0).all()
    assert found.resolved.all()


def test_lorenz_63():
    system = lorenz63()
    start = torch.randn(64, 3) * 5 + torch.tensor([0.0, 0.0, 25.0])
    found = lyapunov_spectrum(system, initial_state=start, steps=8000, discard=4000)
    check(found, [0.9056, 0.0, -14.572])
    assert float(found.exponents.sum()) == pytest.approx(-41 / 3, abs=2e-4)  # RK4's own error
    assert found.dimension == pytest.approx(2.062, abs=2e-3)
    assert found.entropy_bound == pytest.approx(float(found.exponents.clamp(min=0).sum()))
    assert (found.dt, found.trajectories, found.steps) == (0.01, 64, 8000)


def test_rossler():
    found = lyapunov_spectrum(rossler(), initial_state=torch.randn(64, 3), steps=10_000, discard=4000)
    check(found, [0.0694, 0.0, -5.393])


def test_henon():
    found = lyapunov_spectrum(henon(), initial_state=0.1 * torch.rand(64, 2), steps=2000)
    check(found, [0.4193, -1.6233])
    assert float(found.exponents.sum()) == pytest.approx(math.log(0.3), abs=1e-6)
    assert found.dimension == pytest.approx(1 + 0.4193 / 1.6233, abs=3e-3)


def test_lorenz_96():
    """A short run: exponents vary by more than 2 %, their sum does not."""
    found = lyapunov_spectrum(lorenz96(), initial_state=8 + torch.randn(8, 40), steps=1000, discard=400)
    assert float(found.exponents.sum()) == pytest.approx(-40, abs=1e-3)
    assert found.dimension == pytest.approx(27.2, rel=0.02)
    assert int((found.exponents > 0.1).sum()) in (12, 13)
    assert float(found.exponents[0]) == pytest.approx(1.7, abs=3.5 * float(found.errors[0]))


def test_a_product_of_gaussian_matrices():
    """Newman: λ_i = ln g + ½ (ln(2/N) + ψ((N − i + 1)/2))."""
    size, g = 20, 1.5
    found = product_spectrum(torch.randn(20_000, size, size) * g / size**0.5, discard_q=100)
    i = torch.arange(1, size + 1)
    check(found, math.log(g) + (math.log(2 / size) + torch.digamma((size - i + 1) / 2)) / 2)


def test_a_linear_network():
    layer = Recurrent("elman_linear", 2, 6)
    found = lyapunov_spectrum(layer, torch.randn(4000, 2))
    expected = torch.linalg.eigvals(weight(layer, "R_l0").detach()).abs().log().sort(descending=True).values
    check(found, expected, known_to=1e-12)


def test_an_orthogonal_network_has_no_exponent():
    layer = Recurrent("elman_linear", 2, 6)
    nn.init.orthogonal_(weight(layer, "R_l0"))
    assert lyapunov_spectrum(layer, torch.randn(500, 2)).exponents.abs().max() < 1e-14


@cell
def leaky(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], a: Scalar) -> State:
    return (1 - sigmoid(a)) * h + sigmoid(a) * tanh(W @ x + R @ h)


def test_a_leaky_cell_without_weights():
    layer = Recurrent(leaky, 2, 5)
    nn.init.zeros_(weight(layer, "R_l0"))
    found = lyapunov_spectrum(layer, torch.randn(400, 2))
    expected = math.log(1 - float(weight(layer, "a_l0").detach().sigmoid()))
    torch.testing.assert_close(found.exponents, torch.full((5,), expected), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("kind", "gate"), [(LSTM, 1), (GRU, 1)])
def test_gates_without_recurrent_weights(kind: type[nn.Module], gate: int):
    """An LSTM: ⟨ln f⟩ for each cell, and what h held is lost. A GRU: ⟨ln z⟩. Each gate knows the input alone."""
    layer: Any = kind(3, 4)
    nn.init.zeros_(weight(layer, "weight_hh_l0"))
    x = torch.randn(4000, 3)
    found = lyapunov_spectrum(layer, x, discard=0, discard_q=400)
    a = x[400:] @ layer.weight_ih_l0.T + layer.bias_ih_l0 + layer.bias_hh_l0
    expected = a.chunk(len(layer.bias_ih_l0) // 4, -1)[gate].sigmoid().log().mean(0).sort(descending=True).values
    lost = torch.full((len(found.exponents) - 4,), -math.inf)
    check(found, torch.cat([expected.detach(), lost]))


@pytest.mark.parametrize(("g", "expected", "spread"), [(1.5, 0.054, 0.008), (2.0, 0.152, 0.002), (3.0, 0.304, 0.001)])
def test_a_random_tanh_network(g: float, expected: float, spread: float):
    """Above g = 1 it is chaotic; `spread` is that of networks, each of which has an exponent of its own."""
    layer = Recurrent("elman", 1, 500, bias=False)
    nn.init.normal_(weight(layer, "R_l0"), std=g / 500**0.5)
    found = lyapunov_spectrum(layer, steps=5000, count=1)
    check(found, [expected], known_to=3 * spread)


def test_a_random_network_in_continuous_time():
    """Euler's steps of dt = .1 by a cell. The limit of large N is .434 at g = 5, and finite networks lie below it.

    By how much is known at g = 2 and N = 1500: a fifth. That network is in the benchmark.
    """
    layer = Recurrent("ctrnn", 1, 400)
    for name, parameter in layer.named_parameters():
        nn.init.normal_(parameter, std=5 / 400**0.5) if name == "R_l0" else nn.init.zeros_(parameter)
    nn.init.constant_(weight(layer, "s_l0"), math.log(math.expm1(9)))  # tau = 1 + softplus(s) = 10 steps
    found = lyapunov_spectrum(layer, steps=30_000, count=1)
    exponent, error = 10 * found.exponents, 10 * found.errors
    assert error < 0.02 * exponent
    assert 0.8 * 0.434 < exponent < 0.434


def test_a_stack_has_the_spectra_of_its_layers():
    layer, x = LSTM(3, 5, num_layers=2), torch.randn(2000, 3)
    whole = lyapunov_spectrum(layer, x)
    first, second = LSTM(3, 5), LSTM(5, 5)
    for part, number in ((first, 0), (second, 1)):
        part.load_state_dict(
            {n: getattr(layer, n.replace("l0", f"l{number}")).detach() for n, _ in part.named_parameters()}
        )
    between = first(x[:, None])[0][:, 0].detach()
    parts = [lyapunov_spectrum(part, given).exponents for part, given in ((first, x), (second, between))]
    check(whole, torch.cat(parts).sort(descending=True).values)


# Laws.


def driven() -> tuple[Any, Tensor]:
    return LSTM(3, 6), torch.randn(600, 3)


@pytest.mark.parametrize("every", [1, 3, 20])
def test_the_interval_does_not_matter(every: int):
    layer, x = driven()
    found, expected = lyapunov_spectrum(layer, x, every=every), lyapunov_spectrum(layer, x)
    torch.testing.assert_close(found.exponents, expected.exponents, rtol=0, atol=1e-4)
    assert found.every <= every


def test_the_interval_follows_the_spectrum():
    """Exponents 0 and −5: after 6 steps the second column would be rounding. A scaled rotation has no need of any."""
    A = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    M = A @ torch.diag(torch.tensor([1.0, math.exp(-5)])) @ A.inverse()
    wide = lyapunov_spectrum(function_system(lambda s: s @ M.T, 2), steps=200, batches=1)
    assert 4 <= wide.every <= 6
    torch.testing.assert_close(wide.exponents, torch.tensor([0.0, -5.0]), rtol=0, atol=1e-3)
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    assert lyapunov_spectrum(function_system(lambda s: 0.5 * s @ turn, 2), steps=1000, batches=2).every > 100


def test_what_one_step_does_not_resolve_is_said():
    """Shares below what rounding leaves of a zero are lost; those somewhat above are used, and marked."""
    for scale, resolved, exponent in ((1e-3, True, math.log(1e-3)), (1e-14, False, None), (1e-40, True, -math.inf)):
        M = torch.linalg.qr(torch.randn(200, 3, 3)).Q @ torch.diag(torch.tensor([1.0, 1.0, scale]))
        found = product_spectrum(M, batches=1)
        assert bool(found.resolved[2]) == resolved
        if exponent is not None and math.isfinite(exponent):
            assert float(found.exponents.sum()) == pytest.approx(exponent, abs=1e-4)
        elif exponent is not None:
            assert found.exponents.isneginf().any()


@pytest.mark.parametrize("count", [1, 4])
def test_the_first_are_those_of_all(count: int):
    layer, x = driven()
    found, every = lyapunov_spectrum(layer, x, count=count), lyapunov_spectrum(layer, x)
    torch.testing.assert_close(found.exponents, every.exponents[:count], rtol=0, atol=2e-3)


def test_few_columns_are_carried_without_matrices():
    """Of 70 units 3 columns take the compiled tangent, more of them blocks; 3 of a function take forward mode."""
    layer, x = Recurrent("gru", 2, 70), torch.randn(2, 200, 2)
    twin = function_system(as_system(layer).step, 70, input_size=2)
    spectra = [lyapunov_spectrum(s, x, count=k) for s, k in ((layer, 70), (layer, 3), (twin, 3))]
    for found in spectra[1:]:
        torch.testing.assert_close(found.exponents[:3], spectra[0].exponents[:3], rtol=0, atol=1e-2)
    torch.testing.assert_close(spectra[2].exponents, spectra[1].exponents, rtol=0, atol=1e-9)


def test_coordinates_do_not_matter():
    layer = Recurrent("elman", 1, 8, bias=False)
    nn.init.normal_(weight(layer, "R_l0"), std=1.0)
    system, A = as_system(layer), torch.randn(8, 8)
    other = function_system(lambda s: system.step(s @ A.inverse().T) @ A.T, 8)
    start = torch.randn(8)
    found, expected = (
        lyapunov_spectrum(other, steps=500, initial_state=A @ start),
        lyapunov_spectrum(layer, steps=500, initial_state=start),
    )
    torch.testing.assert_close(found.exponents, expected.exponents, rtol=0, atol=5e-3)


def test_trajectories_are_averaged():
    layer, x = driven()
    both = torch.stack([x, torch.randn_like(x)])
    found = lyapunov_spectrum(layer, both)
    alone = [lyapunov_spectrum(layer, one).exponents for one in both]
    torch.testing.assert_close(found.exponents, torch.stack(alone).mean(0), rtol=0, atol=5e-3)
    again = lyapunov_spectrum(layer, both, seed=1)
    assert 0 < (found.exponents - again.exponents).abs().max() < 5e-3


def test_time_is_measured_in_units_of_dt():
    fast, slow = (function_system(lambda s: 0.5 * s, 2, dt=dt) for dt in (0.1, 1.0))
    a, b = (lyapunov_spectrum(s, steps=100).exponents for s in (fast, slow))
    torch.testing.assert_close(a, 10 * b, rtol=0, atol=1e-12)


def test_a_layer_is_analysed_in_float64_and_left_alone():
    layer = GRU(2, 4, dtype=torch.float32)
    found = lyapunov_spectrum(layer, torch.randn(300, 2))
    assert found.exponents.dtype == torch.float64
    assert all(p.dtype == torch.float32 and p.requires_grad for p in layer.parameters())
    rough = lyapunov_spectrum(as_system(layer), torch.randn(300, 2))
    assert rough.exponents.dtype == torch.float64


def test_a_users_own_system():
    class Halving:
        size, input_size, dtype = 2, 0, torch.float64

        def step(self, state: Tensor, x: Tensor | None = None) -> Tensor:
            return state / 2

        def jacobian(self, state: Tensor, x: Tensor | None = None) -> Tensor:
            return torch.eye(2).expand(len(state), 2, 2) / 2

    found = lyapunov_spectrum(Halving(), steps=50)
    torch.testing.assert_close(found.exponents, torch.full((2,), -math.log(2)), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("exponents", "complete", "expected"),
    [
        ([0.9056, 0.0, -14.572], True, 2 + 0.9056 / 14.572),
        ([-0.1, -0.2], True, 0.0),
        ([0.3, 0.1], True, 2.0),
        ([0.3, 0.1], False, math.nan),
        ([0.3, -math.inf], True, 1.0),
        ([0.0, -1.0], False, 1.0),
    ],
)
def test_kaplan_yorke(exponents: list[float], complete: bool, expected: float):
    assert kaplan_yorke(torch.tensor(exponents), complete=complete) == pytest.approx(expected, nan_ok=True)


def test_one_mean_has_no_spread():
    found = lyapunov_spectrum(henon(), steps=100, batches=1)
    assert found.errors.isnan().all()


# Bad input.


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"x": torch.randn(100, 4)}, ShapeError, "expected .T, I=3."),
        ({"x": torch.randn(3)}, ShapeError, "expected .T, I=3."),
        ({"x": torch.full((100, 3), math.nan)}, DataError, "x holds NaN"),
        ({"x": torch.randn(2, 100, 3), "initial_state": torch.zeros(3, 12)}, ShapeError, "as many sequences"),
        ({"x": torch.randn(0, 100, 3)}, ShapeError, "as many sequences"),
        ({"initial_state": torch.zeros(5)}, ShapeError, "expected .S=12."),
        ({"x": None}, SettingError, "steps is missing"),
        ({"steps": 1000}, ShapeError, "x has 100 steps"),
        ({"steps": 0}, SettingError, "nothing is left"),
        ({"discard": 100}, SettingError, "nothing is left"),
        ({"discard_q": -1}, SettingError, "nothing is left"),
        ({"count": 13}, SettingError, "count is 13"),
        ({"count": 0}, SettingError, "count is 0"),
        ({"every": 0}, SettingError, "every is 0"),
        ({"batches": 0}, SettingError, "batches is 0"),
    ],
)
def test_bad_input(changed: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        lyapunov_spectrum(LSTM(3, 6), **{"x": torch.randn(100, 3), **changed})


def test_no_system():
    with pytest.raises(SettingError, match="Linear is not a recurrent layer"):
        lyapunov_spectrum(nn.Linear(2, 2), steps=10)
    with pytest.raises(ShapeError, match=r"expected \[T, I=0\]"):
        lyapunov_spectrum(henon(), torch.randn(100, 1))
    with pytest.raises(ShapeError, match=r"expected \[T, S, S\]"):
        product_spectrum(torch.randn(5, 2, 3))


def test_what_diverges_is_said():
    with pytest.raises(DataError, match="the state becomes infinite"):
        lyapunov_spectrum(henon(), initial_state=torch.tensor([5.0, 5.0]), steps=100)
    with pytest.raises(DataError, match="a Jacobian is not finite"):
        lyapunov_spectrum(function_system(lambda s: s.clamp(min=0).sqrt() * 0, 1), steps=10)
    layer = GRU(2, 3)
    nn.init.constant_(weight(layer, "weight_hh_l0"), math.nan)
    with pytest.raises(DataError, match="weight_hh_l0 hold NaN"):
        lyapunov_spectrum(layer, torch.randn(50, 2))
