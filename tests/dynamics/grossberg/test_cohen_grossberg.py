from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.dynamics.grossberg.networks import random_additive, random_shunting, uniform
from unspool.dynamics.grossberg import (
    Additive,
    CohenGrossberg,
    EnergyMonitor,
    Shunting,
    cohen_grossberg,
    competitive_field,
    power,
    sigmoid,
    slope,
    trajectory,
)
from unspool.errors import DataError, SettingError, ShapeError

TIMES = torch.linspace(0, 6, 60, dtype=torch.float64)
RTOL = 1e-11


def field(seed: int, size: int = 5) -> Shunting:
    """A competitive field with inputs, a lower bound below 0, unequal but symmetric inhibition."""
    inhibition = uniform(seed, size, size, high=2)
    own = uniform(seed + 1, size, low=1, high=4)
    return Shunting(
        A=0.8,
        B=1.5,
        D=0.4,
        C=own.diag(),
        E=inhibition + inhibition.mT,
        f=power(2.0),
        g=sigmoid(0.4, top=2.0),
        I=uniform(seed + 2, size),
        J=uniform(seed + 3, size),
    )


def watched(network: CohenGrossberg, states: Tensor) -> EnergyMonitor:
    monitor = EnergyMonitor(network)
    for state in states:
        monitor.update(state)
    return monitor


def euler(network: Additive | Shunting, state: Tensor, dt: float, steps: int) -> Tensor:
    states = [state]
    for _ in range(steps):
        states.append(states[-1] + dt * network.rate(states[-1]))
    return torch.stack(states)


@pytest.mark.parametrize(
    "network",
    [
        random_additive(1, 5, symmetric=False),
        replace(field(2), E=uniform(1, 5, 5), z_plus=0.5, z_minus=uniform(2, 5, 5)),
        competitive_field(5, sigmoid(0.3), I=0.2),
    ],
)
def test_the_form_has_the_networks_own_rate(network: Additive | Shunting):
    states = uniform(3, 7, 5, low=0.01, high=1.4)
    torch.testing.assert_close(cohen_grossberg(network).rate(states), network.rate(states))


def test_v_of_an_additive_network_is_that_of_its_antiderivatives():
    """A = 1, d = tanh: −∫ b d' = −I tanh x + x tanh x − ln cosh x."""
    network = replace(random_additive(4), A=1.0)
    form, x = cohen_grossberg(network), uniform(5, 8, 6, low=-2, high=2)
    d = torch.tanh(x)
    own = -torch.as_tensor(network.I) * d + x * d - torch.log(torch.cosh(x))
    expected = own.sum(-1) + ((d @ (network.C - network.B)) * d).sum(-1) / 2
    found = form.energy(x, torch.zeros(6, dtype=torch.float64))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("network", [random_additive(6, 5), field(7)])
def test_v_changes_at_the_rate_of_the_theorem(network: Additive | Shunting):
    form, start = cohen_grossberg(network), uniform(8, 5)
    nudge = 1e-5
    before, after = start - nudge * network.rate(start), start + nudge * network.rate(start)
    measured = form.energy_change(before, after) / (2 * nudge)
    torch.testing.assert_close(measured, form.energy_rate(start), rtol=1e-7, atol=1e-9)
    assert float(measured) < 0


def test_small_changes_of_v_keep_their_precision():
    """Near rest a change of V is far below V's own rounding."""
    form, x = cohen_grossberg(field(9)), uniform(10, 5)
    step = 1e-9 * uniform(11, 5, low=-1)
    gradient = -slope(form.d, x) * (form.b(x) - form.d(x) @ form.c)
    assert float(form.energy_change(x, x + step)) == pytest.approx(float(gradient @ step), rel=1e-6)


