"""Branches of fixed points, and bifurcations where they are known to be."""

import math

import pytest
import torch

from unspool.dynamics.equilibria.continuation import continue_fixed_point
from unspool.dynamics.systems.classics import henon
from unspool.dynamics.systems.functions import FunctionSystem, function_system
from unspool.errors import DataError, SettingError, ShapeError
from unspool.nn import RNN, Recurrent

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

LOCATED = 1e-8


def sigmoid_unit(b: float) -> FunctionSystem:
    return function_system(lambda s: 5 * torch.sigmoid(s) + b, 1)


def folds_of_the_sigmoid_unit() -> list[float]:
    """Where 5 σ (1 − σ) = 1: b = x − 5 σ(x) = ln(σ/(1 − σ)) − 5 σ."""
    return [math.log(s / (1 - s)) - 5 * s for s in ((1 + math.sqrt(0.2)) / 2, (1 - math.sqrt(0.2)) / 2)]


@pytest.mark.parametrize(("span", "start", "order"), [((-4.0, -1.0), -4.0, (1, 0)), ((-1.0, -4.0), 4.0, (0, 1))])
def test_pascanus_unit_folds_twice(span: tuple[float, float], start: float, order: tuple[int, int]):
    """KNOWN-ANSWERS §2: x = 5 σ(x) + b at b = −2.65561 and −2.34439."""
    exact = folds_of_the_sigmoid_unit()
    assert exact == pytest.approx([-2.65561, -2.34439], abs=5e-6)
    branch = continue_fixed_point(sigmoid_unit, torch.tensor([start]), span)
    assert [b.kind for b in branch.bifurcations] == ["fold", "fold"]
    assert [b.parameter for b in branch.bifurcations] == pytest.approx([exact[k] for k in order], abs=1e-11)
    assert branch.ended == "end of the span"
    assert float(branch.parameters[-1]) == span[1]
    residual = branch.states - 5 * torch.sigmoid(branch.states) - branch.parameters[:, None]
    assert residual.abs().max() < 1e-12
    first, second = (b.after for b in branch.bifurcations)
    assert branch.stable[: first + 1].all()
    assert not branch.stable[first + 1 : second + 1].any()
    assert branch.stable[second + 1 :].all()


def test_the_flip_of_the_logistic_map_and_where_it_crosses_zero():
    """x* = 1 − 1/r: unstable from r = 3 on, and exchanges stability with 0 at r = 1."""

    def logistic(r: float) -> FunctionSystem:
        return function_system(lambda s: r * s * (1 - s), 1)

    up = continue_fixed_point(logistic, torch.tensor([0.5]), (2.0, 3.9))
    assert [b.kind for b in up.bifurcations] == ["flip"]
    assert up.bifurcations[0].parameter == pytest.approx(3, abs=LOCATED)
    torch.testing.assert_close(up.states[:, 0], 1 - 1 / up.parameters, rtol=0, atol=1e-10)
    down = continue_fixed_point(logistic, torch.tensor([0.5]), (2.0, 0.5))
    assert [b.kind for b in down.bifurcations] == ["branch point"]
    assert down.bifurcations[0].parameter == pytest.approx(1, abs=LOCATED)


def test_the_fold_and_the_flip_of_henons_map():
    """−(1 − b)²/4 and 3 (1 − b)²/4."""
    branch = continue_fixed_point(lambda a: henon(a, 0.3), torch.tensor([0.63, 0.19]), (1.4, -0.2), steps=60)
    assert [b.kind for b in branch.bifurcations] == ["flip", "fold"]
    assert [b.parameter for b in branch.bifurcations] == pytest.approx([0.3675, -0.1225], abs=LOCATED)


def test_the_pitchfork_of_a_tanh_unit_in_a_layer_that_is_changed_in_place():
    layer = Recurrent("elman", 1, 1, bias=False)

    def at(w: float) -> Recurrent:
        with torch.no_grad():
            layer.get_parameter("R_l0").fill_(w)
        return layer

    branch = continue_fixed_point(at, torch.zeros(1), (0.25, 2.0))
    assert [b.kind for b in branch.bifurcations] == ["branch point"]
    # The layer is float32: its weight takes steps of 6e-8.
    assert branch.bifurcations[0].parameter == pytest.approx(1, abs=2e-7)


def test_neimark_and_sacker_in_a_network_that_turns():
    """Of h' = tanh(p Q h), Q a rotation: |λ| = p at 0."""
    turn = 0.7
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]], dtype=torch.float64)

    def at(p: float) -> FunctionSystem:
        return function_system(lambda s: torch.tanh(p * s @ rotation.mT), 2)

    branch = continue_fixed_point(at, torch.zeros(2), (0.5, 1.5))
    assert [b.kind for b in branch.bifurcations] == ["Neimark–Sacker"]
    assert branch.bifurcations[0].parameter == pytest.approx(1, abs=LOCATED)
    assert branch.bifurcations[0].eigenvalues.angle().abs().tolist() == pytest.approx([turn, turn])


def test_two_real_eigenvalues_with_product_1_are_no_bifurcation():
    """Eigenvalues 2 and p cross the test of Neimark and Sacker at p = ½."""

    def at(p: float) -> FunctionSystem:
        return function_system(lambda s: s * torch.tensor([2.0, p], dtype=torch.float64), 2)

    assert continue_fixed_point(at, torch.zeros(2), (0.3, 0.8)).bifurcations == ()


def test_a_bias_as_the_parameter_of_a_network():
    torch.manual_seed(2)
    layer = RNN(1, 4).double()
    with torch.no_grad():
        layer.get_parameter("weight_hh_l0").mul_(4)

    def at(u: float) -> RNN:
        with torch.no_grad():
            layer.get_parameter("bias_ih_l0").fill_(u)
        return layer

    start = at(2.0)(torch.zeros(500, 1, 1, dtype=torch.float64))[1].detach().flatten()
    branch = continue_fixed_point(at, start, (2.0, -2.0), steps=40)
    for k in (0, 20, 39):
        state = branch.states[k]
        layer = at(float(branch.parameters[k]))
        after = layer(torch.zeros(1, 1, 1, dtype=torch.float64), state[None, None])[1].flatten()
        torch.testing.assert_close(after, state, rtol=0, atol=1e-12)


def test_bad_input():
    with pytest.raises(SettingError, match="two different ends"):
        continue_fixed_point(sigmoid_unit, torch.tensor([0.0]), (1.0, 1.0))
    with pytest.raises(ShapeError, match=r"start is \[2\]"):
        continue_fixed_point(sigmoid_unit, torch.zeros(2), (-4.0, -1.0))
    with pytest.raises(DataError, match="no fixed point near the start at p = 0"):
        continue_fixed_point(lambda p: function_system(lambda s: s + 1 + p**2, 1), torch.zeros(1), (0.0, 1.0))
    with pytest.raises(DataError, match="no fixed point near"):
        continue_fixed_point(sigmoid_unit, torch.tensor([math.nan]), (-4.0, -1.0))
