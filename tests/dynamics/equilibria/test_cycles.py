"""Cycles: as many as there are known to be, each once, of exactly their period."""

import math

import pytest
import torch
from torch import Tensor

from unspool.dynamics.equilibria.cycles import Cycles, cycles
from unspool.dynamics.equilibria.fixed_points import fixed_points
from unspool.dynamics.systems.classics import henon
from unspool.dynamics.systems.functions import function_system
from unspool.errors import SettingError
from unspool.nn import GRU, Recurrent

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

A22, W21, H1 = 0.96461297, 0.52505308, 0.37298253


def plrnn(a11: float, w12: float, h2: float) -> Recurrent:
    layer = Recurrent("plrnn", 1, 2, dtype=torch.float64)
    with torch.no_grad():
        for name, values in (("A_l0", [a11, A22]), ("W_l0", [[0, w12], [W21, 0]]), ("b_l0", [H1, h2])):
            layer.get_parameter(name).copy_(torch.tensor(values, dtype=torch.float64))
    return layer


SIXTEEN = (0.8377689, -0.64375, -0.97931491)


def check(found: Cycles, layer: Recurrent) -> None:
    """The states follow each other, all different, and return."""
    x = torch.zeros(len(found.points), found.period, 1, dtype=torch.float64)
    with torch.no_grad():
        path, _ = layer(x, found.points[:, 0][None])
    torch.testing.assert_close(path, found.points.roll(-1, 1), rtol=0, atol=1e-10)
    for points in found.points:
        assert (points[:, None] - points).norm(dim=-1).fill_diagonal_(1).min() > 1e-3


def test_plrnn_with_two_cycles_of_16_steps():
    """KNOWN-ANSWERS §2: a stable one, and a saddle on the edge of its basin."""
    layer = plrnn(*SIXTEEN)
    found = cycles(layer, 16)
    assert found.exact
    assert found.kinds == ("focus", "saddle")
    assert found.stable.tolist() == [True, False]
    assert found.errors.max() < 1e-13
    check(found, layer)


def test_plrnn_without_a_cycle_of_15_steps():
    """Its fixed point solves the equations of 15 steps too; that is no 15-cycle."""
    layer = plrnn(*SIXTEEN)
    assert len(cycles(layer, 15).points) == 0
    assert len(cycles(layer, 1).points) == 1


def test_plrnn_with_two_cycles_of_80_steps():
    layer = plrnn(0.9777689, -0.14375, -0.77931491)
    found = cycles(layer, 80)
    assert found.points.shape == (2, 80, 2)
    check(found, layer)


def test_the_fixed_point_of_a_plrnn_is_its_1_cycle():
    found = cycles(plrnn(-0.0222311, -0.64375, -0.97931491), 1, count=30)
    expected = torch.tensor([[[0.36487, -22.26065]]], dtype=torch.float64)
    torch.testing.assert_close(found.points, expected, rtol=0, atol=1e-5)


def test_newtons_method_finds_the_same_16_cycles_in_the_map_as_a_function():
    a11, w12, h2 = SIXTEEN
    w = torch.tensor([[0, w12], [W21, 0]], dtype=torch.float64)
    a, b = torch.tensor([a11, A22], dtype=torch.float64), torch.tensor([H1, h2], dtype=torch.float64)
    found = cycles(function_system(lambda z: a * z + torch.relu(z) @ w.mT + b, 2), 16)
    exact = cycles(plrnn(*SIXTEEN), 16)
    assert not found.exact
    torch.testing.assert_close(found.points, exact.points, rtol=0, atol=1e-9)


def test_the_multipliers_of_a_3_cycle_are_those_of_the_map_three_times():
    """In three numbers, where the order of the Jacobians matters to more than their determinant."""
    shift = torch.eye(3, dtype=torch.float64).roll(1, 0)
    w = 2 * shift + 0.3 * torch.tensor([[0, 1, -1], [1, 0, 1], [-1, 0, 1]], dtype=torch.float64)
    bias = torch.tensor([0.0, 0.2, -0.1], dtype=torch.float64)

    def step(s: Tensor) -> Tensor:
        return torch.tanh(s @ w.mT + bias)

    thrice = function_system(lambda s: step(step(step(s))), 3)
    found = cycles(function_system(step, 3), 3, count=100)
    assert len(found.points) > 0
    expected = torch.linalg.eigvals(thrice.jacobian(found.points[:, 0]))
    for ours, theirs in zip(found.multipliers, expected, strict=True):
        distance = (ours[:, None] - theirs).abs()
        assert distance.amin(1).max() < 1e-6 * float(ours.abs().max())


