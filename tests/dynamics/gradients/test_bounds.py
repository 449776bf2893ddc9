"""Pascanu's bounds hold at every state, and are sharp where they can be."""

import math

import pytest
import torch

from unspool.cells import built_in
from unspool.dynamics.gradients.bounds import gradient_bounds
from unspool.dynamics.systems.system import as_system
from unspool.errors import SettingError
from unspool.lang import Input, Matrix, State, cell, sigmoid
from unspool.nn import RNN, Recurrent
from unspool.passes import as_run

CELLS = [name for name, page in built_in().items() if not as_run(page.graph).number_inputs]
BOUNDED = {"alrnn", "antisymmetric", "cfc", "cfn", "clockwork", "cornn", "ctrnn", "elman", "elman_linear", "elman_relu"}
BOUNDED |= {"esn", "exprnn", "fastrnn", "indrnn", "irnn", "jordan", "leaky", "lipschitz", "lru", "mingru", "minlstm"}
BOUNDED |= {"plrnn", "scrn", "shallow_plrnn", "unicornn"}
"""Cells whose gates, where they have some, multiply no state that could be large, or see none."""


@cell
def logistic(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
    return sigmoid(W @ x + R @ h)


def layer_of(name: str, layers: int = 1) -> Recurrent:
    torch.manual_seed(0)
    sizes = {letter: 2 if letter == "N" else 5 for letter in built_in()[name].graph.sizes - {"I", "H"}}
    return Recurrent(name, 3, 6, layers, sizes=sizes, dtype=torch.float64)


@pytest.mark.parametrize("name", CELLS)
def test_no_step_stretches_more_than_the_gain(name: str):
    layer = layer_of(name)
    gain = gradient_bounds(layer).gain
    assert math.isinf(gain) == (name not in BOUNDED)
    system = as_system(layer)
    states, x = torch.randn(200, system.size, dtype=torch.float64), torch.randn(200, 3, dtype=torch.float64)
    jacobians = system.jacobian(states, x).detach()
    assert float(torch.linalg.matrix_norm(jacobians, 2).max()) <= gain * (1 + 1e-12)


@pytest.mark.parametrize(("name", "slope"), [("elman", 1.0), ("elman_relu", 1.0), ("elman_linear", 1.0), ("", 0.25)])
def test_of_an_elman_network_the_gain_is_slope_times_singular_value(name: str, slope: float):
    layer = Recurrent(name or logistic, 3, 6)
    R = layer.get_parameter("R_l0").detach().double()
    bounds = gradient_bounds(layer)
    assert bounds.gain == pytest.approx(slope * float(torch.linalg.svdvals(R)[0]))
    assert bounds.spectral_radius == pytest.approx(float(torch.linalg.eigvals(R).abs().max()))


def test_the_bound_is_reached_where_every_slope_is_at_its_largest():
    layer = Recurrent("elman", 3, 6, bias=False, dtype=torch.float64)
    system = as_system(layer)
    jacobian = system.jacobian(torch.zeros(1, 6, dtype=torch.float64)).detach()
    assert gradient_bounds(layer).gain == pytest.approx(float(torch.linalg.matrix_norm(jacobian, 2)))


def test_a_random_matrix_has_twice_the_singular_value_of_its_radius():
    """KNOWN-ANSWERS §2: entries N(0, g²/N): ρ → g, σ₁ → 2 g. At g = 0.45 gradients must vanish."""
    torch.manual_seed(0)
    layer = RNN(1, 500)
    for g in (0.45, 0.8):
        torch.nn.init.normal_(layer.get_parameter("weight_hh_l0"), 0, g / 500**0.5)
        bounds = gradient_bounds(layer)
        assert bounds.gain == pytest.approx(2 * g, rel=0.02)
        assert bounds.spectral_radius == pytest.approx(g, rel=0.05)
        assert bounds.must_vanish == (g < 0.5)
        assert bounds.may_explode == (g > 0.5)


def test_a_stack_is_as_its_largest_layer():
    layer = layer_of("elman", 2)
    with torch.no_grad():
        layer.get_parameter("R_l1").mul_(3)
    norms = [float(torch.linalg.svdvals(layer.get_parameter(n).detach())[0]) for n in ("R_l0", "R_l1")]
    assert gradient_bounds(layer).gain == pytest.approx(max(norms))


def test_a_ceiling_of_a_gain_of_zero():
    layer = Recurrent("elman", 1, 2)
    torch.nn.init.zeros_(layer.get_parameter("R_l0"))
    assert gradient_bounds(layer).ceiling(torch.tensor([1, 2])).tolist() == [-math.inf] * 2


def test_a_layer_that_reads_both_ways_is_refused():
    with pytest.raises(SettingError, match="bidirectional"):
        gradient_bounds(RNN(2, 3, bidirectional=True))
