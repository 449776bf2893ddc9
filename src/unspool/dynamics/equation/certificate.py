"""The equivalence certificate: where, and how well, the equation ds/dt = F(s, x) − s stands for the network F."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unspool.dynamics.equation.integrate import flow, relative_error
from unspool.dynamics.systems.system import System, system_of
from unspool.dynamics.systems.trajectory import run, trajectory_inputs
from unspool.errors import DataError, SettingError

MOSTLY = 0.95
"""The share of steps within ε from which the equation is said to stand for the network."""

CIRCLE = 1e-9
"""An eigenvalue within this of the unit circle, or of the line Re μ = 1, is on it."""


@dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """What was measured along a trajectory of B sequences of T steps; `str()` of it is a paragraph to read.

    Attributes:
        epsilon: ε, the relative error allowed to a step.
        error: [B, T], from each state of the network one step along the equation against one step of the network:
            ‖difference‖ / ‖the network's next state‖.
        eigenvalues: μ of the step's Jacobian at each of these states [B, T, S], complex.
        inactive: [B, T], the fraction of units whose row of the Jacobian is zero there: the Jacobian is singular, and
            no invertible flow is the network.
    """

    epsilon: float
    error: Tensor
    eigenvalues: Tensor
    inactive: Tensor

    @property
    def agreement(self) -> float:
        """The fraction of steps whose error is at most ε."""
        return float((self.error <= self.epsilon).double().mean())

    @property
    def distance(self) -> Tensor:
        """|1 − μ| [B, T, S]: the readings of the equation agree as it goes to 0."""
        return (1 - self.eigenvalues).abs()

    @property
    def disputed(self) -> Tensor:
        """[B, T, S] bool, eigenvalues in {Re μ < 1 < |μ|}: modes that decay in the equation and grow in the network.

        The other way round there are none: |μ| < 1 has Re μ < 1.
        """
        return (self.eigenvalues.real < 1 - CIRCLE) & (self.eigenvalues.abs() > 1 + CIRCLE)

    @property
    def disagreement(self) -> Tensor:
        """[B, T] bool, the steps at which the equation is stable, every Re μ < 1, and the network is not."""
        return (self.eigenvalues.real < 1 - CIRCLE).all(-1) & self.disputed.any(-1)

    @property
    def exact_flow(self) -> Tensor:
        """[B, T] bool, the steps whose linear map, among the active units, is that of a real linear flow.

        No eigenvalue is zero or negative. (Equal pairs of negative ones would do, and are not looked for.)
        """
        sizes = self.eigenvalues.abs()
        none = sizes <= sizes.shape[-1] * torch.finfo(sizes.dtype).eps * sizes.amax(-1, keepdim=True)
        negative = (self.eigenvalues.imag == 0) & (self.eigenvalues.real < 0) & ~none
        left_out = (self.inactive * sizes.shape[-1]).round()
        return ~negative.any(-1) & (none.sum(-1) <= left_out) & (left_out < sizes.shape[-1])

    @property
    def verdict(self) -> str:
        """One plain sentence."""
        allowed = f"{100 * self.epsilon:.3g} %"
        within = f"a step along it is within {allowed} of the network's at {self.agreement:.0%} of the steps"
        if self.disagreement.any():
            share = float(self.disagreement.double().mean())
            return (
                "Do not read this network's stability off its equation, which decays where the network grows "
                f"at {share:.0%} of the steps; {within}."
            )
        if self.agreement >= MOSTLY:
            return f"The equation stands for this network: {within}, and they agree about stability."
        return f"The equation does not stand for this network: {within}; about stability they agree."

    def __str__(self) -> str:
        """A paragraph: the verdict, then the figures it rests on."""
        sequences, steps = self.error.shape
        where = self.disagreement.any(0).nonzero()
        first = f" (first in step {int(where[0]) + 1})" if len(where) else ""
        distance, disputed = self.distance, self.disputed
        return (
            f"{self.verdict} Along {sequences} × {steps} steps the error of ds/dt = F(s, x) − s, relative to the "
            f"state, is {float(self.error.median()):.2g} in the median and {float(self.error.max()):.2g} at most. "
            f"For the eigenvalues μ of the step's Jacobian, |1 − μ| is {float(distance.median()):.2g} in the median, "
            f"{float(distance.max()):.2g} at most; {int(disputed.sum())} of {disputed.numel()} have Re μ < 1 < |μ|, "
            f"and at {int(self.disagreement.sum())} steps{first} only the equation is stable. "
            f"{float(self.inactive.mean()):.0%} of the units are inactive (their row of the Jacobian is zero); among "
            f"the others an exact linear flow exists at {float(self.exact_flow.double().mean()):.0%} of the steps."
        )

    __repr__ = __str__


def certificate(
    layer: nn.Module | System,
    x: Tensor | None = None,
    initial_state: Tensor | None = None,
    *,
    steps: int | None = None,
    epsilon: float = 0.01,
) -> Certificate:
    """Run a network over x, and compare each step with one along ds/dt = F(s, x) − s, and their stabilities.

    The equation starts each step from the network's own state, so that errors do not add up; `integrate` shows how they
    do. Stability is that of the linearisation at each state, x held there.

    Args:
        layer: a `Recurrent`, `RNN`, `GRU` or `LSTM`, which is copied to float64, or a `System`.
        x: inputs, [T, I] or [B, T, I]; zero by default.
        initial_state: [S] or [B, S], every carried tensor of every layer side by side; zero by default.
        steps: T, where there is no x.
        epsilon: ε, the relative error allowed to a step.

    Raises:
        SettingError: a bidirectional layer, or an ε that is not positive.
        ShapeError: shapes do not fit, or neither x nor steps is given.
        DataError: a weight or a value is not finite, or the network leaves the finite numbers.

    Time: B T Jacobians and their eigenvalues, O(B T S³): at S = 256 about 0.1 s a step. Memory: O(B T S).
    """
    if not epsilon > 0:
        raise SettingError(f"epsilon is {epsilon}; a relative error allowed to a step is positive", hint="such as 0.01")
    system = system_of(layer)
    state, inputs, count = trajectory_inputs(system, initial_state, x, steps, None)
    states = run(system, state, inputs, count)
    before = torch.cat([state[:, None], states[:, :-1]], 1).flatten(0, 1)
    rows = max(1, 2**22 // system.size**2)  # Jacobians at a time: 32 MB of them
    held = [None] * len(before) if inputs is None else inputs.flatten(0, 1).split(rows)
    parts = [_measure(system, s, u) for s, u in zip(before.split(rows), held, strict=False)]
    after, eigenvalues, inactive = (
        torch.cat(part).unflatten(0, (len(state), count)) for part in zip(*parts, strict=True)
    )
    return Certificate(epsilon, relative_error(after, states), eigenvalues, inactive)


def _measure(system: System, state: Tensor, x: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """One step later by the equation [N, S], the Jacobian's eigenvalues [N, S], the inactive fraction [N]."""
    with torch.no_grad():
        jacobian = system.jacobian(state, x)
    if not jacobian.isfinite().all():
        raise DataError("the step's Jacobian is not finite along this trajectory")
    after = flow(lambda s, u: system.step(s, u) - s, state, x)
    return after, torch.linalg.eigvals(jacobian), (jacobian == 0).all(-1).to(jacobian.dtype).mean(-1)
