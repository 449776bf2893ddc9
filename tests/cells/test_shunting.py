"""What Grossberg's theory says of a shunting network: bounds, automatic gain control, and what competition keeps.

Scholarpedia 8(2):1888; KNOWN-ANSWERS §7.
"""

import math

import pytest
import torch
from torch import Tensor

from unspool.nn import Recurrent

H = 5
NONE = -80.0  # softplus(−80) is 2e-35


def raw(value: float) -> float:
    """What softplus makes `value` of."""
    return math.log(math.expm1(value))


def network(*, excitation: Tensor | float, inhibition: Tensor | float, R: Tensor | float, **raws: float) -> Recurrent:
    """A network of H units and H inputs with the given weights, without biases."""
    layer = Recurrent("shunting", H, H, dtype=torch.float64)
    with torch.no_grad():
        layer.get_parameter("W_l0")[:H] = torch.as_tensor(excitation)
        layer.get_parameter("W_l0")[H:] = torch.as_tensor(inhibition)
        layer.get_parameter("R_l0").copy_(torch.as_tensor(R))
        layer.get_parameter("b_l0").zero_()
        for name, value in raws.items():
            layer.get_parameter(f"{name}_l0").fill_(value)
    return layer.requires_grad_(False)


@pytest.mark.parametrize("strength", [1e-3, 1.0, 1e3, 1e9])
def test_it_stays_between_floor_and_ceiling_under_any_input(strength: float):
    torch.manual_seed(0)
    layer = Recurrent("shunting", H, H, dtype=torch.float64).requires_grad_(False)
    for parameter in layer.parameters():
        parameter.normal_(0, 3)
    B, D = (torch.nn.functional.softplus(layer.get_parameter(name)) for name in ("sB_l0", "sD_l0"))
    start = -D + (B + D) * torch.rand(1, 16, H, dtype=torch.float64)
    output, _ = layer(strength * torch.randn(16, 100, H, dtype=torch.float64), start)
    assert (output <= B + 1e-12).all()
    assert (output >= -D - 1e-12).all()
    if strength >= 1e3:  # and it gets there
        assert (B - output).amin() < 1e-3 * B.amax()
        assert (output + D).amin() < 1e-3 * D.amax()


@pytest.mark.parametrize("total", [0.1, 1.0, 1000.0])
def test_a_feedforward_field_keeps_ratios_at_any_intensity(total: float):
    """On-centre off-surround: x_i = θ_i B I / (A + I), and Σx = B I / (A + I)."""
    A, B = 0.3, 2.0
    unit = torch.eye(H, dtype=torch.float64)
    layer = network(excitation=unit, inhibition=1 - unit, R=0.0, sA=raw(A), sB=raw(B), sD=NONE)
    theta = torch.tensor([0.4, 0.25, 0.2, 0.1, 0.05], dtype=torch.float64)
    x = (total * theta).expand(1, 200, H)
    expected = theta * B * total / (A + total)
    torch.testing.assert_close(layer(x)[0][0, -1], expected, rtol=1e-12, atol=0)


def test_it_rests_where_the_papers_equation_does():
    torch.manual_seed(1)
    layer = Recurrent("shunting", H, H, dtype=torch.float64).requires_grad_(False)
    x = torch.randn(H, dtype=torch.float64)
    h = layer(x.expand(1, 2000, H))[0][0, -1]
    w = {name.removesuffix("_l0"): p for name, p in layer.named_parameters()}
    A, B, D = (torch.nn.functional.softplus(w[name]) for name in ("sA", "sB", "sD"))
    signal = h.relu() ** 2 / (0.25 + h.relu() ** 2)
    e, i = (w["W"] @ x + w["b"] + w["R"] @ signal).relu().chunk(2)
    assert (e > 0).any()
    assert (i > 0).any()
    assert (-A * h + (B - h) * e - (D + h) * i).abs().amax() < 1e-14


@pytest.mark.parametrize("cue", [[0.2, 0.9, 0.5, 0.7, 0.1], [0.6, 0.1, 0.1, 0.1, 0.5]])
def test_a_competitive_field_keeps_the_largest_after_the_cue_is_gone(cue: list[float]):
    """One unit with A = 0.1 and B = 1 rests at 0 and where A (1/4 + h²) = (1 − h) h: 0.8834, and 0.0257 the threshold.

    The largest is stored there and quenches the others; a cue below the threshold is not stored.
    """
    unit = torch.eye(H, dtype=torch.float64)
    R = torch.cat([unit, 1 - unit])
    layer = network(excitation=unit, inhibition=0.0, R=R, sA=raw(0.1), sB=raw(1.0), sD=NONE)
    pattern = torch.tensor(cue, dtype=torch.float64)
    x = torch.cat([pattern.expand(1, 3, H), torch.zeros(1, 500, H, dtype=torch.float64)], 1)
    expected = torch.zeros(H, dtype=torch.float64)
    expected[pattern.argmax()] = (1 + math.sqrt(0.89)) / 2.2
    torch.testing.assert_close(layer(x)[0][0, -1], expected, rtol=0, atol=1e-12)
    assert layer(0.008 * x)[0][0, -1].abs().amax() < 1e-12
