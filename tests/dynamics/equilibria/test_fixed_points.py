"""Fixed points: known ones are all found, to rounding; what is none is not reported."""

import math

import pytest
import torch
from torch import Tensor, nn

from tests.dynamics.flip_flops import flip_flop_layer
from unspool.dynamics.equilibria.fixed_points import FixedPoints, fixed_points
from unspool.dynamics.systems.classics import henon, lorenz63
from unspool.dynamics.systems.functions import function_system
from unspool.errors import DataError, SettingError, ShapeError
from unspool.nn import GRU, LSTM, Recurrent

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

ROUNDING = 1e-12


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def sorted_points(found: FixedPoints) -> Tensor:
    return found.points[found.points[:, 0].argsort()]


@pytest.fixture(scope="module")
def flip_flop_lstm() -> tuple[Recurrent, nn.Linear, float]:
    return flip_flop_layer("lstm", 16, steps=300)


def test_an_lstm_of_16_that_knows_3_bits_has_a_stable_point_for_each_memory_and_saddles_between(flip_flop_lstm):
    """KNOWN-ANSWERS §2: 8 stable fixed points plus saddles; here as many as a cube has edges, faces and bodies."""
    layer, readout, loss = flip_flop_lstm
    assert loss < 5e-3
    found = fixed_points(layer)
    assert torch.bincount(found.unstable).tolist() == [8, 12, 6, 1]
    assert found.stable.tolist() == [True] * 8 + [False] * 19
    assert all(kind in ("node", "focus") for kind in found.kinds[:8])
    assert found.kinds[8:] == ("saddle",) * 19
    memories = readout(found.points[:8, :16].float()).detach()
    assert sorted(memories.sign().tolist()) == sorted([a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1))
    torch.testing.assert_close(memories.abs(), torch.ones(8, 3), rtol=0, atol=0.2)
    assert found.residuals.max() < ROUNDING
    assert found.errors.max() < ROUNDING


