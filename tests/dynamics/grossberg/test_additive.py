from typing import Any

import pytest
import torch

from tests.dynamics.grossberg.networks import random_additive, uniform
from unspool.dynamics.grossberg import Additive, linear, sigmoid, trajectory
from unspool.dynamics.systems.functions import flow_system
from unspool.dynamics.systems.system import jacobian_of
from unspool.errors import DataError, ShapeError

NONE = torch.zeros(3, 3, dtype=torch.float64)


def test_the_rate_is_the_equation_summed_by_hand():
    f, g = sigmoid(0.5), linear(0.7)
    given = dict(zip("ABC", (uniform(1, 3), uniform(2, 3, 3), uniform(3, 3, 3)), strict=True))
    z_plus, z_minus, I, x = uniform(4, 3, 3), uniform(5, 3, 3), uniform(6, 3), uniform(7, 3)  # noqa: E741
    network = Additive(**given, f=f, g=g, I=I, z_plus=z_plus, z_minus=z_minus)
    A, B, C = given.values()
    for i in range(3):
        received = sum(f(x)[j] * B[j, i] * z_plus[j, i] - g(x)[j] * C[j, i] * z_minus[j, i] for j in range(3))
        assert float(network.rate(x)[i]) == pytest.approx(float(-A[i] * x[i] + received + I[i]), abs=1e-14)


def test_a_linear_network_follows_the_matrix_exponential():
    A, B, start = uniform(1, 4, low=1, high=2), uniform(2, 4, 4, high=0.3), uniform(3, 5, 4)
    network = Additive(A=A, B=B, C=torch.zeros_like(B), f=linear(), g=linear())
    times = torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64)
    states = trajectory(network, start, times)
    for t, found in zip(times, states, strict=True):
        expected = start @ torch.matrix_exp(t * (B - A.diag()))
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


def test_an_input_of_the_call_is_added_to_the_networks_own():
    network, state, x = random_additive(1), uniform(1, 2, 6), uniform(2, 2, 6)
    torch.testing.assert_close(network.rate(state, x), network.rate(state) + x)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")  # torch's own, on first forward mode
def test_it_is_a_system():
    network, state, x = random_additive(2), uniform(1, 3, 6, low=-1), uniform(2, 3, 6)
    errors = []
    for dt in (0.02, 0.01):
        system = flow_system(network.rate, network.size, input_size=network.size, dt=dt)
        exact = trajectory(network, state, (0.0, dt), rtol=1e-12, atol=1e-14)[-1]
        errors.append(float((system.step(state) - exact).norm()))
    assert 25 < errors[0] / errors[1] < 40  # a step of fourth order: 2⁵
    slope = 1 - torch.tanh(state) ** 2
    expected = slope[:, None, :] * (network.B - network.C).mT - torch.as_tensor(network.A).diag()
    torch.testing.assert_close(jacobian_of(network.rate, state, x), expected)
    first_order = torch.eye(6, dtype=torch.float64) + 0.01 * expected
    torch.testing.assert_close(system.jacobian(state), first_order, rtol=0, atol=(0.01 * 8) ** 2)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"B": torch.zeros(3, 4).double()}, ShapeError, r"B is \[3, 4\]"),
        ({"B": torch.zeros(0, 0).double()}, ShapeError, r"B is \[0, 0\]"),
        ({"C": torch.zeros(4, 4).double()}, ShapeError, "C is .* S=3 units"),
        ({"C": NONE.float()}, ShapeError, "float32 .*; the paths are torch.float64"),
        ({"A": NONE[0] / 0}, DataError, "A is, or has, NaN"),
        ({"I": float("inf")}, DataError, "I is, or has, NaN"),
        ({"I": [1.0, 2.0, 3.0]}, ShapeError, "I is a list"),
        ({"z_plus": torch.zeros(2).double()}, ShapeError, "z_plus"),
    ],
)
def test_bad_parameters(wrong: dict[str, Any], error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        Additive(**{"B": NONE, "C": NONE, "f": torch.tanh, "g": torch.tanh, **wrong})


def test_bad_states():
    network = Additive(B=NONE, C=NONE, f=torch.tanh, g=torch.tanh, I=uniform(1, 4, 3))
    with pytest.raises(ShapeError, match="S=3"):
        network.rate(torch.zeros(5, dtype=torch.float64))
    with pytest.raises(ShapeError, match=r"state is \[3\], an input \[4, 3\]"):
        network.rate(torch.zeros(3, dtype=torch.float64))
