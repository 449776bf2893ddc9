"""What a system goes through: checked initial states and inputs of sequences, and the states after each step."""

import torch
from torch import Tensor

from unspool.dynamics.systems.system import System, trajectory_of
from unspool.errors import DataError, ShapeError


def run(system: System, state: Tensor, inputs: Tensor | None, steps: int) -> Tensor:
    """The network's states [B, T, S] after each step, from states [B, S] under inputs [B, T, I].

    Raises:
        DataError: a state is not finite; the message says after which step.
    """
    with torch.no_grad():
        states = trajectory_of(system, state, inputs, steps)
    if not (finite := states.isfinite().all(-1).all(0)).all():
        step = int(finite.int().argmin()) + 1
        raise DataError(f"the network leaves the finite numbers in step {step}", hint="take fewer steps")
    return states


def trajectory_inputs(
    system: System, initial_state: Tensor | None, x: Tensor | None, steps: int | None, resting: Tensor | None
) -> tuple[Tensor, Tensor | None, int]:
    """States [B, S], inputs [B, T, I] (None where the system has none) and T, checked, a row for each sequence.

    `resting` [I] is the input of every step where there is no `x`; zero by default.

    Raises:
        ShapeError: shapes do not fit, or neither x nor steps is given.
        DataError: a value is not finite.
    """
    S, I = system.size, system.input_size  # noqa: E741 - the axes' letters
    state = torch.zeros(S) if initial_state is None else initial_state
    if state.shape[-1:] != (S,) or state.dim() > 2:
        raise ShapeError(f"initial_state is {list(state.shape)}; expected [S={S}] or [B, S={S}]")
    if x is None:
        if steps is None or steps < 1:
            raise ShapeError(f"steps is {steps}, and there is no x: how many steps?", hint="give x [T, I], or steps=T")
        x = (torch.zeros(I) if resting is None else resting).expand(steps, I)
    elif x.shape[-1:] != (I,) or x.dim() not in (2, 3) or not x.shape[-2] or steps not in (None, x.shape[-2]):
        raise ShapeError(f"x is {list(x.shape)}; expected [T, I={I}] or [B, T, I={I}], T {steps or 'at least 1'}")
    rows = {len(v) for v, axes in ((state, 2), (x, 3)) if v.dim() == axes} or {1}
    if len(rows) > 1 or 0 in rows:
        raise ShapeError(f"initial_state {list(state.shape)} and x {list(x.shape)} are not of as many sequences, B ≥ 1")
    if not (state.isfinite().all() and x.isfinite().all()):
        raise DataError("initial_state or x holds NaN or infinity")
    state, x = (v.detach().to("cpu", system.dtype) for v in (state, x))
    B = rows.pop()
    return state.expand(B, S), x.expand(B, -1, I) if I else None, x.shape[-2]


def constant_input(system: System, x: Tensor | None) -> Tensor | None:
    """An input [I] held for all steps, checked.

    Raises:
        ShapeError: it does not fit the system.
        DataError: it is not finite.
    """
    if x is None:
        return None
    if x.shape != (system.input_size,):
        raise ShapeError(f"x is {list(x.shape)}; the constant input of this system is [I={system.input_size}]")
    if not x.isfinite().all():
        raise DataError("the constant input x holds NaN or infinity")
    return x.detach().to("cpu", system.dtype)
