"""Roots of r(s) = 0 from many starts at once: Newton's method with limited steps, then Levenberg and Marquardt's.

    Newton                s ← s − a J⁻¹ r           J = ∂r/∂s; a halved from 1 until ‖r‖ falls
    Levenberg–Marquardt   s ← s − (JᵀJ + μ)⁻¹ Jᵀ r  μ down after a success, up after a failure

Newton's method finds saddles as readily as stable points. It stalls where J is singular: at minima of q = ½‖r‖² that
are no roots, the slow points of Sussillo & Barak 2013, Neural Computation 25(3). Those the second method finds, and it
needs no inverse. A Newton step is no longer than a quarter of the starts' spread: without a limit half of the starts of
a trained GRU are thrown into its saturation, where every state is slow and none is of interest (measured on a
flip-flop of 64 units). Rows that are done leave the batch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from unspool.dynamics.systems.system import System

NEWTON_STEPS, HALVINGS, MARQUARDT_STEPS = 25, 6, 40
LONGEST = 0.25
"""Newton step, in spreads of the starts."""
FLAT = 1e-2
"""‖∂q/∂s‖ / ‖r‖ at which a state counts as a minimum of q."""
LARGEST = 2**23
"""Numbers in a batch of Jacobians; more rows are taken in parts."""


class Equations(Protocol):
    """S equations in S unknowns, for N states at once, row by row."""

    def residual(self, states: Tensor) -> Tensor:
        """The residuals r [N, S] of states [N, S]."""
        ...

    def jacobian(self, states: Tensor) -> Tensor:
        """Their derivatives ∂r/∂s [N, S, S]."""
        ...


@dataclass(frozen=True, eq=False)
class FixedPointEquations:
    """r(s) = F(s, x) − s, the change of a state in one step under a constant input [I], or none.

    A system is never asked about no states.
    """

    system: System
    x: Tensor | None

    def residual(self, states: Tensor) -> Tensor:
        """See `Equations`."""
        return self.step(states) - states

    def jacobian(self, states: Tensor) -> Tensor:
        """See `Equations`."""
        return self.step_jacobian(states) - torch.eye(states.shape[-1], dtype=states.dtype)

    def step(self, states: Tensor) -> Tensor:
        """F(s, x) [N, S]."""
        return self.system.step(states, self._inputs(states)) if len(states) else states

    def step_jacobian(self, states: Tensor) -> Tensor:
        """∂F/∂s [N, S, S]."""
        if not len(states):
            return states.new_empty(0, states.shape[-1], states.shape[-1])
        return self.system.jacobian(states, self._inputs(states))

    def _inputs(self, states: Tensor) -> Tensor | None:
        return None if self.x is None else self.x.expand(len(states), -1)


@dataclass(frozen=True)
class Roots:
    """Where the searches ended.

    Attributes:
        states: [N, S], in the order of the starts.
        norms: [N], ‖r‖ there.
        solved: [N] bool, whether ‖r‖ is within the tolerance.
    """

    states: Tensor
    norms: Tensor
    solved: Tensor


def solve(equations: Equations, starts: Tensor, tolerance: float, spread: float) -> Roots:
    """Search a root from each start.

    Args:
        equations: what is to be solved.
        starts: [N, S] finite.
        tolerance: of `allowed`.
        spread: of the starts, the scale of everything.

    A search ends where it leaves the starts' surroundings, twice as far from their centre as any of them.

    Cost: per row and Newton step one Jacobian and one elimination, O(S³); usually 5 to 15 steps.
    """
    near, around = within(starts, 1.0, spread), within(starts, 2.0, spread)
    ends = []
    for part in starts.split(max(1, LARGEST // starts.shape[-1] ** 2)):
        states = part.clone()
        _newton(equations, states, tolerance, spread, around)
        stalled = equations.residual(states).norm(dim=-1) > allowed(states, tolerance, spread)
        rows = (stalled & near(states)).nonzero()[:, 0]
        states[rows] = _marquardt(equations, states[rows], tolerance, spread)
        ends.append(states)
    states = torch.cat(ends)
    norms = equations.residual(states).norm(dim=-1)
    return Roots(states, norms, norms <= allowed(states, tolerance, spread))


def at_minimum(equations: Equations, states: Tensor) -> Tensor:
    """Whether q is flat at states [N, S] where r is not zero, [N] bool."""
    residual = equations.residual(states)
    gradient = (equations.jacobian(states).mT @ residual[..., None])[..., 0]
    return gradient.norm(dim=-1) <= FLAT * residual.norm(dim=-1)


def allowed(states: Tensor, tolerance: float, spread: float) -> Tensor:
    """[N], ‖r‖ of a root: the tolerance times the spread or ‖s‖, the larger."""
    return tolerance * states.norm(dim=-1).clamp(min=spread)


def within(starts: Tensor, share: float, spread: float) -> Callable[[Tensor], Tensor]:
    """Whether states [N, S] are no further from the starts' centre than this share of the furthest start, [N] bool."""
    centre = starts.mean(0)
    radius = share * max(float((starts - centre).norm(dim=-1).max()), spread)
    return lambda states: (states - centre).norm(dim=-1) <= radius


def _newton(
    equations: Equations, states: Tensor, tolerance: float, spread: float, around: Callable[[Tensor], Tensor]
) -> None:
    """In place."""
    residuals = equations.residual(states)
    live = torch.arange(len(states))
    for _ in range(NEWTON_STEPS):
        live = live[residuals[live].norm(dim=-1) > allowed(states[live], tolerance, spread)]
        if not len(live):
            return
        before, norms = states[live], residuals[live].norm(dim=-1)
        step = torch.linalg.solve_ex(equations.jacobian(before), -residuals[live])[0]
        step *= (LONGEST * spread / step.norm(dim=-1, keepdim=True)).clamp(max=1)
        waiting = torch.arange(len(live))
        for halving in range(HALVINGS):
            length = 0.5**halving
            tried = before[waiting] + length * step[waiting]
            found = equations.residual(tried)
            better = found.norm(dim=-1) <= (1 - 1e-4 * length) * norms[waiting]  # false for NaN: a singular Jacobian
            rows = live[waiting[better]]
            states[rows], residuals[rows] = tried[better], found[better]
            waiting = waiting[~better]
            if not len(waiting):
                break
        going = around(states[live])
        going[waiting] = False
        live = live[going]


def _marquardt(equations: Equations, states: Tensor, tolerance: float, spread: float) -> Tensor:
    states = states.clone()
    live, damping = torch.arange(len(states)), states.new_full((len(states), 1), 1e-2)
    for _ in range(MARQUARDT_STEPS):
        before = states[live]
        residual, jacobian = equations.residual(before), equations.jacobian(before)
        norms, gradient = residual.norm(dim=-1), (jacobian.mT @ residual[..., None])[..., 0]
        going = (norms > allowed(before, tolerance, spread)) & (gradient.norm(dim=-1) > FLAT / 10 * norms)
        live, before, jacobian = live[going], before[going], jacobian[going]
        if not len(live):
            break
        normal = jacobian.mT @ jacobian + torch.diag_embed(damping[live].expand_as(before))
        factor = torch.linalg.cholesky_ex(normal)[0]
        tried = before - torch.cholesky_solve(gradient[going][..., None], factor)[..., 0]
        better = equations.residual(tried).norm(dim=-1) < norms[going]
        states[live[better]] = tried[better]
        damping[live] *= torch.where(better, 0.1, 4.0)[:, None]
        damping.clamp_(1e-12, 1e12)
    return states