@pytest.mark.parametrize("seed", range(0, 40, 10))
@pytest.mark.parametrize("network_of", [random_additive, field])
def test_v_never_grows_in_a_symmetric_network(network_of: Callable[[int, int], Additive | Shunting], seed: int):
    """What it may grow by is what the solver may err by, of V's whole fall."""
    network = network_of(seed, 5)
    states = trajectory(network, uniform(seed, 20, 5, high=1.5), TIMES, rtol=RTOL, atol=RTOL / 100)
    form = cohen_grossberg(network)
    monitor = watched(form, states)
    assert monitor.promised
    assert monitor.largest_growth <= RTOL * float(form.energy_change(states[-1], states[0]).max())


def test_it_never_grows_in_a_field_that_goes_to_zero_activities():
    network = competitive_field(4, power(2.0, gain=10.0))
    states = trajectory(network, uniform(2, 10, 4, low=0.05, high=0.4), TIMES, rtol=RTOL, atol=RTOL / 100)
    monitor = watched(cohen_grossberg(network), states)
    assert monitor.promised
    assert monitor.largest_growth <= RTOL


def test_control_an_asymmetric_network_makes_it_grow():
    """Two units in a ring of one excitatory and one inhibitory path turn for ever."""
    ring = torch.tensor([[2.0, -3.0], [3.0, 2.0]], dtype=torch.float64)
    network = Additive(B=ring.clamp(min=0), C=(-ring).clamp(min=0), f=torch.tanh, g=torch.tanh)
    starts = torch.tensor([[0.0, 0.0], [0.5, -0.2]], dtype=torch.float64)  # the first stays at rest
    states = trajectory(network, starts, TIMES)
    monitor = watched(cohen_grossberg(network), states)
    assert not monitor.promised
    assert monitor.largest_growth > 0.01
    assert monitor.grew_at is not None
    before, after = states[monitor.grew_at - 1 : monitor.grew_at + 1, 1]
    assert float(cohen_grossberg(network).energy_change(before, after)) == pytest.approx(monitor.largest_growth)


def test_control_an_oversized_step_of_eulers_makes_it_grow():
    """The theorem's conditions hold at every state: what breaks the promise is the step."""
    network = competitive_field(5, sigmoid(0.3, top=4.0), I=0.2)
    form, start = cohen_grossberg(network), uniform(1, 5)
    dt = network.largest_step()
    assert watched(form, euler(network, start, dt, 40)).largest_growth <= 0
    oversized = watched(form, euler(network, start, 5 * dt, 40))
    assert oversized.promised
    assert oversized.largest_growth > 1


def test_conditions_are_told_where_they_fail():
    form = cohen_grossberg(field(30))
    inside = uniform(1, 4, 5)
    assert form.conditions_hold(inside)
    assert not form.conditions_hold(inside - 3)  # a = D + x < 0
    assert not replace(form, d=lambda x: -x).conditions_hold(inside)
    skew = torch.zeros(5, 5, dtype=torch.float64)
    skew[0, 1] = 1e-6
    assert not replace(form, c=form.c + skew).conditions_hold(inside)


def test_a_monitor_begins_with_no_growth():
    monitor = EnergyMonitor(cohen_grossberg(field(40)))
    assert monitor.largest_growth == float("-inf")
    monitor.update(uniform(1, 5))
    assert monitor.grew_at is None


def test_a_monitor_refuses_what_has_no_v():
    monitor = EnergyMonitor(cohen_grossberg(field(40)))
    monitor.update(uniform(1, 5))
    with pytest.raises(ShapeError, match="S=5"):
        monitor.update(uniform(1, 4))
    with pytest.raises(DataError, match="a state is"):
        monitor.update(uniform(1, 5) / 0)


def test_networks_without_the_form():
    with pytest.raises(SettingError, match="one signal function"):
        cohen_grossberg(replace(random_additive(1), g=torch.sigmoid))
    with pytest.raises(SettingError, match="excite each other"):
        cohen_grossberg(random_shunting(1))
    with pytest.raises(ShapeError, match="c is"):
        CohenGrossberg(a=torch.ones_like, b=torch.neg, c=torch.zeros(2, 3), d=torch.tanh)
    with pytest.raises(ShapeError, match="S=5"):
        cohen_grossberg(field(1)).rate(torch.zeros(4, dtype=torch.float64))
