"""A layer as a differential equation: its readings, and what is derived from them."""

import copy
import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from unspool.dynamics.equation.ode import as_ode
from unspool.errors import DataError, SettingError, ShapeError
from unspool.nn import GRU, LSTM, RNN, Recurrent

I, H = 2, 5  # noqa: E741 - the axes' letters


def linear(R: Tensor | list[list[float]], b: float = 0.0) -> Recurrent:
    """The linear network, h' = R h + W x + b."""
    matrix = torch.as_tensor(R, dtype=torch.float64)
    torch.manual_seed(0)
    layer = Recurrent("elman_linear", I, len(matrix), dtype=torch.float64).requires_grad_(False)
    layer.get_parameter("R_l0").copy_(matrix)
    layer.get_parameter("b_l0").fill_(b)
    layer.get_parameter("bR_l0").zero_()
    return layer


def drawn(name: str, layers: int = 1, scale: float = 1.0) -> Recurrent:
    torch.manual_seed(1)
    layer = Recurrent(name, I, H, layers, dtype=torch.float64).requires_grad_(False)
    for parameter in layer.parameters():
        parameter.mul_(scale)
    return layer


def some(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


def softplus(v: Tensor) -> Tensor:
    return torch.nn.functional.softplus(v)


# Each page's differential equation, and the Δt of the Euler step that the page is.


def leaky(s: Tensor, x: Tensor, w: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    return -s + torch.tanh(x @ w["W"].T + s @ w["R"].T + w["b"]), w["s"].sigmoid()


def ctrnn(s: Tensor, x: Tensor, w: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    return -s + s.tanh() @ w["R"].T + x @ w["W"].T + w["b"], 1 / (1 + softplus(w["s"]))


def shunting(s: Tensor, x: Tensor, w: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    A, B, D = (softplus(w[name]) for name in ("sA", "sB", "sD"))
    signal = s.relu() ** 2 / (0.25 + s.relu() ** 2)
    e, i = (x @ w["W"].T + signal @ w["R"].T + w["b"]).relu().chunk(2, -1)
    return -A * s + (B - s) * e - (D + s) * i, 1 / (1 + A + e + i)


def cornn(s: Tensor, x: Tensor, w: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    y, z = s.chunk(2, -1)
    pushed = torch.tanh(x @ w["W"].T + w["b"] + y @ w["R"].T + z @ w["Q"].T) - 2.7 * y - 4.7 * z
    return torch.cat([z + 0.042 * pushed, pushed], -1), torch.tensor(0.042, dtype=s.dtype)  # y moves with the new z


@pytest.mark.parametrize("equation", [leaky, ctrnn, shunting, cornn], ids=lambda f: f.__name__)
def test_a_cell_that_discretises_an_equation_comes_out_as_it(
    equation: Callable[[Tensor, Tensor, dict[str, Tensor]], tuple[Tensor, Tensor]],
):
    layer = drawn(equation.__name__)
    ode = as_ode(layer)
    state, x = some(6, ode.system.size), some(6, I)
    rate, step = equation(state, x, {n.removesuffix("_l0"): p for n, p in layer.named_parameters()})
    torch.testing.assert_close(ode.field(state, x), step * rate, rtol=0, atol=1e-14)


@pytest.mark.parametrize("layer", [GRU(I, H, num_layers=2), LSTM(I, H), RNN(I, H), drawn("lem", 2)], ids=str)
def test_euler_with_a_step_of_one_is_the_network(layer: torch.nn.Module):
    ode = as_ode(layer)
    state, x = some(4, ode.system.size), some(4, I)
    torch.testing.assert_close(state + ode.field(state, x), ode.system.step(state, x), rtol=0, atol=1e-15)
    numeric = torch.func.jacrev(lambda s: ode.field(s[None], x[:1])[0])(state[0])
    torch.testing.assert_close(as_ode(layer, state=state[0], x=x[0]).generator, numeric, rtol=0, atol=1e-13)


def test_the_backward_reading_of_a_relu_network_is_taylors():
    """Where every unit is active h' = (I − W⁻¹) h + W⁻¹ (W_x x + b); forward (W − I) h + W_x x + b."""
    layer = drawn("elman_relu")
    layer.get_parameter("b_l0").fill_(3.0)  # every unit active around zero
    R, W = layer.get_parameter("R_l0"), layer.get_parameter("W_l0")
    forcing = W @ (x := some(I)) + 3 + layer.get_parameter("bR_l0")
    inverse, unit = torch.linalg.inv(R), torch.eye(H)
    ode = as_ode(layer, "backward", x=x)
    torch.testing.assert_close(ode.generator, unit - inverse, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ode.offset, inverse @ forcing, rtol=1e-12, atol=1e-12)
    state, other = some(3, H), some(3, I)
    expected = state @ (unit - inverse).T + (other @ W.T + 3 + layer.get_parameter("bR_l0")) @ inverse.T
    torch.testing.assert_close(ode.field(state, other), expected, rtol=1e-11, atol=1e-11)
    forward = as_ode(layer, x=x)
    torch.testing.assert_close(forward.generator, R - unit, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(forward.offset, forcing, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reading", ["forward", "exact", "backward"])
def test_all_readings_rest_where_the_network_does(reading: str):
    layer = drawn("leaky")
    ode = as_ode(layer)
    state = torch.zeros(1, H, dtype=torch.float64)
    for _ in range(400):
        state = ode.system.step(state, some(1, I))
    found = as_ode(layer, reading, state=state[0], x=some(I))  # pyright: ignore[reportArgumentType]
    assert found.field(state).abs().amax() < 1e-14


def test_an_inactive_unit_is_left_out_of_the_linear_readings():
    layer = drawn("elman_relu")
    layer.get_parameter("b_l0").copy_(torch.tensor([3.0, -3.0, 3.0, -3.0, 3.0]))
    active = torch.tensor([True, False, True, False, True])
    R = layer.get_parameter("R_l0")
    ode = as_ode(layer, "backward")
    assert ode.active.tolist() == active.tolist()
    assert len(ode.eigenvalues) == len(ode.time_constants) == 3
    inverse = torch.linalg.inv(R[active][:, active])
    torch.testing.assert_close(ode.generator[active][:, active], torch.eye(3) - inverse, rtol=1e-12, atol=1e-12)
    assert not ode.generator[~active].any()
    assert not ode.generator[:, ~active].any()
    # The others see it at 0, where the step puts it, whatever the state says.
    state = some(1, H)
    b = layer.get_parameter("b_l0") + layer.get_parameter("bR_l0")
    expected = state[:, active] @ (torch.eye(3) - inverse).T + b[active] @ inverse.T
    torch.testing.assert_close(ode.field(state)[:, active], expected, rtol=1e-11, atol=1e-11)
    assert not ode.field(state)[:, ~active].any()
    assert as_ode(layer).active.all()


@pytest.mark.parametrize("reading", ["exact", "backward"])
def test_with_no_unit_active_there_is_no_flow(reading: str):
    layer = drawn("elman_relu")
    layer.get_parameter("b_l0").fill_(-3.0)
    with pytest.raises(SettingError, match=f"{reading} reading: no unit is active"):
        as_ode(layer, reading)  # pyright: ignore[reportArgumentType]
    assert as_ode(layer).time_constants.tolist() == [1.0] * H


def test_time_constants_stiffness_and_the_largest_step():
    mu = torch.tensor([0.9, 0.5, -0.5], dtype=torch.float64)
    ode = as_ode(linear(torch.diag(mu)))
    np.testing.assert_allclose(ode.time_constants, [10, 2, 1 / 1.5])
    assert ode.stiffness == pytest.approx(1.5 / 0.1)
    assert ode.largest_step == pytest.approx(2 / 1.5)
    exact = as_ode(linear(torch.diag(mu.abs())), "exact")
    np.testing.assert_allclose(exact.time_constants, [-1 / math.log(0.9), -1 / math.log(0.5), -1 / math.log(0.5)])
    assert "stiffness 15" in repr(ode)
    assert as_ode(linear([[2.0]])).time_constants.tolist() == [-1.0]
    still = as_ode(linear([[1.0]]))
    assert still.time_constants.tolist() == [math.inf]
    assert still.stiffness == math.inf
    assert still.largest_step == 0


def test_below_the_largest_step_euler_decays_and_above_it_grows():
    """KNOWN-ANSWERS §1: α < 2 (1 − Re μ) / |1 − μ|², here of an undamped spiral and random networks."""
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        R = torch.randn(H, H, dtype=torch.float64, generator=generator) / math.sqrt(H) - torch.eye(H)
        ode = as_ode(linear(R))
        mu = torch.linalg.eigvals(R)
        expected = (2 * (1 - mu.real) / (1 - mu).abs() ** 2).min()
        if (mu.real < 1).all():
            assert ode.largest_step == pytest.approx(float(expected), rel=1e-12)
        else:
            assert ode.largest_step == 0
        for factor in (0.99, 1.01):
            euler = torch.eye(H) + factor * ode.largest_step * ode.generator
            radius = torch.linalg.eigvals(euler).abs().max()
            assert (radius < 1) == (factor < 1)


def test_minus_two_decays_in_the_equation_and_explodes_in_the_network():
    """KNOWN-ANSWERS §1: e^(−3t)."""
    ode = as_ode(linear([[-2.0]]))
    assert ode.eigenvalues.tolist() == [-3.0]
    assert ode.largest_step == pytest.approx(2 / 3)  # below the network's step of 1
    with pytest.raises(SettingError, match="eigenvalue -2 "):
        as_ode(linear([[-2.0]]), "exact")


def test_the_layer_is_left_as_it_was():
    layer = LSTM(I, H)
    before = copy.deepcopy(layer.state_dict())
    assert as_ode(layer, "backward").generator.dtype == torch.float64
    for name, value in layer.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.dtype == torch.float32
    assert all(p.requires_grad for p in layer.parameters())


class Shear:
    """A system of its own: s' = (s₀ + ln 2 · s₁, s₁), with no input."""

    size, input_size, dtype = 2, 0, torch.float64

    def step(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        assert x is None
        return state @ torch.tensor([[1.0, 0.0], [math.log(2), 1.0]], dtype=self.dtype)

    def jacobian(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        assert x is None
        return torch.tensor([[[1.0, math.log(2)], [0.0, 1.0]]], dtype=self.dtype).expand(len(state), 2, 2)


def test_any_system_will_do():
    ode = as_ode(Shear(), "exact", state=torch.ones(2))
    torch.testing.assert_close(ode.field(torch.ones(1, 2)), torch.tensor([[math.log(2), 0.0]], dtype=torch.float64))
    with pytest.raises(ShapeError, match=re.escape("x is [3]; the constant input of this system is [I=0]")):
        as_ode(Shear(), x=torch.ones(3))


def test_bad_input_is_named():
    with pytest.raises(SettingError, match="bidirectional"):
        as_ode(Recurrent("gru", I, H, bidirectional=True))
    with pytest.raises(SettingError, match="Linear is not a recurrent layer"):
        as_ode(torch.nn.Linear(2, 2))
    with pytest.raises(ShapeError, match=re.escape(f"state is [3]; expected [S={2 * H}]")):
        as_ode(LSTM(I, H), state=torch.zeros(3))
    with pytest.raises(ShapeError, match=re.escape(f"x is [1, 2]; the constant input of this system is [I={I}]")):
        as_ode(LSTM(I, H), x=torch.zeros(1, 2))
    with pytest.raises(DataError, match="x holds NaN"):
        as_ode(LSTM(I, H), x=torch.tensor([0.0, math.nan]))
    broken = drawn("gru")
    broken.get_parameter("R_l0")[0, 0] = math.nan
    with pytest.raises(DataError, match="R_l0"):
        as_ode(broken)
    with pytest.raises(SettingError, match="no reading 'middle'"):
        as_ode(drawn("gru"), "middle")  # pyright: ignore[reportArgumentType]
