"""Cycles: states that a network under a constant input returns to after k steps and not before.

    F(s₁) = s₂, F(s₂) = s₃, …, F(s_k) = s₁

Of a piecewise-linear cell they are found exactly, region by region (`piecewise.py`); of any other by Newton's method
on these k equations together (multiple shooting: its Jacobian has no products over the cycle, which would grow or
vanish). The multipliers of a cycle are the eigenvalues of ∂F/∂s(s_k) … ∂F/∂s(s₁): to a cycle what eigenvalues are to a
fixed point.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unspool.dynamics.equilibria.newton import FixedPointEquations, Roots, solve
from unspool.dynamics.equilibria.piecewise import is_piecewise_linear, search_regions
from unspool.dynamics.equilibria.stability import stability_of
from unspool.dynamics.equilibria.starts import FAR, check_double, spread_of, start_states
from unspool.dynamics.equilibria.verified import stable_first, verified
from unspool.dynamics.systems.system import System, system_of
from unspool.dynamics.systems.trajectory import constant_input
from unspool.errors import SettingError


@dataclass(frozen=True)
class Cycles:
    """The cycles of one period that were found, those with fewer unstable directions first. Tensors are float64.

    Attributes:
        points: [C, k, S], the states of each in order.
        residuals: [C], how far the k states are from each other's next ones, all together.
        errors: [C], length of the Newton step that remains: about how far the states are from the true ones.
        multipliers: [C, S] complex, the largest modulus first.
        kinds: of each cycle, see `stability.py`.
        stable: [C] bool, all multipliers inside the unit circle.
        unstable: [C] int64, multipliers outside it.
        counts: [C] int64, searches that ended at the cycle.
        exact: whether the cell is piecewise linear, and the cycles the solutions of linear equations.
        starts: searches that were made.
    """

    points: Tensor
    residuals: Tensor
    errors: Tensor
    multipliers: Tensor
    kinds: tuple[str, ...]
    stable: Tensor
    unstable: Tensor
    counts: Tensor
    exact: bool
    starts: int

    @property
    def period(self) -> int:
        """k, steps."""
        return self.points.shape[1]


def cycles(
    layer: nn.Module | System,
    period: int,
    x: Tensor | None = None,
    *,
    initial_states: Tensor | None = None,
    count: int = 200,
    tolerance: float = 1e-12,
    distance: float = 1e-6,
    seed: int = 0,
) -> Cycles:
    """Find the cycles of exactly `period` steps of a layer under the constant input x.

    Args:
        layer: a recurrent layer in one direction, which is not changed, or any `System` in float64.
        period: k, steps; 1 gives the fixed points.
        x: [I]; zero by default.
        initial_states: [N, S], by default of free trajectories; a search starts with the k states from each on.
        count: of all starts; what is missing is drawn at random around the others.
        tolerance: of the k states together, as of `fixed_points`.
        distance: as of `fixed_points`.
        seed: of the random starts.

    Raises:
        SettingError, ShapeError, DataError: as `fixed_points`; a period below 1.

    Cost: per start and iteration k Jacobians and, where the cell is not piecewise linear, an elimination in k S
    unknowns, O(k³ S³). That all cycles are found is never certain: more starts find more.
    """
    if period < 1:
        raise SettingError(f"the period of a cycle is at least 1 step, not {period}")
    system = system_of(layer)
    check_double(system)
    with torch.no_grad():
        x = constant_input(system, x)
        states, _ = start_states(system, x, initial_states, count, seed)
        one = FixedPointEquations(system, x)
        equations, paths = CycleEquations(one, period), _paths(one, states, period)
        spread = spread_of(paths.flatten(1))
        exact = is_piecewise_linear(system)
        if exact:
            roots = search_regions(one, paths, tolerance, spread, seed)
        else:
            roots = solve(equations, paths.flatten(1), tolerance, spread)
        found = verified(equations, _turned(roots, period), tolerance, distance, spread)
        points = found.states.unflatten(-1, (period, -1))
        found = found.part(_is_shortest(points, distance * spread))
        found, multipliers = stable_first(found, equations.product(found.states))
    stability = stability_of(multipliers)
    return Cycles(
        points=found.states.unflatten(-1, (period, -1)),
        residuals=found.norms,
        errors=found.errors,
        multipliers=multipliers,
        kinds=stability.kinds,
        stable=stability.stable,
        unstable=stability.unstable,
        counts=found.counts,
        exact=exact,
        starts=len(paths),
    )


@dataclass(frozen=True, eq=False)
class CycleEquations:
    """r = (F(s₁) − s₂, …, F(s_k) − s₁) of k states side by side, [N, k S]; see `newton.Equations`."""

    one: FixedPointEquations
    period: int

    def residual(self, states: Tensor) -> Tensor:
        """The gaps of the chain [N, k S]."""
        chain = states.unflatten(-1, (self.period, -1))
        after = self.one.step(chain.flatten(0, 1)).view_as(chain)
        return (after - chain.roll(-1, 1)).flatten(1)

    def jacobian(self, states: Tensor) -> Tensor:
        """Their derivatives [N, k S, k S]: the steps' Jacobians on the diagonal, −1 in the block right of each."""
        jacobians = self._jacobians(states)
        size = jacobians.shape[-1]
        following = torch.eye(self.period * size, dtype=states.dtype).roll(size, 1)
        whole = -following.repeat(len(states), 1, 1)
        for i in range(self.period):
            part = slice(i * size, (i + 1) * size)
            whole[:, part, part] += jacobians[:, i]
        return whole

    def product(self, states: Tensor) -> Tensor:
        """∂F/∂s(s_k) … ∂F/∂s(s₁), [N, S, S]."""
        jacobians = self._jacobians(states)
        product = jacobians[:, 0]
        for i in range(1, self.period):
            product = jacobians[:, i] @ product
        return product

    def _jacobians(self, states: Tensor) -> Tensor:
        chain = states.unflatten(-1, (self.period, -1))
        return self.one.step_jacobian(chain.flatten(0, 1)).unflatten(0, chain.shape[:2])


def _paths(one: FixedPointEquations, states: Tensor, period: int) -> Tensor:
    """The states and the period − 1 next ones, [N, k, S], of those that stay finite."""
    path = [states]
    for _ in range(period - 1):
        path.append(one.step(path[-1]))
    paths = torch.stack(path, 1)
    stays = (paths.abs() <= FAR).flatten(1).all(-1)
    return paths[stays] if stays.any() else states[:, None].repeat(1, period, 1)


def _turned(roots: Roots, period: int) -> Roots:
    """Every cycle begins with the same of its states, the lowest along an arbitrary direction."""
    chain = roots.states.unflatten(-1, (period, -1))
    along = torch.randn(chain.shape[-1], generator=torch.Generator().manual_seed(0), dtype=chain.dtype)
    order = ((chain @ along).argmin(1, keepdim=True) + torch.arange(period)) % period
    turned = chain.gather(1, order[..., None].expand_as(chain))
    return Roots(turned.flatten(1), roots.norms, roots.solved)


def _is_shortest(points: Tensor, within: float) -> Tensor:
    """Whether chains [C, k, S] do not return after a part of k steps, [C] bool."""
    period = points.shape[1]
    shortest = torch.ones(len(points), dtype=torch.bool)
    for steps in range(1, period):
        if period % steps == 0:
            shortest &= (points - points.roll(steps, 1)).norm(dim=-1).amax(-1) > within
    return shortest
