"""A recurrent network as the differential equation ds/dt = f(s, x), its time in steps."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from unspool.dynamics.equation.generator import Reading, generator_of, residual_of
from unspool.dynamics.systems.system import System, system_of
from unspool.dynamics.systems.trajectory import constant_input
from unspool.errors import DataError, SettingError, ShapeError


@dataclass(frozen=True, eq=False, repr=False)
class Ode:
    """ds/dt = f(s, x), read off a step s(t) = F(s(t−1), x(t)); made by `as_ode`. One unit of time is one step.

    Attributes:
        system: F.
        reading: "forward": f = F(s, x) − s, with all of F's nonlinearity. "exact" and "backward": linear around
            `state`, f = G (s − s₀) + C (F(s₀, x) − s₀), for any input x.
        state: s₀ [S], where it is read.
        x: the input there [I]; None for a system without one.
        jacobian: J = ∂F/∂s at s₀ [S, S].
        generator: G = ∂f/∂s at s₀ [S, S], per step. Rows and columns of inactive units are zero.
        forcing: C [S, S], what the equation makes of a displacement that the step adds.
        active: [S] bool, the units that the linear equation is about. In the exact and backward readings a unit whose
            row of J is zero (a ReLU below its threshold) is left out: J would be singular, and no flow gets to a
            constant in one step. It is held where it is, and the others read it there.
        eigenvalues: of G among the active units [A], complex, per step.
        residual: ‖e^G − J‖ / ‖J‖ among the active units, of one step along the linear flow against one of the map.
    """

    system: System
    reading: Reading
    state: Tensor
    x: Tensor | None
    jacobian: Tensor
    generator: Tensor
    forcing: Tensor
    active: Tensor
    eigenvalues: Tensor
    residual: float

    def field(self, state: Tensor, x: Tensor | None = None) -> Tensor:
        """ds/dt [N, S] at states [N, S] under inputs [N, I]; by default the input of `x`."""
        if x is None and self.x is not None:
            x = self.x.expand(len(state), -1)
        if self.reading == "forward":
            return self.system.step(state, x) - state
        moved = self.system.step(self.state.expand_as(state), x) - self.state
        held = torch.where(self.active, 0, moved)
        return (state - self.state) @ self.generator.T + (moved + held @ self.jacobian.T) @ self.forcing.T

    @property
    def offset(self) -> Tensor:
        """The constant c [S] of the linear equation at s₀, ds/dt = G s + c under the input `x`."""
        return self.field(self.state[None])[0] - self.generator @ self.state

    @property
    def time_constants(self) -> Tensor:
        """−1 / Re λ of each eigenvalue, in steps [A], from the largest Re λ, the mode that lasts, to the smallest.

        In that many steps a mode falls to 1/e; where it grows the number is negative, where it does neither ∞.
        """
        rates = self.eigenvalues.real.sort(descending=True).values
        return torch.where(rates == 0, math.inf, -1 / rates)

    @property
    def stiffness(self) -> float:
        """The ratio max |λ| / min |λ|, forward max |1 − μ| / min |1 − μ|; ∞ where an eigenvalue is zero."""
        smallest, largest = self.eigenvalues.abs().aminmax()
        return float(largest / smallest) if smallest > 0 else math.inf

    @property
    def largest_step(self) -> float:
        """The step of Euler's method below which it decays at s₀ as the equation does: min −2 Re λ / |λ|², in steps.

        In the forward reading 2 (1 − Re μ) / |1 − μ|², and Euler's step of 1 is the network: below 1 the network is
        unstable where its equation is stable. 0 where a mode of the equation does not decay.
        """
        steps = -2 * self.eigenvalues.real / self.eigenvalues.abs().square()
        return max(0.0, float(steps.nan_to_num(0.0).min()))

    def __repr__(self) -> str:
        lasting = ", ".join(f"{t:.3g}" for t in self.time_constants[:3].tolist())
        return (
            f"Ode({self.reading}, {int(self.active.sum())} of {len(self.active)} units active, "
            f"longest time constants {lasting} steps, stiffness {self.stiffness:.3g}, "
            f"largest Euler step {self.largest_step:.3g})"
        )


def as_ode(
    layer: nn.Module | System, reading: Reading = "forward", *, state: Tensor | None = None, x: Tensor | None = None
) -> Ode:
    """The differential equation of a recurrent layer, or of any `System`, in one of three readings.

    - "forward": F(s, x) − s. For any cell and state; Euler's method with Δt = 1 is the network itself. A cell that
      discretises an equation comes out as it: of `leaky`, α (−h + tanh(W x + b + R h)).
    - "exact": the linear flow that meets the linearised network at every step, by the matrix logarithm. On a region of
      a piecewise linear network this is the network.
    - "backward": the first term of Taylor's series of s(t−1).

    See `unspool.dynamics.equation.generator` for their mathematics, and for why none of them is ds/dt = W s.

    Args:
        layer: a `Recurrent`, `RNN`, `GRU` or `LSTM`, which is copied to float64, or a `System`.
        reading: which.
        state: s₀ [S], every carried tensor of every layer side by side; zero by default.
        x: the input [I] at which it is read; zero by default.

    Raises:
        SettingError: a bidirectional layer, an unknown reading, or a Jacobian at s₀ that the reading does not allow.
        ShapeError: `state` or `x` does not fit the layer.
        DataError: a weight, `state`, `x` or the Jacobian is not finite.

    Time: one Jacobian and O(S³).

    Example:
        >>> from unspool.nn import Recurrent
        >>> _ = torch.manual_seed(0)
        >>> ode = as_ode(Recurrent("leaky", input_size=1, hidden_size=4))
        >>> ode.largest_step > 1  # the network is stable at zero, as Euler's steps of 1
        True
    """
    system = system_of(layer)
    state = _checked(system, state)
    x = constant_input(system, torch.zeros(system.input_size) if x is None and system.input_size else x)
    with torch.no_grad():
        jacobian = system.jacobian(state[None], None if x is None else x[None])[0]
    if not jacobian.isfinite().all():
        raise DataError("the step's Jacobian is not finite at this state", hint="a state of a trajectory is a good one")
    active = torch.ones_like(state, dtype=torch.bool) if reading == "forward" else (jacobian != 0).any(1)
    if not active.any():
        raise SettingError(
            f"{reading} reading: no unit is active at this state and input; the next state does not depend on this one",
            hint="give state= and x= from a trajectory of the network",
        )
    block = jacobian[active][:, active].numpy()
    found = generator_of(block, reading)
    generator, forcing = (torch.zeros_like(jacobian) for _ in found)
    rows = active.nonzero()
    for whole, part in zip((generator, forcing), found, strict=True):
        whole[rows, rows.T] = torch.from_numpy(part).to(whole)
    eigenvalues = torch.from_numpy(np.linalg.eigvals(found[0]).astype(complex))
    residual = residual_of(found[0], block)
    return Ode(system, reading, state, x, jacobian, generator, forcing, active, eigenvalues, residual)


def _checked(system: System, state: Tensor | None) -> Tensor:
    """A state [S]; zeros where there is none."""
    state = torch.zeros(system.size) if state is None else state
    if state.shape != (system.size,):
        raise ShapeError(f"state is {list(state.shape)}; expected [S={system.size}]")
    if not state.isfinite().all():
        raise DataError("state holds NaN or infinity")
    return state.detach().to("cpu", system.dtype)
