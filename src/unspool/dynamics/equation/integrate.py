"""Runs a network as its differential equation, beside the network itself."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from unspool.dynamics.equation.ode import Ode
from unspool.dynamics.systems.trajectory import run, trajectory_inputs
from unspool.errors import DataError, SettingError

Field = Callable[[Tensor, Tensor | None], Tensor]
"""ds/dt [N, S] of states [N, S] under inputs [N, I]."""

METHODS = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")


@dataclass(frozen=True, eq=False)
class Integration:
    """The continuous network and the discrete one, from one initial state under one input, at the ends of the steps.

    Attributes:
        continuous: states [B, T, S] of the differential equation, at times 1 … T.
        discrete: states [B, T, S] of the network after steps 1 … T.
    """

    continuous: Tensor
    discrete: Tensor

    @property
    def error(self) -> Tensor:
        """‖continuous − discrete‖ / ‖discrete‖ (Euclidean) after each step [B, T]; 0 where both are zero."""
        return relative_error(self.continuous, self.discrete)


def integrate(
    ode: Ode,
    initial_state: Tensor,
    x: Tensor | None = None,
    steps: int | None = None,
    *,
    method: str = "RK45",
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> Integration:
    """Solve ds/dt = f(s, x(t)) with x held through each step, and run the network beside it.

    Args:
        ode: from `as_ode`.
        initial_state: [S] or [B, S].
        x: inputs [T, I] or [B, T, I]: x[:, t] from time t to t + 1. By default the one at which `ode` was read, always.
        steps: T, where there is no x.
        method: of `scipy.integrate.solve_ivp`. An explicit one does unless the equation is stiff within a step, max |λ|
            far above 10 (a backward reading near a singular matrix): then Radau, BDF or LSODA.
        rtol: relative error that the solver allows itself in each of its own steps.
        atol: absolute error likewise.

    Raises:
        ShapeError: shapes do not fit, or neither x nor steps is given.
        SettingError: no such method.
        DataError: a value is not finite, or the solution leaves the numbers; the message says in which step.

    Time: some 30 to 60 evaluations of the network per step. Memory: O(B T S).
    """
    if method not in METHODS:
        raise SettingError(f"there is no method '{method}'", hint=", ".join(METHODS))
    state, inputs, count = trajectory_inputs(ode.system, initial_state, x, steps, ode.x)
    discrete = run(ode.system, state, inputs, count)
    continuous = []
    for t in range(count):
        held = None if inputs is None else inputs[:, t]
        state = flow(ode.field, state, held, method=method, rtol=rtol, atol=atol, step=t + 1)
        continuous.append(state)
    return Integration(torch.stack(continuous, 1), discrete)


def flow(
    field: Field,
    state: Tensor,
    x: Tensor | None,
    *,
    method: str = "RK45",
    rtol: float = 1e-6,
    atol: float = 1e-9,
    step: int = 1,
) -> Tensor:
    """Where states [N, S] are one unit of time later under constant inputs [N, I]; a message names `step`."""

    def derivative(_: float, flat: np.ndarray) -> np.ndarray:
        return field(torch.from_numpy(flat).view_as(state).to(state), x).double().numpy().ravel()

    with torch.no_grad(), np.errstate(all="ignore"):
        solution = solve_ivp(derivative, (0.0, 1.0), state.double().numpy().ravel(), method, rtol=rtol, atol=atol)
    if not solution.success or not np.isfinite(solution.y).all():
        raise DataError(
            f"the differential equation cannot be followed through step {step}: {solution.message}",
            hint="where it grows beyond the numbers, take fewer steps; where it is stiff, method='Radau'",
        )
    return torch.from_numpy(solution.y[:, -1].copy()).view_as(state).to(state)


def relative_error(found: Tensor, expected: Tensor) -> Tensor:
    """‖found − expected‖ / ‖expected‖ over the last axis; 0 where both are zero, ∞ where only the second is."""
    return torch.where((found == expected).all(-1), 0, (found - expected).norm(dim=-1) / expected.norm(dim=-1))
