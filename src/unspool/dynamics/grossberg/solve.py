"""A network's differential equation over time, by scipy, many states at once."""

from collections.abc import Sequence
from typing import Literal, Protocol, get_args

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from unspool.dynamics.grossberg.check import check_finite
from unspool.errors import DataError, SettingError, ShapeError

Method = Literal["RK45", "DOP853", "Radau", "BDF", "LSODA"]
METHODS = get_args(Method)
STIFF = 256
"""Numbers up to which a Jacobian of all of them, by differences, costs little beside the rest."""


class Network(Protocol):
    """What has a differential equation."""

    @property
    def dtype(self) -> torch.dtype:
        """Of the states."""
        ...

    def rate(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """ds/dt [..., S] at states [..., S] under inputs [..., S]."""
        ...


def trajectory(
    network: Network,
    initial: Tensor,
    times: Tensor | Sequence[float],
    *,
    method: Method | None = None,
    rtol: float = 1e-9,
    atol: float = 1e-11,
) -> Tensor:
    """The states [T, ..., S] at times [T] from `initial` [..., S] at times[0].

    Args:
        network: anything with a rate.
        initial: many states at once are one system for the solver: they share its steps.
        times: rising, in the units of 1/rate; a float32 tensor's are rounded to 1e-7.
        method: of `scipy.integrate.solve_ivp`. By default LSODA, which meets stiff equations with the Jacobian of all
            states together, for up to 256 numbers, and the explicit DOP853 for more.
        rtol: relative error allowed per step, in the root mean square over all numbers.
        atol: absolute error allowed per step, likewise.

    Raises:
        DataError: the initial state is not finite, or the solver stops early.
        SettingError: the times do not rise, or there is no such method.
        ShapeError: the initial state is not a tensor of the network's units.
    """
    if method is not None and method not in METHODS:
        raise SettingError(f"trajectory: there is no method '{method}'", hint=", ".join(METHODS))
    if not isinstance(initial, Tensor):
        raise ShapeError(f"trajectory: the initial state is a {type(initial).__name__}; it is a tensor [..., S]")
    check_finite("trajectory", "the initial state", initial)
    moments = torch.as_tensor(times, dtype=torch.float64).numpy()
    if moments.ndim != 1 or not len(moments) or not (np.diff(moments) > 0).all():
        raise SettingError("trajectory: times must be a rising list of at least one time")
    if len(moments) == 1:
        return initial[None]

    def rate(_t: float, flat: np.ndarray) -> np.ndarray:
        state = torch.from_numpy(flat).to(network.dtype).reshape(initial.shape)
        return network.rate(state).reshape(-1).numpy()

    chosen = method or ("LSODA" if initial.numel() <= STIFF else "DOP853")
    with torch.no_grad(), np.errstate(all="ignore"):
        result = solve_ivp(
            rate,
            (moments[0], moments[-1]),
            initial.double().reshape(-1).numpy(),
            t_eval=moments,
            method=chosen,
            rtol=rtol,
            atol=atol,
        )
    if not result.success or not np.isfinite(result.y).all():
        raise DataError(
            f"trajectory: {chosen} cannot follow it from t = {moments[0]:g} to {moments[-1]:g}: the state grows without"
            " bound, or faster than the smallest step",
            hint="a shunting network stays in its bounds; in an additive one take bounded signals, as tanh",
        )
    return torch.from_numpy(result.y.T.copy()).to(network.dtype).reshape(len(moments), *initial.shape)


def settle(network: Network, initial: Tensor, *, tolerance: float = 1e-8, longest: float = 1e5) -> Tensor:
    """The states [..., S] at which the network comes to rest from `initial`, inputs held.

    Stretches of time 1, 2, 4, … are added until no number x moves by more than tolerance · (1 + |x|) in one.

    Raises:
        DataError: that is not so by the time `longest`: the network cycles, or creeps.
    """
    state, elapsed, span = initial, 0.0, 1.0
    while True:
        before, state = state, trajectory(network, state, (0.0, span), rtol=1e-10, atol=1e-13)[-1]
        moved = float(((state - before).abs() / (1 + state.abs())).max())
        if moved <= tolerance:
            return state
        elapsed += span
        if elapsed >= longest:
            raise DataError(
                f"the network has not come to rest by t = {elapsed:g}: in the last {span:g} it moved by {moved:.2g}",
                hint="look at its trajectory: it may cycle",
            )
        span *= 2
