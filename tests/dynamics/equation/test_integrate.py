"""The continuous network beside the discrete one."""

import math
import re

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.dynamics.equation.networks import I, linear, some
from unspool.dynamics.equation.integrate import flow, integrate
from unspool.dynamics.equation.ode import Ode, as_ode
from unspool.errors import DataError, SettingError, ShapeError
from unspool.nn import LSTM, Recurrent

H, T = 4, 8


def positive_relu() -> Recurrent:
    """A rectified network that stays on the region where every unit is active, and has a real logarithm."""
    torch.manual_seed(2)
    layer = Recurrent("elman_relu", I, H, dtype=torch.float64).requires_grad_(False)
    layer.get_parameter("R_l0").mul_(0.5).add_(0.4 * torch.eye(H))
    layer.get_parameter("b_l0").fill_(5.0)
    return layer


@pytest.mark.parametrize("w", [0.5, 0.9, 1.1, 2.0, -2.0])
def test_scalars_follow_their_generator(w: float):
    found = integrate(as_ode(linear([[w]])), torch.ones(1), steps=T, method="DOP853", rtol=1e-10, atol=0)
    t = torch.arange(1, T + 1, dtype=torch.float64)
    torch.testing.assert_close(found.continuous[0, :, 0], torch.exp((w - 1) * t), rtol=1e-8, atol=0)
    torch.testing.assert_close(found.discrete[0, :, 0], w**t, rtol=1e-12, atol=0)
    # −2: e^(−3t) in the equation, an explosion in the network.
    expected = (torch.exp((w - 1) * t) - w**t).abs() / abs(w) ** t
    torch.testing.assert_close(found.error[0], expected, rtol=1e-7, atol=0)