@pytest.mark.parametrize(("period", "number"), [(1, 2), (2, 1), (3, 0), (4, 1), (5, 0), (6, 2), (7, 4)])
def test_the_cycles_of_henons_map(period: int, number: int):
    """Biham & Wenzel 1989, Phys. Rev. Lett. 63, 819: 1, 1, 0, 1, 0, 2, 4 on the attractor; a fixed point beside."""
    found = cycles(henon(), period)
    assert len(found.points) == number
    assert found.kinds == ("saddle",) * number
    product = torch.full((number,), (-0.3) ** period, dtype=torch.float64)
    torch.testing.assert_close(found.multipliers.prod(-1).real, product, rtol=1e-9, atol=1e-12)


def test_the_2_cycle_of_the_logistic_map_by_formula():
    """Its points solve r² x² − r (r + 1) x + r + 1 = 0, and its multiplier is 4 + 2 r − r²."""
    r = 3.3
    starts = torch.rand(50, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = cycles(function_system(lambda s: r * s * (1 - s), 1), 2, initial_states=starts, count=50)
    root = math.sqrt((r + 1) * (r - 3))
    expected = torch.tensor([(r + 1 - root) / (2 * r), (r + 1 + root) / (2 * r)], dtype=torch.float64)
    torch.testing.assert_close(found.points.flatten().sort().values, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        found.multipliers.real, torch.tensor([[4 + 2 * r - r**2]], dtype=torch.float64), rtol=0, atol=1e-12
    )
    assert found.stable.all()


def test_cycles_of_a_network_that_turns():
    """Of h' = tanh(1.5 Q h), Q a quarter turn: from (a, 0) and from (a, a), where a = tanh(1.5 a)."""
    layer = Recurrent("elman", 1, 2, dtype=torch.float64, bias=False)
    with torch.no_grad():
        layer.get_parameter("R_l0").copy_(1.5 * torch.tensor([[0, -1], [1, 0]], dtype=torch.float64))
    found = cycles(layer, 4, count=60)
    a = float(fixed_points(function_system(lambda s: torch.tanh(1.5 * s), 1), count=10).points.max())
    lengths = found.points.norm(dim=-1).mean(1)
    torch.testing.assert_close(lengths, torch.tensor([a * math.sqrt(2), a], dtype=torch.float64), rtol=0, atol=1e-12)
    assert not found.exact
    assert found.kinds == ("node", "saddle")
    assert len(cycles(layer, 3, count=60).points) == 0
    check(found, layer)


def test_1_cycles_are_the_fixed_points():
    torch.manual_seed(0)
    layer = GRU(1, 4).double()
    one = cycles(layer, 1, count=30)
    torch.testing.assert_close(one.points[:, 0], fixed_points(layer, count=30).points, rtol=0, atol=1e-12)


def test_a_stacked_piecewise_linear_layer_under_an_input():
    torch.manual_seed(0)
    layer = Recurrent("plrnn", 2, 3, num_layers=2, dtype=torch.float64)
    assert len(cycles(layer, 1, count=20).points) == 0  # as it was drawn, it runs away
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(0.5)
    x = torch.tensor([0.3, -0.4], dtype=torch.float64)
    found = cycles(layer, 1, x, count=40)
    assert found.exact
    with torch.no_grad():
        _, (rested,) = layer(x.expand(1, 3000, 2))
    torch.testing.assert_close(found.points[0, 0], rested[:, 0].flatten(), rtol=0, atol=1e-12)


def test_bad_period():
    with pytest.raises(SettingError, match="at least 1 step, not 0"):
        cycles(henon(), 0)


def test_a_map_that_throws_everything_out():
    found = cycles(function_system(lambda s: 1e5 * s**3, 1), 6, count=20)
    assert isinstance(found.points, Tensor)