def test_the_same_points_from_states_of_trajectories_in_any_order(flip_flop_lstm):
    layer = flip_flop_lstm[0]
    before = {n: p.clone() for n, p in layer.named_parameters()}
    everywhere = fixed_points(layer)
    given = torch.randn(300, 32, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    one, other = (fixed_points(layer, initial_states=g, count=300) for g in (given, given.flip(0)))
    assert one.starts == 300
    for found in (one, other):
        assert ((found.points[:, None] - everywhere.points).norm(dim=-1).amin(1) < ROUNDING).all()
    assert sorted(one.counts.tolist()) == sorted(other.counts.tolist())
    assert all(torch.equal(p, before[n]) and p.dtype == torch.float32 for n, p in layer.named_parameters())


def test_an_lstm_of_which_nothing_is_left_but_the_bias():
    """Weights 0: c* = i g / (1 − f), h* = o tanh c*; eigenvalues f, once per unit, and 0."""
    layer = LSTM(1, 2)
    with torch.no_grad():
        for p in layer.parameters():
            p.zero_()
        layer.get_parameter("bias_ih_l0").copy_(torch.tensor([0.3, -1.0, 2.0, 0.5, 1.5, -0.2, 0.1, 0.7]))
    found = fixed_points(layer, count=20)
    i, f, g, o = layer.get_parameter("bias_ih_l0").detach().double().view(4, 2)
    c = i.sigmoid() * g.tanh() / (1 - f.sigmoid())
    torch.testing.assert_close(found.points, torch.cat([o.sigmoid() * c.tanh(), c])[None], rtol=0, atol=ROUNDING)
    expected = torch.cat([f.sigmoid().sort(descending=True).values, torch.zeros(2)]).to(torch.complex128)
    torch.testing.assert_close(found.eigenvalues, expected[None], rtol=0, atol=ROUNDING)
    assert found.kinds == ("node",)


def test_a_gru_under_a_constant_input():
    layer = GRU(2, 3).double()
    x = torch.tensor([0.7, -1.2], dtype=torch.float64)
    found = fixed_points(layer, x, count=50)
    rested = layer(x.expand(1, 2000, 2).transpose(0, 1))[1][0]
    torch.testing.assert_close(found.points[:1], rested, rtol=0, atol=1e-10)


def test_a_plrnn_with_one_fixed_point():
    """KNOWN-ANSWERS §2."""
    layer = Recurrent("plrnn", 1, 2, dtype=torch.float64)
    with torch.no_grad():
        for name, values in (
            ("A_l0", [-0.0222311, 0.96461297]),
            ("W_l0", [[0, -0.64375], [0.52505308, 0]]),
            ("b_l0", [0.37298253, -0.97931491]),
        ):
            layer.get_parameter(name).copy_(torch.tensor(values, dtype=torch.float64))
    found = fixed_points(layer, count=100)
    torch.testing.assert_close(found.points, torch.tensor([[0.36487, -22.26065]]).double(), rtol=0, atol=5e-6)


def test_henon_by_formula():
    a, b = 1.4, 0.3
    root = math.sqrt((1 - b) ** 2 + 4 * a)
    x = column((b - 1 - root) / (2 * a), (b - 1 + root) / (2 * a))
    found = fixed_points(henon(a, b), count=100)
    torch.testing.assert_close(sorted_points(found), torch.cat([x, b * x], 1), rtol=0, atol=ROUNDING)
    assert found.kinds == ("saddle", "saddle")
    torch.testing.assert_close(
        found.eigenvalues.prod(1).real, torch.tensor([-b, -b], dtype=torch.float64), rtol=0, atol=ROUNDING
    )


def test_lorenz_by_formula():
    """0 and (±√(β(ρ−1)), ±√(β(ρ−1)), ρ−1), whose complex pair is just unstable at ρ = 28."""
    starts = 20 * torch.randn(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = fixed_points(lorenz63(), initial_states=starts, count=200)
    r = math.sqrt(8 / 3 * 27)
    expected = torch.tensor([[-r, -r, 27], [0, 0, 0], [r, r, 27]], dtype=torch.float64)
    torch.testing.assert_close(sorted_points(found), expected, rtol=0, atol=1e-10)
    assert sorted(found.unstable.tolist()) == [1, 2, 2]


def test_a_slow_point_is_not_a_fixed_point():
    """The map s + ε + s²: without roots for ε > 0, with a slowest place at 0, which is passed at a speed of ε."""
    found = fixed_points(function_system(lambda s: s + 0.005 + s * s, 1), count=100)
    assert len(found.points) == 0
    torch.testing.assert_close(found.slow_points, column(0.0), rtol=0, atol=1e-3)
    torch.testing.assert_close(found.speeds, torch.tensor([0.005]).double(), rtol=0, atol=1e-6)


def test_a_ghost_with_a_tiny_residual_is_not_a_fixed_point():
    """Its residual, 1e-9, passes the tolerance; but Newton's method moves by √1e-9 or more, wherever it is."""
    found = fixed_points(function_system(lambda s: s + 1e-9 + s * s, 1), count=100, tolerance=1e-6)
    assert len(found.points) == 0
    assert len(found.slow_points) == 1


def test_a_speed_that_only_falls_further_out_is_no_slow_point():
    """The map s + 1 / (1 + s²) is slow at both ends of a wide range of starts, and has no minimum of its speed."""
    starts = torch.linspace(-40, 40, 81, dtype=torch.float64)[:, None]
    found = fixed_points(function_system(lambda s: s + 1 / (1 + s * s), 1), initial_states=starts, count=81)
    assert (len(found.points), len(found.slow_points), found.unconverged) == (0, 0, 81)


def test_where_two_points_meet_there_is_one_and_it_is_a_fold():
    found = fixed_points(function_system(lambda s: s + s * s, 1), count=100)
    assert found.kinds == ("fold",)
    assert found.points.abs().max() < 1e-5
    assert not found.stable.any()


@pytest.mark.parametrize("shrink", [1.0, 0.5], ids=["everything stays", "a line of points"])
def test_a_continuum_of_fixed_points(shrink: float):
    """∂F/∂s − 1 is singular everywhere."""
    scale = torch.tensor([1.0, shrink], dtype=torch.float64)
    found = fixed_points(function_system(lambda s: scale * s, 2), count=30)
    assert len(found.points) == 30
    assert found.kinds == ("fold",) * 30
    if shrink < 1:
        assert found.points[:, 1].abs().max() < 1e-10


def test_a_map_without_fixed_points():
    found = fixed_points(function_system(lambda s: s + 1.0, 1), count=50)
    assert (len(found.points), len(found.slow_points), found.unconverged) == (0, 0, 50)


def test_a_scale_of_a_millionth_changes_nothing():
    def logistic(s: Tensor) -> Tensor:
        return 3.5e6 * s * (1e-6 - s)

    starts = 1e-6 * torch.rand(60, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = fixed_points(function_system(logistic, 1), initial_states=starts, count=60)
    torch.testing.assert_close(sorted_points(found), column(0, 1e-6 * (1 - 1 / 3.5)), rtol=ROUNDING, atol=1e-18)


def test_rows_that_are_not_finite_are_left_out_and_counted():
    states = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    states[3, 0], states[7, 1], states[11] = torch.nan, torch.inf, 1e9
    found = fixed_points(henon(), initial_states=states, count=20)
    assert (found.starts, found.dropped) == (20, 3)
    assert int(found.counts.sum()) + found.unconverged == 17


def test_bad_input():
    layer = GRU(2, 3)
    with pytest.raises(ShapeError, match=r"initial_states is \[5, 4\]; expected \[N, S=3\]"):
        fixed_points(layer, initial_states=torch.zeros(5, 4))
    with pytest.raises(ShapeError, match=r"x is \[3\]"):
        fixed_points(layer, torch.zeros(3))
    with pytest.raises(DataError, match="x holds NaN"):
        fixed_points(layer, torch.full((2,), torch.nan))
    with pytest.raises(DataError, match="none of the 4 initial states"):
        fixed_points(layer, initial_states=torch.full((4, 3), torch.nan))
    with pytest.raises(SettingError, match="count is 0"):
        fixed_points(layer, count=0)
    with pytest.raises(SettingError, match="bidirectional"):
        fixed_points(Recurrent("gru", 2, 3, bidirectional=True))
    with pytest.raises(SettingError, match=r"computes in torch\.float32"):
        fixed_points(function_system(lambda s: s, 1, dtype=torch.float32))
    with torch.no_grad():
        layer.get_parameter("weight_hh_l0")[0, 0] = torch.nan
    with pytest.raises(DataError, match="weight_hh_l0 hold NaN"):
        fixed_points(layer)
