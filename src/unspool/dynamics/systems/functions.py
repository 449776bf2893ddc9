"""Any map or differential equation as a system, from a function.

function_system(lambda s: 4 * s * (1 - s), 1)               s(t+1) = 4 s(t) (1 − s(t))
flow_system(lambda s: -s, 1, dt=0.1)                        ds/dt = −s, one step of Runge and Kutta's per dt
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from unspool.dynamics.systems.system import jacobian_of
from unspool.errors import SettingError, ShapeError

Function = Callable[..., Tensor]
"""States [N, S], and inputs [N, I] where there are any, → [N, S]; one row does not see another."""


@final
@dataclass(frozen=True, eq=False)
class FunctionSystem:
    """A `System` from a function; see `function_system`.

    Attributes:
        size: S.
        input_size: I.
        dtype: of states and inputs.
        dt: units of time per step; 1 for a map.
        function: the next states.
        own_jacobian: [N, S, S] of states, or None: derived by torch.func.
    """

    size: int
    input_size: int
    dtype: torch.dtype
    dt: float
    function: Function
    own_jacobian: Function | None

    def step(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """See `System`; without an input it is zero."""
        return self.function(*self._given(state, x))

    def jacobian(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """See `System`."""
        if self.own_jacobian is not None:
            return self.own_jacobian(*self._given(state, x))
        return jacobian_of(self.step, state, x)

    def carried(self, state: Tensor, x: Tensor | None, columns: Tensor) -> Tensor:
        """J_T … J_1 times columns [B, S, K] of B trajectories, with states [T, B, S] before each step.

        x is [T, B, I]. By forward mode, without a matrix: faster than `jacobian` for few columns of a large system.
        """
        each, rows = columns.shape[-1], columns.mT.flatten(0, 1)
        for t, before in enumerate(state):
            given = [v.repeat_interleave(each, 0) for v in (before, None if x is None else x[t]) if v is not None]
            still = [torch.zeros_like(v) for v in given[1:]]
            rows = torch.func.jvp(self.step, tuple(given), (rows, *still))[1]
        return rows.unflatten(0, (-1, each)).mT

    def _given(self, state: Tensor, x: Tensor | None) -> tuple[Tensor, ...]:
        if not self.input_size:
            return (state,)
        return state, state.new_zeros((*state.shape[:-1], self.input_size)) if x is None else x


def function_system(
    step: Function,
    size: int,
    *,
    input_size: int = 0,
    jacobian: Function | None = None,
    dt: float = 1.0,
    dtype: torch.dtype = torch.float64,
) -> FunctionSystem:
    """The system s(t+1) = step(s(t)), or step(s(t), x(t)) with an input.

    Args:
        step: the next states [N, S] of states [N, S] (and inputs [N, I]), in torch operations, row by row.
        size: S.
        input_size: I.
        jacobian: ∂step/∂s [N, S, S], from the same arguments; derived by torch.func if it is not given.
        dt: units of time per step.
        dtype: of states and inputs.

    Raises:
        SettingError: a size below 1, a negative input size, a dt that is not positive.
        ShapeError: `step` or `jacobian` returns another shape.
    """
    if size < 1 or input_size < 0 or not 0 < dt < float("inf"):
        raise SettingError(
            f"size={size}, input_size={input_size}, dt={dt}: a system has a state of at least one number and dt > 0"
        )
    system = FunctionSystem(size, input_size, dtype, dt, step, jacobian)
    state = torch.zeros(2, size, dtype=dtype)
    for name, function, expected in (("step", system.step, (2, size)), ("jacobian", jacobian, (2, size, size))):
        if function is not None and (found := tuple(function(*system._given(state, None)).shape)) != expected:
            raise ShapeError(
                f"{name} of 2 states of {size} numbers is {list(found)}; it must be {list(expected)}",
                hint="it takes states [N, S], a row each: s[:, 0] or s.unbind(-1), not s[0]",
            )
    return system


def flow_system(
    field: Function,
    size: int,
    *,
    dt: float,
    input_size: int = 0,
    step: Callable[[Callable[[Tensor], Tensor], Tensor, float], Tensor] | None = None,
    dtype: torch.dtype = torch.float64,
) -> FunctionSystem:
    """The system that one step of ds/dt = field(s), or field(s, x) with x held for the step, is.

    Args:
        field: ds/dt [N, S] of states [N, S] (and inputs [N, I]), in torch operations, row by row.
        size: S.
        dt: units of time per step.
        input_size: I.
        step: (field, state, dt) → next state; `rk4` by default.
        dtype: of states and inputs.

    Raises:
        SettingError, ShapeError: as `function_system`.
    """
    method = step or rk4

    def advance(state: Tensor, *x: Tensor) -> Tensor:
        return method(lambda s: field(s, *x), state, dt)

    return function_system(advance, size, input_size=input_size, dt=dt, dtype=dtype)


def rk4(field: Callable[[Tensor], Tensor], state: Tensor, dt: float) -> Tensor:
    """One step of the classical Runge–Kutta method; its error over a fixed time is O(dt⁴)."""
    first = field(state)
    second = field(state + dt / 2 * first)
    third = field(state + dt / 2 * second)
    fourth = field(state + dt * third)
    return state + dt / 6 * (first + 2 * second + 2 * third + fourth)
