"""Trajectories of an autonomous differential equation, many at once, by the classical Runge–Kutta method."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def trajectory(flow: Callable[[Array], Array], start: Array, step: float, steps: int, substeps: int = 1) -> Array:
    """States [B, steps + 1, N] that are `step` apart in time, the start [B, N] first.

    Args:
        flow: ẏ of y, both [B, N].
        start: y(0).
        step: time between two states that are kept.
        steps: how many of them.
        substeps: Runge–Kutta steps in each; the error falls with the fourth power of their number.
    """
    states, y, h = [start], start, step / substeps
    for _ in range(steps):
        for _ in range(substeps):
            k1 = flow(y)
            k2 = flow(y + h / 2 * k1)
            k3 = flow(y + h / 2 * k2)
            k4 = flow(y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(y)
    return np.stack(states, 1)
