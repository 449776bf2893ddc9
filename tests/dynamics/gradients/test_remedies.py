"""What is measured decides what is advised."""

import pytest
import torch

from unspool.dynamics.gradients.horizon import gradient_horizon
from unspool.dynamics.gradients.remedies import remedies
from unspool.errors import SettingError
from unspool.nn import GRU, RNN, Recurrent
from unspool.nn.initialisation import init_orthogonal


def advice(layer: torch.nn.Module, needed: int | None = None, steps: int = 60) -> tuple[str, list[str]]:
    found = remedies(layer, gradient_horizon(layer, steps=steps), needed=needed)
    return found.finding, [r.name for r in found.remedies]


def scaled(layer: RNN | Recurrent, name: str, gain: float) -> RNN | Recurrent:
    torch.manual_seed(0)
    init_orthogonal(layer, gain)
    assert layer.get_parameter(name) is not None
    return layer


def test_a_network_that_must_forget_is_told_so():
    finding, names = advice(scaled(RNN(1, 4, bias=False), "weight_hh_l0", 0.5), needed=30)
    assert names == ["Ω", "orthogonal initialisation", "gradient flossing", "another cell"]
    assert finding == (
        "Gradients reach 9 steps back before they fall below 0.001; 30 are needed. "
        "No input changes that: the weights shrink every error to 0.5 or less per step."
    )


def test_a_horizon_that_suffices_needs_nothing():
    assert advice(scaled(RNN(1, 4, bias=False), "weight_hh_l0", 0.5), needed=9)[1] == []
    finding, names = advice(scaled(RNN(1, 4, bias=False), "weight_hh_l0", 1.0))
    assert finding == "Gradients reach at least 60 steps back before they fall below 0.001; 60 are needed."
    assert names == []


def test_rectifiers_are_advised_to_begin_at_the_identity():
    assert "identity initialisation" in advice(scaled(RNN(1, 4, nonlinearity="relu"), "weight_hh_l0", 0.5))[1]


def test_a_gate_is_opened():
    torch.manual_seed(0)
    layer = GRU(1, 4)
    found = remedies(layer, gradient_horizon(layer, steps=100)).remedies
    assert [r.name for r in found] == ["chrono initialisation", "gradient flossing"]
    assert found[0].call == "unspool.nn.initialisation.init_chrono(layer, longest=100)"


def test_an_explosion_is_clipped():
    finding, names = advice(scaled(Recurrent("elman_linear", 1, 4, bias=False), "R_l0", 1.2))
    assert names == ["clipping"]
    assert "They explode: by a factor of 1.2 per step, 5.6e+04 at most." in finding


def test_growth_that_decays_is_clipped_too():
    layer = Recurrent("elman_linear", 1, 2, bias=False)
    with torch.no_grad():
        layer.get_parameter("R_l0").copy_(torch.tensor([[0.9, 50.0], [0.0, 0.5]]))
    finding, names = advice(layer, needed=1)
    assert names == ["clipping"]
    assert "-fold before they decay" in finding


def test_a_cell_without_a_recurrent_matrix_is_not_told_to_set_it():
    torch.manual_seed(0)
    layer = Recurrent("indrnn", 1, 4)
    torch.nn.init.constant_(layer.get_parameter("u_l0"), 0.5)
    torch.nn.init.ones_(layer.get_parameter("b_l0"))
    assert advice(layer)[1] == ["Ω", "gradient flossing", "another cell"]


def test_another_layer_is_refused():
    found = gradient_horizon(GRU(1, 2), steps=5)
    with pytest.raises(SettingError, match="Linear"):
        remedies(torch.nn.Linear(1, 2), found)
