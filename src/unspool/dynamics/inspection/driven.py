"""The course that a network is looked at along: inputs, the states under them, and samples of both."""

from dataclasses import dataclass

import torch
from torch import Tensor

from unspool.dynamics.systems.system import LayerSystem, trajectory_of
from unspool.dynamics.systems.trajectory import trajectory_inputs
from unspool.errors import DataError

BOUND = 1e9
"""A state with a larger number has left all bounds: the network explodes."""


@dataclass(frozen=True, eq=False)
class Driven:
    """B sequences of T steps after their transient.

    Attributes:
        system: what runs.
        x: [B, T, I], its inputs.
        states: [B, T, S], the state before each step.
        driven: whether the inputs vary.
        escaped: the step at which the state left all bounds, counted from the start; T ends before it.
    """

    system: LayerSystem
    x: Tensor
    states: Tensor
    driven: bool
    escaped: int | None

    @property
    def initial_state(self) -> Tensor:
        """[B, S]."""
        return self.states[:, 0]

    def sample(self, count: int) -> tuple[Tensor, Tensor]:
        """At most `count` states [N, S] with the inputs [N, I] that come next, evenly spaced."""
        states, x = self.states.flatten(0, 1), self.x.flatten(0, 1)
        some = torch.linspace(0, len(x) - 1, min(count, len(x))).long()
        return states[some], x[some]

    def stretches(self, length: int, count: int) -> tuple[Tensor, Tensor]:
        """States [M, S] before and inputs [M, length, I] of at most `count` stretches, evenly spaced."""
        kept = self.x.shape[1] // length * length
        x, states = (v[:, -kept:].unflatten(1, (-1, length)).flatten(0, 1) for v in (self.x, self.states))
        some = torch.linspace(0, len(x) - 1, min(count, len(x))).round().long()
        return states[some, 0], x[some]


def drive(system: LayerSystem, x: Tensor | None, steps: int, seed: int) -> Driven:
    """Run a layer over the last `steps` steps of x, or over zeros, and drop the first tenth.

    It starts from zeros; where the input does not vary, near them, for they may be an unstable fixed point.

    Args:
        system: the layer's.
        x: [T, I] or [B, T, I]; zeros by default. Of more sequences than steps allow some are taken, evenly spaced.
        steps: B · T at most.
        seed: of the first state.

    Raises:
        ShapeError, DataError: x does not fit or is not finite, or within ten steps the state leaves all bounds.
    """
    length = None if x is None else min(steps, x.shape[-2]) if x.dim() > 1 else None
    if x is not None and length:
        x = x[..., -length:, :]
    if x is not None and length and x.dim() == 3 and len(x) > max(1, steps // length):
        x = x[torch.linspace(0, len(x) - 1, max(1, steps // length)).long()]
    state, inputs, count = trajectory_inputs(system, None, x, None if x is not None else steps, None)
    assert inputs is not None  # a layer has an input
    driven = bool((inputs != inputs[:, :1]).any())
    if not driven:
        generator = torch.Generator().manual_seed(seed)
        state = state + 0.1 * torch.randn(state.shape, generator=generator, dtype=state.dtype)
    with torch.no_grad():
        after = trajectory_of(system, state, inputs, count)
    within = (after.abs() <= BOUND).all(-1).all(0)  # false of NaN
    escaped = None if within.all() else int(within.int().argmin()) + 1
    count = count if escaped is None else escaped - 1
    if count < 10 and escaped is not None:
        raise DataError(
            f"the network's state leaves all bounds in step {escaped}", hint="it explodes; look at the scale of x and W"
        )
    dropped = count // 10
    states = torch.cat([state[:, None], after], 1)[:, dropped:count]
    return Driven(system, inputs[:, dropped:count], states, driven, escaped)