@pytest.mark.parametrize(("reading", "radius"), [("forward", math.exp(-1)), ("exact", 1.0), ("backward", math.e)])
def test_a_quarter_turn_by_its_three_readings(reading: str, radius: float):
    """Per step the equation's radius goes by e⁻¹, 1 and e, the network's by 1; only the exact one turns as far."""
    ode = as_ode(linear([[0.0, -1.0], [1.0, 0.0]]), reading)  # pyright: ignore[reportArgumentType]
    found = integrate(ode, torch.tensor([1.0, 0.0]), steps=T, method="DOP853", rtol=1e-10, atol=1e-12)
    t = torch.arange(1, T + 1, dtype=torch.float64)
    turned = t * (math.pi / 2 if reading == "exact" else 1)
    expected = radius ** t[:, None] * torch.stack([turned.cos(), turned.sin()], 1)
    torch.testing.assert_close(found.continuous[0], expected, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(found.discrete.norm(dim=-1), torch.ones(1, T, dtype=torch.float64))
    if reading == "exact":
        assert found.error.amax() < 1e-8


def test_the_exact_flow_of_a_rectified_network_is_the_network_on_its_region():
    layer = positive_relu()
    ode = as_ode(layer, "exact", state=some(H).abs())
    assert ode.active.all()
    x = some(3, T, I)
    found = integrate(ode, some(3, H).abs(), x, method="DOP853", rtol=1e-11, atol=1e-12)
    assert found.continuous.shape == found.discrete.shape == (3, T, H)
    assert (found.discrete > 0).all()
    assert found.error.amax() < 1e-9
    assert integrate(as_ode(layer), some(3, H).abs(), x).error.amax() > 1e-2


def test_the_exact_flow_holds_with_an_inactive_unit_left_out():
    layer = positive_relu()
    layer.get_parameter("b_l0")[1] = -50.0
    ode = as_ode(layer, "exact", state=torch.ones(H))
    assert ode.active.tolist() == [True, False, True, True]
    start = torch.tensor([1.0, 0.0, 2.0, 3.0])
    found = integrate(ode, start, some(T, I), method="DOP853", rtol=1e-11, atol=1e-12)
    assert (found.discrete[0, :, 1] == 0).all()
    assert found.error.amax() < 1e-9


def test_the_leaky_network_comes_to_its_equation_as_its_steps_shrink():
    """Same τ and input per unit of time, ever shorter steps: Euler's method, of order one."""
    errors = []
    for steps in (4, 8, 16, 32):
        torch.manual_seed(0)
        layer = Recurrent("leaky", I, H, dtype=torch.float64).requires_grad_(False)
        layer.get_parameter("s_l0").fill_(math.log(0.4 / (steps - 0.4)))  # alpha = 0.4 / steps
        x = some(2, I).repeat_interleave(steps, 0)
        errors.append(float(integrate(as_ode(layer), some(H), x).error[0, -1]))
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    np.testing.assert_allclose(orders, 1, atol=0.1)


@pytest.mark.parametrize("method", ["RK45", "DOP853", "Radau", "LSODA"])
def test_every_method_finds_the_same_solution(method: str):
    torch.manual_seed(0)
    ode = as_ode(LSTM(I, H))
    found = integrate(ode, some(2 * H), some(3, I), method=method, rtol=1e-8, atol=1e-10)
    best = integrate(ode, some(2 * H), some(3, I), method="DOP853", rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(found.continuous, best.continuous, rtol=1e-6, atol=1e-7)


def test_the_input_is_held_through_its_own_step_and_seen_in_no_other():
    torch.manual_seed(0)
    ode = as_ode(Recurrent("ctrnn", I, H))
    x = some(T, I)
    whole = integrate(ode, some(H), x, method="DOP853", rtol=1e-10, atol=1e-12)
    state = some(1, H)
    for t in range(T):
        state = flow(ode.field, state, x[None, t], method="DOP853", rtol=1e-10, atol=1e-12)
        assert torch.equal(whole.continuous[:, t], state)
    changed = x.clone()
    changed[4] += 1
    other = integrate(ode, some(H), changed, method="DOP853", rtol=1e-10, atol=1e-12)
    same = (other.continuous == whole.continuous).all(-1)[0]
    assert same.tolist() == [True] * 4 + [False] * 4


def test_without_x_the_input_is_the_one_at_which_it_was_read():
    torch.manual_seed(0)
    layer = Recurrent("leaky", I, H, dtype=torch.float64)
    held = integrate(as_ode(layer, x=some(I)), some(2, H), steps=3)
    given = integrate(as_ode(layer), some(2, H), some(I).expand(3, I))
    assert torch.equal(held.continuous, given.continuous)
    assert torch.equal(held.discrete, given.discrete)


class Growing:
    """s' = s + s²: its equation is at infinity at time 1/s."""

    size, input_size, dtype = 1, 0, torch.float64

    def step(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        return state + state**2

    def jacobian(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        return 1 + 2 * state[:, :, None]


def test_what_cannot_be_followed_says_where():
    ode = as_ode(Growing())
    found = integrate(ode, torch.ones(1) / 10, steps=5)
    torch.testing.assert_close(found.continuous[0, :, 0], 1 / (10.0 - torch.arange(1, 6).double()), rtol=1e-5, atol=0)
    with pytest.raises(DataError, match="equation cannot be followed through step 10"):
        integrate(ode, torch.ones(1) / 9.5, steps=12)
    with pytest.raises(DataError, match="network leaves the finite numbers in step 9"):
        integrate(ode, torch.full((1,), 4.0), steps=12)


def layer_ode() -> Ode:
    torch.manual_seed(0)
    return as_ode(Recurrent("leaky", I, H))


def test_bad_input_is_named():
    ode = layer_ode()
    with pytest.raises(SettingError, match="no method 'Euler'"):
        integrate(ode, torch.zeros(H), steps=2, method="Euler")
    with pytest.raises(ShapeError, match="how many steps"):
        integrate(ode, torch.zeros(H))
    with pytest.raises(ShapeError, match="steps is 0"):
        integrate(ode, torch.zeros(H), steps=0)
    with pytest.raises(ShapeError, match=re.escape(f"initial_state is [3]; expected [S={H}]")):
        integrate(ode, torch.zeros(3), steps=2)
    for shape in ((T, 3), (I,), (0, I), (1, 1, T, I)):
        with pytest.raises(ShapeError, match=re.escape(f"x is {list(shape)}")):
            integrate(ode, torch.zeros(H), torch.zeros(shape))
    with pytest.raises(ShapeError, match="T 5"):
        integrate(ode, torch.zeros(H), torch.zeros(T, I), steps=5)
    with pytest.raises(ShapeError, match="not of as many sequences"):
        integrate(ode, torch.zeros(2, H), torch.zeros(3, T, I))
    with pytest.raises(ShapeError, match="not of as many sequences"):
        integrate(ode, torch.zeros(0, H), steps=2)
    with pytest.raises(DataError, match="NaN"):
        integrate(ode, torch.zeros(H), torch.full((T, I), math.nan))
