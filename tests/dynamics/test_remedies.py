"""What is measured decides what is advised."""

import pytest
import torch

from unspool.dynamics.horizon import gradient_horizon
from unspool.dynamics.remedies import remedies
from unspool.errors import SettingError
from unspool.nn import GRU, RNN, Recurrent
from unspool.nn.initialisation import init_orthogonal


def advice(layer: torch.nn.Module, needed: int | None = None, steps: int = 60) -> dict[str, str]:
    return {r.name: r.reason for r in remedies(layer, gradient_horizon(layer, steps=steps), needed=needed)}


def scaled(layer: RNN | Recurrent, name: str, gain: float) -> RNN | Recurrent:
    torch.manual_seed(0)
    init_orthogonal(layer, gain)
    assert layer.get_parameter(name) is not None
    return layer


def test_a_network_that_must_forget_is_told_so():
    found = advice(scaled(RNN(1, 4, bias=False), "weight_hh_l0", 0.5), needed=30)
    assert list(found) == ["Ω", "orthogonal initialisation", "gradient flossing", "another cell"]
    assert "after 9 steps, and 30 steps are needed" in found["Ω"]
    assert "no input changes that: the weights shrink every error to 0.5 or less per step" in found["Ω"]


def test_a_horizon_that_suffices_needs_nothing():
    layer = scaled(RNN(1, 4, bias=False), "weight_hh_l0", 0.5)
    assert not advice(layer, needed=9)
    assert not advice(scaled(RNN(1, 4, bias=False), "weight_hh_l0", 1.0))


def test_rectifiers_are_advised_to_begin_at_the_identity():
    assert "identity initialisation" in advice(scaled(RNN(1, 4, nonlinearity="relu"), "weight_hh_l0", 0.5))


def test_a_gate_is_opened():
    torch.manual_seed(0)
    found = remedies(layer := GRU(1, 4), gradient_horizon(layer, steps=100))
    assert [r.name for r in found] == ["chrono initialisation", "gradient flossing"]
    assert found[0].call == "unspool.nn.initialisation.init_chrono(layer, longest=100)"


def test_an_explosion_is_clipped():
    found = advice(scaled(Recurrent("elman_linear", 1, 4, bias=False), "R_l0", 1.2))
    assert list(found) == ["clipping"]
    assert "grow by a factor of 1.2 per step" in found["clipping"]


def test_growth_that_decays_is_clipped_too():
    layer = Recurrent("elman_linear", 1, 2, bias=False)
    with torch.no_grad():
        layer.get_parameter("R_l0").copy_(torch.tensor([[0.9, 50.0], [0.0, 0.5]]))
    found = advice(layer, needed=1)
    assert list(found) == ["clipping"]
    assert "before they decay" in found["clipping"]


def test_a_cell_without_a_recurrent_matrix_is_not_told_to_set_it():
    torch.manual_seed(0)
    layer = Recurrent("indrnn", 1, 4)
    torch.nn.init.constant_(layer.get_parameter("u_l0"), 0.5)
    torch.nn.init.ones_(layer.get_parameter("b_l0"))
    assert list(advice(layer)) == ["Ω", "gradient flossing", "another cell"]


def test_another_layer_is_refused():
    found = gradient_horizon(GRU(1, 2), steps=5)
    with pytest.raises(SettingError, match="Linear"):
        remedies(torch.nn.Linear(1, 2), found)
