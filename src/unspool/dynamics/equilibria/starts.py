"""Where searches in state space start, and which of their ends are the same."""

import torch
from torch import Tensor

from unspool.dynamics.systems.system import System, trajectory_of
from unspool.errors import DataError, SettingError, ShapeError

STEPS = 50
"""Of the trajectories that give the first half of the states."""
FAR = 1e6
"""A state with a larger number has escaped."""


def check_double(system: System) -> None:
    """Raise a SettingError if a user's own system does not compute in float64."""
    if system.dtype != torch.float64:
        raise SettingError(
            f"the system computes in {system.dtype}; fixed points, cycles and portraits are computed in float64",
            hint="build it with dtype=torch.float64; a layer may have any dtype, a copy of it is taken",
        )


def start_states(system: System, x: Tensor | None, given: Tensor | None, count: int, seed: int) -> tuple[Tensor, int]:
    """[N, S]: the states given, or those of free trajectories; filled up to `count` with random ones around them.

    Without given states half of `count` trajectories start from standard normal states and each is left after 0 to 50
    steps (one that escapes: where it started). The random ones are normal around the mean of the others with twice
    their spread, unit by unit.

    Returns:
        the states, and how many of the given ones were left out because they, or the next one, are not finite, or
        beyond 1e6.

    Raises:
        ShapeError, SettingError, DataError: the states given do not fit, `count` is below 1, no state is left.
    """
    if given is not None and (given.dim() != 2 or given.shape[-1] != system.size):
        raise ShapeError(f"initial_states is {list(given.shape)}; expected [N, S={system.size}]")
    if count < 1:
        raise SettingError(f"count is {count}; a search needs at least 1 initial state")
    generator = torch.Generator().manual_seed(seed)
    given = _visited(system, x, count, generator) if given is None else given.detach().to("cpu", system.dtype)
    inputs = None if x is None else x.expand(len(given), -1)
    near = (given.abs() <= FAR).all(-1) & (system.step(given, inputs).abs() <= FAR).all(-1)
    first = given[near]
    if not len(first):
        raise DataError(
            f"none of the {len(given)} initial states and their next states are finite and below {FAR:g}",
            hint="give initial_states from where the network works, as states of its trajectory on data",
        )
    spread = first.std(0) if len(first) > 1 else torch.ones_like(first[0])
    others = torch.randn(max(0, count - len(given)), system.size, generator=generator, dtype=first.dtype)
    return torch.cat([first, first.mean(0) + 2 * spread * others]), len(given) - len(first)


def spread_of(states: Tensor) -> float:
    """Root mean square distance of states [N, S] from their mean, at least a thousandth of their size; 1 if all are 0.

    The floor is for starts that are all the same.
    """
    spread = float((states - states.mean(0)).square().sum(-1).mean().sqrt())
    return max(spread, 1e-3 * float(states.square().sum(-1).mean().sqrt())) or 1.0


def distinct(states: Tensor, within: float) -> tuple[Tensor, Tensor]:
    """Group states [N, S] around the first of each group, no further than `within` from it.

    Returns:
        (first [P], group [N]): the index of each group's first state, and each state's group.

    Cost: O(N P S).
    """
    group = torch.full((len(states),), -1)
    first: list[int] = []
    while (left := (group < 0).nonzero()[:, 0]).numel():
        near = (states[left] - states[left[0]]).norm(dim=-1) <= within
        near[0] = True
        group[left[near]] = len(first)
        first.append(int(left[0]))
    return torch.tensor(first, dtype=torch.long), group


def _visited(system: System, x: Tensor | None, count: int, generator: torch.Generator) -> Tensor:
    rows = (count + 1) // 2
    starts = torch.randn(rows, system.size, generator=generator, dtype=system.dtype)
    inputs = None if x is None else x.expand(rows, STEPS, -1)
    path = torch.cat([starts[:, None], trajectory_of(system, starts, inputs, STEPS)], 1)
    left_at = torch.randint(0, STEPS + 1, (rows,), generator=generator)
    stays = (path[:, -1].abs() <= FAR).all(-1)
    return torch.where(stays[:, None], path[torch.arange(rows), left_at], starts)
