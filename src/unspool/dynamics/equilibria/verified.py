"""Which of many searches' ends are roots, and how well they are known."""

from dataclasses import dataclass

import torch
from torch import Tensor

from unspool.dynamics.equilibria.newton import Equations, Roots, allowed
from unspool.dynamics.equilibria.stability import sorted_eigenvalues, stability_of
from unspool.dynamics.equilibria.starts import distinct

SINGULAR = 1e-10
"""A singular value of ∂r/∂s below this, relative to the largest, is zero: along its direction nothing changes."""


@dataclass(frozen=True)
class Verified:
    """Distinct roots.

    Attributes:
        states: [P, S].
        norms: [P], ‖r‖.
        errors: [P], length of the Newton step that remains.
        counts: [P] int64, searches that ended there.
        rows: [N] bool, which searches those are.
    """

    states: Tensor
    norms: Tensor
    errors: Tensor
    counts: Tensor
    rows: Tensor

    def part(self, index: Tensor) -> "Verified":
        """Some of the roots, or all in another order."""
        return Verified(self.states[index], self.norms[index], self.errors[index], self.counts[index], self.rows)


def verified(equations: Equations, roots: Roots, tolerance: float, distance: float, spread: float) -> Verified:
    """The roots that two more Newton steps confirm, each once; see `fixed_points` for the tolerances."""
    rows = roots.norms.argsort()
    rows = rows[roots.solved[rows]]
    first, group = distinct(roots.states[rows], distance * spread)
    states = roots.states[rows[first]]
    for _ in range(2):
        states = states + _newton_step(equations, states, distance * spread)
    errors = _newton_step(equations, states, distance * spread).norm(dim=-1)
    norms = equations.residual(states).norm(dim=-1)
    good = ((errors <= distance * spread) & (norms <= allowed(states, tolerance, spread))).nonzero()[:, 0]
    once, again = distinct(states[good], distance * spread)  # the steps may have led two groups to one root
    point = torch.full((len(states),), -1)
    point[good] = again
    of_row = point[group]
    kept = rows[of_row >= 0]
    return Verified(
        states=states[good[once]],
        norms=norms[good[once]],
        errors=errors[good[once]],
        counts=torch.bincount(of_row[of_row >= 0], minlength=len(once)),
        rows=torch.zeros_like(roots.solved).index_fill(0, kept, True),
    )


def stable_first(found: Verified, jacobians: Tensor) -> tuple[Verified, Tensor]:
    """Roots in the order of how many eigenvalues of the Jacobians [P, S, S] are outside the unit circle, and those."""
    eigenvalues = sorted_eigenvalues(jacobians)
    order = stability_of(eigenvalues).unstable.argsort(stable=True)
    return found.part(order), eigenvalues[order]


def _newton_step(equations: Equations, states: Tensor, longest: float) -> Tensor:
    jacobians, residuals = equations.jacobian(states), equations.residual(states)
    step = -torch.linalg.solve_ex(jacobians, residuals)[0]
    # A long step, or none, comes of a singular Jacobian. The pseudo-inverse does not move along a continuum of roots.
    rows = (~(step.norm(dim=-1) <= longest)).nonzero()[:, 0]
    step[rows] = -(torch.linalg.pinv(jacobians[rows], rtol=SINGULAR) @ residuals[rows, :, None])[..., 0]
    return step
