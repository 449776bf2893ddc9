from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.dynamics.grossberg.networks import random_shunting, uniform
from unspool.dynamics.grossberg import Shunting, feed_forward_field, settle, trajectory
from unspool.dynamics.systems.functions import flow_system
from unspool.errors import DataError, SettingError, ShapeError

SEEDS = range(0, 120, 10)
A, B = 0.7, 1.3


def euler(network: Shunting, state: Tensor, dt: float, steps: int) -> Tensor:
    states = [state]
    for _ in range(steps):
        states.append(states[-1] + dt * network.rate(states[-1]))
    return torch.stack(states)


def box(network: Shunting) -> tuple[Tensor, Tensor]:
    return -torch.as_tensor(network.D), torch.as_tensor(network.B)


def starts(network: Shunting, seed: int) -> Tensor:
    """States anywhere in the box and in its corners, [40, S]."""
    where = torch.cat([uniform(seed, 20, network.size), uniform(seed + 1, 20, network.size).round()])
    low, high = box(network)
    return low + where * (high - low)


def test_the_rate_is_the_equation_summed_by_hand():
    network, x = random_shunting(3, 4), uniform(9, 4)
    A, B, D = (torch.as_tensor(v) for v in (network.A, network.B, network.D))
    excitatory, inhibitory = network.C * network.z_plus, network.E * network.z_minus
    for i in range(4):
        excitation = sum(network.f(x)[j] * excitatory[j, i] for j in range(4)) + torch.as_tensor(network.I)[i]
        inhibition = sum(network.g(x)[j] * inhibitory[j, i] for j in range(4)) + torch.as_tensor(network.J)[i]
        expected = -A[i] * x[i] + (B[i] - x[i]) * excitation - (D[i] + x[i]) * inhibition
        assert float(network.rate(x)[i]) == pytest.approx(float(expected), abs=1e-13)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_state_leaves_its_bounds(seed: int):
    network = random_shunting(seed)
    low, high = box(network)
    states = trajectory(network, starts(network, seed), torch.linspace(0, 3, 30))
    assert bool((states >= low - 1e-9).all())
    assert bool((states <= high + 1e-9).all())


@pytest.mark.parametrize("seed", SEEDS)
def test_nor_does_one_of_eulers_steps_up_to_the_largest(seed: int):
    network = random_shunting(seed)
    low, high = box(network)
    states = euler(network, starts(network, seed), network.largest_step(), 200)
    assert bool((states >= low - 1e-12).all())
    assert bool((states <= high + 1e-12).all())


def test_without_a_lower_bound_below_zero_no_longer_step_would_do():
    """A unit at the top that receives inhibition only lands at B (1 − dt (A + Q)): on 0 with the largest step."""
    none = torch.zeros(2, 2, dtype=torch.float64)
    network = Shunting(A=1.0, B=2.0, C=none, E=none, f=torch.relu, g=torch.relu, J=3.0)
    dt = network.largest_step()
    assert dt == pytest.approx(1 / 4)
    top = torch.full((2,), 2.0, dtype=torch.float64)
    assert float(euler(network, top, dt, 1).min()) == pytest.approx(0, abs=1e-15)
    assert float(euler(network, top, 1.01 * dt, 1).min()) < -0.01


def test_an_oversized_step_leaves_the_bounds():
    network = random_shunting(0)
    low, high = box(network)
    states = euler(network, starts(network, 0), 4 * network.largest_step(), 5)
    assert bool((states < low).any() | (states > high).any())


def test_a_feed_forward_field_keeps_the_pattern_at_every_intensity():
    theta = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    intensity = torch.tensor([0.01, 1.0, 100.0, 1e4], dtype=torch.float64)[:, None]
    final = settle(feed_forward_field(intensity * theta, A, B), torch.zeros(4, 4, dtype=torch.float64))
    torch.testing.assert_close(final, theta * B * intensity / (A + intensity), rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(final.sum(-1), (B * intensity / (A + intensity))[:, 0], rtol=1e-7, atol=1e-9)


def test_its_transient_is_one_exponential():
    theta, intensity = torch.tensor([0.1, 0.2, 0.7], dtype=torch.float64), 2.5
    times = torch.linspace(0, 3, 13, dtype=torch.float64)
    states = trajectory(feed_forward_field(intensity * theta, A, B), torch.zeros(3, dtype=torch.float64), times)
    grown = 1 - torch.exp(-(A + intensity) * times)
    torch.testing.assert_close(states, grown[:, None] * theta * B * intensity / (A + intensity), rtol=1e-8, atol=1e-9)


def test_without_the_surround_large_inputs_saturate():
    theta = torch.tensor([0.1, 0.9], dtype=torch.float64)
    alone = replace(feed_forward_field(1e3 * theta, A, B), J=0.0)
    final = settle(alone, torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(final, B * 1e3 * theta / (A + 1e3 * theta), rtol=1e-7, atol=0)
    assert float(final[1] / final[0]) < 1.01


def test_a_lower_bound_suppresses_what_is_uniform():
    """x_i = (B + D) I/(A + I) (θ_i − D/(B + D)): with D/(B + D) = 1/S an equal pattern leaves nothing."""
    D = B / 3
    field = feed_forward_field(torch.full((4,), 5.0, dtype=torch.float64), A, B, D)
    assert float(settle(field, uniform(1, 4)).abs().max()) < 1e-8
    theta = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    final = settle(feed_forward_field(8 * theta, A, B, D), torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(final, (B + D) * 8 / (A + 8) * (theta - 1 / 4), rtol=1e-7, atol=1e-9)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")  # torch's own, on first forward mode
def test_it_is_a_system():
    network, state = random_shunting(5), starts(random_shunting(5), 5)
    system = flow_system(network.rate, network.size, dt=0.001)
    exact = trajectory(network, state, (0.0, 0.001))[-1]
    torch.testing.assert_close(system.step(state), exact, rtol=0, atol=1e-9)
    nudge = 1e-6 * torch.eye(6, dtype=torch.float64)
    for s, found in zip(state, system.jacobian(state), strict=True):
        torch.testing.assert_close(
            (system.step(s + nudge) - system.step(s - nudge)).mT / 2e-6, found, rtol=0, atol=1e-8
        )


@pytest.mark.parametrize("name", ["A", "B", "D", "C", "E", "I", "J", "z_plus", "z_minus"])
def test_a_negative_parameter_is_refused(name: str):
    value = getattr(random_shunting(0), name)
    with pytest.raises(SettingError, match=f"{name} goes below 0"):
        replace(random_shunting(0), **{name: value - 100})


def test_bad_parameters_and_states():
    none = torch.zeros(2, 2, dtype=torch.float64)
    with pytest.raises(ShapeError, match=r"E is \[2\]"):
        Shunting(C=none, E=none[0], f=torch.relu, g=torch.relu)
    with pytest.raises(ShapeError, match=r"B is .* S=2 units"):
        Shunting(B=torch.ones(3, dtype=torch.float64), C=none, E=none, f=torch.relu, g=torch.relu)
    with pytest.raises(DataError, match="I is, or has, NaN"):
        feed_forward_field(torch.tensor([1.0, float("nan")], dtype=torch.float64))
    with pytest.raises(ShapeError, match="inputs are"):
        feed_forward_field(torch.tensor(3.0, dtype=torch.float64))
    with pytest.raises(ShapeError, match="S=6"):
        random_shunting(0).rate(torch.zeros(5, dtype=torch.float64))
