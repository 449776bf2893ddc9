"""Systems that everybody knows, to check an analysis on."""

import torch
from torch import Tensor

from unspool.dynamics.systems.functions import FunctionSystem, flow_system, function_system


def henon(a: float = 1.4, b: float = 0.3) -> FunctionSystem:
    """Hénon's map, x' = 1 − a x² + y, y' = b x; Hénon 1976, Commun. Math. Phys. 50, 69–77.

    Its Jacobian's determinant is −b everywhere, so its exponents add up to ln b. States far from 0 escape.
    """

    def step(state: Tensor) -> Tensor:
        x, y = state.unbind(-1)
        return torch.stack([1 - a * x * x + y, b * x], -1)

    return function_system(step, 2)


def lorenz63(sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3, dt: float = 0.01) -> FunctionSystem:
    """Lorenz's three equations of convection; Lorenz 1963, J. Atmos. Sci. 20, 130–141, eqs. 25–27.

    Its exponents add up to −(σ + 1 + β).
    """

    def field(state: Tensor) -> Tensor:
        x, y, z = state.unbind(-1)
        return torch.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z], -1)

    return flow_system(field, 3, dt=dt)


def rossler(a: float = 0.2, b: float = 0.2, c: float = 5.7, dt: float = 0.02) -> FunctionSystem:
    """Rössler's equations; Rössler 1976, Phys. Lett. A 57, 397–398, eq. 2."""

    def field(state: Tensor) -> Tensor:
        x, y, z = state.unbind(-1)
        return torch.stack([-y - z, x + a * y, b + z * (x - c)], -1)

    return flow_system(field, 3, dt=dt)


def lorenz96(size: int = 40, forcing: float = 8.0, dt: float = 0.02) -> FunctionSystem:
    """Lorenz's ring of `size` sites, dx_i/dt = (x_{i+1} − x_{i−2}) x_{i−1} − x_i + F; Lorenz 1996.

    Its exponents add up to −size.
    """

    def field(state: Tensor) -> Tensor:
        before = state.roll(1, -1)
        return (state.roll(-1, -1) - state.roll(2, -1)) * before - state + forcing

    return flow_system(field, size, dt=dt)
