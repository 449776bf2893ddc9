"""The leaky network between its neighbours: the Elman network at one end, the rate form (ctrnn) beside it."""

import math

import pytest
import torch
from torch import Tensor

from unspool.nn import Recurrent

B, T, I, H = 2, 12, 3, 5  # noqa: E741 - the axes' letters


def drawn(name: str, like: Recurrent | None = None, **set_to: Tensor | float) -> Recurrent:
    """A layer in float64 with the weights of `like` where they share a name, and some set by hand."""
    layer = Recurrent(name, I, H, dtype=torch.float64)
    state = {} if like is None else dict(like.named_parameters())
    with torch.no_grad():
        for parameter_name, parameter in layer.named_parameters():
            if parameter_name in state:
                parameter.copy_(state[parameter_name])
            if (value := set_to.get(parameter_name.removesuffix("_l0"))) is not None:
                parameter.copy_(torch.as_tensor(value, dtype=torch.float64))
    return layer.requires_grad_(False)


def inputs() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(B, T, I, dtype=torch.float64), torch.randn(1, B, H, dtype=torch.float64)


def rate_of(alpha: float) -> float:
    """The ctrnn's s at which 1/tau is alpha."""
    return math.log(math.expm1(1 / alpha - 1)) if alpha < 1 else -40.0


@pytest.mark.parametrize("backend", ["llvm", "reference"])
def test_with_a_leak_of_one_it_is_the_elman_network_bit_for_bit(backend: str, monkeypatch: pytest.MonkeyPatch):
    """KNOWN-ANSWERS §1: α = 1 is identically the vanilla RNN."""
    monkeypatch.setenv("UNSPOOL_BACKEND", backend)
    x, h = inputs()
    elman = drawn("elman", bR=0.0)
    (found, (final,)), (expected, (last,)) = drawn("leaky", elman, s=40.0)(x, h), elman(x, h)
    assert torch.equal(found, expected)
    assert torch.equal(final, last)


def test_the_rate_form_is_another_cell_there():
    x, h = inputs()
    elman = drawn("elman", bR=0.0)
    ctrnn = drawn("ctrnn", elman, s=rate_of(1.0))
    a = x @ elman.get_parameter("W_l0").T + elman.get_parameter("b_l0")
    expected = a[:, 0] + h[0].tanh() @ elman.get_parameter("R_l0").T
    torch.testing.assert_close(ctrnn(x, h)[0][:, 0], expected, rtol=0, atol=1e-14)
    assert (ctrnn(x, h)[0] - elman(x, h)[0]).abs().amax() > 0.1


@pytest.mark.parametrize("alpha", [0.05, 0.5, 0.99])
def test_the_two_forms_are_one_network_seen_from_both_sides_of_tanh(alpha: float):
    """Under a constant input and one time constant, W x + b + R h of the leaky network is the ctrnn's state."""
    x, h = inputs()
    x = x[:, :1].expand(-1, T, -1)
    leaky = drawn("leaky", s=math.log(alpha) - math.log1p(-alpha))
    ctrnn = drawn("ctrnn", leaky, s=rate_of(alpha))
    W, R, b = (leaky.get_parameter(f"{name}_l0") for name in ("W", "R", "b"))
    seen = leaky(x, h)[0] @ R.T + x @ W.T + b
    torch.testing.assert_close(ctrnn(x, h @ R.T + x[:, 0] @ W.T + b)[0], seen, rtol=0, atol=1e-13)


def test_without_weights_each_unit_decays_at_its_own_leak():
    """KNOWN-ANSWERS §2: its exponent is ln(1 − α)."""
    x, h = inputs()
    s = torch.linspace(-4, 3, H, dtype=torch.float64)
    output, _ = drawn("leaky", W=0.0, R=0.0, b=0.0, s=s)(x, h)
    measured = (output[:, -1] / h[0]).log() / T
    torch.testing.assert_close(measured, (-s.exp().log1p()).expand(B, H), rtol=1e-12, atol=0)
