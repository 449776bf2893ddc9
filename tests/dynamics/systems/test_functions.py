"""Maps and flows as systems: their steps, their Jacobians, and the classical ones."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from unspool.dynamics.systems.classics import henon, lorenz63, lorenz96, rossler
from unspool.dynamics.systems.functions import FunctionSystem, flow_system, function_system, rk4
from unspool.errors import SettingError, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

F64 = torch.float64


def rows(*values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=F64)


def test_a_map():
    logistic = function_system(lambda s: 4 * s * (1 - s), 1)
    assert logistic.step(rows([0.25], [0.5])).tolist() == [[0.75], [1.0]]
    assert logistic.jacobian(rows([0.25], [0.5])).tolist() == [[[2.0]], [[0.0]]]
    assert (logistic.size, logistic.input_size, logistic.dtype, logistic.dt) == (1, 0, F64, 1.0)


def test_a_map_with_an_input():
    driven = function_system(lambda s, x: s * x[:, :1], 2, input_size=1)
    state = rows([1.0, 2.0])
    assert driven.step(state, rows([3.0])).tolist() == [[3.0, 6.0]]
    assert driven.step(state).tolist() == [[0.0, 0.0]]
    assert driven.jacobian(state, rows([3.0])).tolist() == [[[3.0, 0.0], [0.0, 3.0]]]


def test_an_own_jacobian_is_used():
    def mine(s: Tensor) -> Tensor:
        return torch.full((len(s), 1, 1), 7.0, dtype=F64)

    assert float(function_system(lambda s: s, 1, jacobian=mine).jacobian(rows([1.0]))) == 7.0


@pytest.mark.parametrize("driven", [False, True])
def test_columns_are_carried_by_the_jacobians(driven: bool):
    torch.manual_seed(0)
    W = torch.randn(3, 3, dtype=F64)
    system = (
        function_system(lambda s, x: torch.tanh(s @ W + x * s), 3, input_size=1)
        if driven
        else function_system(lambda s: torch.tanh(s @ W), 3)
    )
    states, x = torch.randn(4, 2, 3, dtype=F64), torch.randn(4, 2, 1, dtype=F64) if driven else None
    columns = torch.randn(2, 3, 2, dtype=F64)
    expected = columns
    for t in range(4):
        expected = system.jacobian(states[t], None if x is None else x[t]) @ expected
    torch.testing.assert_close(system.carried(states, x, columns), expected, rtol=0, atol=1e-14)


def test_the_runge_kutta_step_is_of_fourth_order():
    def error(dt: float) -> float:
        system, state = flow_system(lambda s: s * s, 1, dt=dt), rows([1.0])
        for _ in range(round(0.5 / dt)):
            state = system.step(state)
        return abs(float(state) - 2.0)  # ds/dt = s² from 1 is 1/(1 − t)

    assert math.log2(error(0.05) / error(0.025)) == pytest.approx(4, abs=0.15)


def test_any_step_will_do():
    euler = flow_system(lambda s: -s, 1, dt=0.1, step=lambda f, s, dt: s + dt * f(s))
    assert float(euler.step(rows([1.0]))) == pytest.approx(0.9, abs=1e-15)
    assert euler.dt == 0.1


def test_a_flow_holds_its_input_for_a_step():
    driven = flow_system(lambda s, x: x - s, 1, dt=0.5, input_size=1)
    assert float(driven.step(rows([0.0]), rows([1.0]))) == pytest.approx(1 - math.exp(-0.5), abs=1e-3)


@pytest.mark.parametrize(
    ("system", "fixed"),
    [
        (lorenz63(), [math.sqrt(72), math.sqrt(72), 27.0]),
        (lorenz96(), [8.0] * 40),
        (henon(), [(math.sqrt(0.49 + 4 * 1.4) - 0.7) / 2.8, 0.3 * (math.sqrt(0.49 + 4 * 1.4) - 0.7) / 2.8]),
        (rossler(), [(5.7 - math.sqrt(32.33)) / 2 * f for f in (1, -5, 5)]),
    ],
)
def test_a_classic_rests_at_its_fixed_point(system: FunctionSystem, fixed: list[float]):
    state = rows(fixed)
    torch.testing.assert_close(system.step(state), state, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("system", "trace"),
    [
        (lorenz63(dt=1e-3), lambda s: -41 / 3),
        (lorenz96(dt=1e-3), lambda s: -40),
        (rossler(dt=1e-3), lambda s: s[0] - 5.5),
    ],
)
def test_a_classic_contracts_by_its_divergence(system: FunctionSystem, trace: Callable[[Tensor], float]):
    """Over one short step volumes shrink by exp(trace · dt)."""
    state = torch.linspace(0.5, 1.5, system.size, dtype=F64)[None]
    rate = float(torch.linalg.slogdet(system.jacobian(state)).logabsdet) / system.dt
    assert rate == pytest.approx(float(trace(state[0])), abs=0.01)


def test_a_system_in_another_dtype():
    single = function_system(lambda s: s / 2, 1, dtype=torch.float32)
    assert single.jacobian(torch.ones(1, 1)).dtype == torch.float32


def test_numbers_out_of_range():
    for size, dt, inputs in ((0, 1.0, 0), (1, 0.0, 0), (1, math.nan, 0), (1, 1.0, -1)):
        with pytest.raises(SettingError, match="at least one number and dt > 0"):
            function_system(lambda s: s, size, dt=dt, input_size=inputs)


def test_another_shape():
    with pytest.raises(ShapeError, match=r"step of 2 states of 3 numbers is \[3\]"):
        function_system(lambda s: s[0], 3)
    with pytest.raises(ShapeError, match=r"jacobian of 2 states of 3 numbers is \[3, 3\]"):
        function_system(lambda s: s, 3, jacobian=lambda s: torch.eye(3))
    with pytest.raises(ShapeError, match=r"must be \[2, 2\]"):
        flow_system(lambda s: s[:, :1], 2, dt=0.1, step=lambda f, s, dt: f(s))
    assert rk4(lambda s: 0 * s, rows([1.0]), 0.1).tolist() == [[1.0]]
