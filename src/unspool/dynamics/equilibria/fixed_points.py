"""Fixed points of a network under a constant input, found, verified and told apart; slow points beside them.

    F(s, x) = s            a fixed point: the network stays
    ‖F(s, x) − s‖ small    a slow point: a minimum of the speed that is no fixed point, where it lingers

Sussillo & Barak 2013, Neural Computation 25(3), 626–649, who minimise q = ½‖F(s) − s‖². Here Newton's method solves the
equation itself, see `newton.py`.
"""

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unspool.dynamics.equilibria.newton import Equations, FixedPointEquations, Roots, at_minimum, solve, within
from unspool.dynamics.equilibria.stability import stability_of
from unspool.dynamics.equilibria.starts import check_double, distinct, spread_of, start_states
from unspool.dynamics.equilibria.verified import Verified, stable_first, verified
from unspool.dynamics.systems.system import System, system_of
from unspool.dynamics.systems.trajectory import constant_input


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoints:
    """The fixed points that were found, those with fewer unstable directions first. All tensors are float64.

    Attributes:
        points: [P, S], states.
        residuals: [P], ‖F(s) − s‖.
        errors: [P], length of the Newton step that remains: about how far the point is from the true one.
        eigenvalues: [P, S] complex, of ∂F/∂s, the largest modulus first.
        kinds: of each point, see `stability.py`.
        stable: [P] bool, all eigenvalues inside the unit circle.
        unstable: [P] int64, eigenvalues outside it.
        counts: [P] int64, searches that ended at the point: the size of its basin for the search, not for the network.
        slow_points: [Q, S], the slowest first.
        speeds: [Q], ‖F(s) − s‖ there, distance per step.
        starts: searches that were made.
        dropped: initial states left out, as they or their next states are not finite or beyond 1e6.
        unconverged: searches that ended nowhere.
        spread: root mean square distance of the starts from their mean; the tolerances are relative to it.
    """

    points: Tensor
    residuals: Tensor
    errors: Tensor
    eigenvalues: Tensor
    kinds: tuple[str, ...]
    stable: Tensor
    unstable: Tensor
    counts: Tensor
    slow_points: Tensor
    speeds: Tensor
    starts: int
    dropped: int
    unconverged: int
    spread: float

    @property
    def in_words(self) -> str:
        """`2 stable nodes and 1 saddle`, or `none`."""
        found = Counter(zip(self.stable.tolist(), self.kinds, strict=True))
        named = [f"{n} {'stable ' if s else ''}{kind}{'s' if n > 1 else ''}" for (s, kind), n in found.items()]
        return " and ".join(filter(None, (", ".join(named[:-1]), *named[-1:]))) or "none"

    def __repr__(self) -> str:
        return (
            f"FixedPoints({self.in_words}; {len(self.slow_points)} slow points; "
            f"{self.unconverged} of {self.starts} searches ended nowhere)"
        )


def fixed_points(
    layer: nn.Module | System,
    x: Tensor | None = None,
    *,
    initial_states: Tensor | None = None,
    count: int = 1000,
    tolerance: float = 1e-12,
    distance: float = 1e-6,
    slow: float = 1e-2,
    seed: int = 0,
) -> FixedPoints:
    """Find the fixed points of a layer under the constant input x.

    Args:
        layer: a recurrent layer in one direction, which is not changed, or any `System` in float64.
        x: [I]; zero by default.
        initial_states: [N, S], best of trajectories on data: the search starts there. By default from free
            trajectories.
        count: of all starts; what is missing is drawn at random around the others.
        tolerance: ‖F(s) − s‖ of a fixed point, relative to the spread of the starts or to ‖s‖, the larger.
        distance: two points closer than this, in spreads, are one; a point must be known as well as that.
        slow: a point where the search ends without a root counts as slow if the network would take more than 1/slow
            steps to cross the spread at its speed.
        seed: of the random starts.

    Returns:
        The points. A state is one if its residual is within the tolerance and Newton's method, with directions left
        out in which nothing changes (a continuum of fixed points), moves it by less than the distance.

    Raises:
        SettingError, ShapeError, DataError: no such system, input or states; see `system_of` and `starts.py`.

    Cost: per start 5 to 25 times a Jacobian and an elimination, O(S³), all starts at once; memory for 8 million
    numbers of Jacobians. That all points are found is never certain: more starts find more.

    Example:
        >>> layer = unspool.nn.Recurrent("elman", input_size=1, hidden_size=2)
        >>> found = fixed_points(layer, count=20)
        >>> found.kinds, len(found.slow_points)
        (('node',), 0)
    """
    system = system_of(layer)
    check_double(system)
    with torch.no_grad():
        x = constant_input(system, x)
        starts, dropped = start_states(system, x, initial_states, count, seed)
        equations, spread = FixedPointEquations(system, x), spread_of(starts)
        roots = solve(equations, starts, tolerance, spread)
        found = verified(equations, roots, tolerance, distance, spread)
        near = within(starts, 1.0, spread)
        slow_points, speeds, resting = _slow_points(equations, roots, found, near(roots.states), slow * spread)
        found, eigenvalues = stable_first(found, equations.step_jacobian(found.states))
    stability = stability_of(eigenvalues)
    return FixedPoints(
        points=found.states,
        residuals=found.norms,
        errors=found.errors,
        eigenvalues=eigenvalues,
        kinds=stability.kinds,
        stable=stability.stable,
        unstable=stability.unstable,
        counts=found.counts,
        slow_points=slow_points,
        speeds=speeds,
        starts=len(starts) + dropped,
        dropped=dropped,
        unconverged=len(starts) - int(found.counts.sum()) - resting,
        spread=spread,
    )


def _slow_points(
    equations: Equations, roots: Roots, found: Verified, near: Tensor, limit: float
) -> tuple[Tensor, Tensor, int]:
    """States [Q, S] and speeds [Q] of the slow points, and how many searches ended there."""
    rows = (~found.rows & near & (roots.norms <= limit)).nonzero()[:, 0]
    rows = rows[at_minimum(equations, roots.states[rows])]
    rows = rows[roots.norms[rows].argsort()]
    states = roots.states[rows]
    rows = rows[((states[:, None] - found.states).norm(dim=-1) > limit).all(-1)]
    first, _ = distinct(roots.states[rows], limit)
    return roots.states[rows[first]], roots.norms[rows[first]], len(rows)
