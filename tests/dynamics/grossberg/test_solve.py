from typing import Any

import pytest
import torch

from tests.dynamics.grossberg.networks import random_shunting, uniform
from unspool.dynamics.grossberg import Additive, linear, power, settle, trajectory
from unspool.dynamics.grossberg.solve import Method
from unspool.errors import DataError, SettingError

NONE = torch.zeros(2, 2, dtype=torch.float64)
START = torch.tensor([1.0, -0.5], dtype=torch.float64)


def turning(decay: float) -> Additive:
    """Two units that turn around each other at rate 1; their signals are not rectified."""
    B = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)

    def f(w: torch.Tensor) -> torch.Tensor:
        return w

    return Additive(A=decay, B=B, C=NONE, f=f, g=f)


@pytest.mark.parametrize("method", [None, "RK45", "DOP853", "Radau", "BDF", "LSODA"])
def test_every_method_solves_it(method: Method | None):
    times = (0.0, 1.0, 3.0)
    states = trajectory(turning(0.3), START, times, method=method)
    for t, found in zip(times, states, strict=True):
        expected = START @ torch.matrix_exp(t * (turning(0.3).B - 0.3 * torch.eye(2, dtype=torch.float64)))
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


def test_many_states_at_once_are_those_one_by_one():
    network, states, times = random_shunting(1), uniform(2, 3, 4, 6), (0.0, 0.7, 1.0)
    together = trajectory(network, states, times)
    assert together.shape == (3, 3, 4, 6)
    torch.testing.assert_close(together[0], states)
    torch.testing.assert_close(together[:, 1, 2], trajectory(network, states[1, 2], times), rtol=0, atol=1e-7)


def test_one_time_is_the_beginning():
    torch.testing.assert_close(trajectory(turning(1), START, (5.0,)), START[None])


def test_more_numbers_than_a_jacobian_is_worth_are_solved_explicitly():
    start = START.expand(200, 2)
    states = trajectory(turning(0.3), start, (0.0, 1.0))
    torch.testing.assert_close(states[-1, 7], trajectory(turning(0.3), START, (0.0, 1.0))[-1], rtol=1e-7, atol=1e-8)


def test_a_stiff_network_settles():
    network = Additive(A=torch.tensor([1.0, 1e6], dtype=torch.float64), B=NONE, C=NONE, f=linear(), g=linear(), I=1.0)
    expected = torch.tensor([1.0, 1e-6], dtype=torch.float64)
    torch.testing.assert_close(settle(network, START), expected, rtol=0, atol=1e-8)


def test_a_network_that_turns_for_ever_does_not_settle():
    with pytest.raises(DataError, match="not come to rest by t = 127"):
        settle(turning(0.0), START, longest=100)


def test_bad_input():
    wrong: tuple[Any, ...] = ((0.0, 0.0), (1.0, 0.0), (), ((0.0, 1.0),), (0.0, float("nan")))
    for times in wrong:
        with pytest.raises(SettingError, match="rising"):
            trajectory(turning(1), START, times)
    with pytest.raises(SettingError, match="no method 'euler'"):
        trajectory(turning(1), START, (0.0, 1.0), method="euler")  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match="initial state"):
        trajectory(turning(1), START * float("nan"), (0.0, 1.0))
    bursting = Additive(B=torch.eye(2, dtype=torch.float64), C=NONE, f=power(3.0), g=linear())
    with pytest.raises(DataError, match=r"cannot follow it from t = 0 to 10"):
        trajectory(bursting, 5 + START, (0.0, 10.0), method="DOP853")
