"""A trajectory in chunks, with the Jacobians along it as what carries columns from one step to another."""

from collections.abc import Iterator
from functools import cache
from typing import final

import torch
from torch import Tensor

from unspool.dynamics.spectra.growth import Advance, Columns
from unspool.dynamics.systems.functions import FunctionSystem
from unspool.dynamics.systems.system import LayerSystem, System, trajectory_of
from unspool.errors import DataError
from unspool.runtime import Formed

LEAST, MOST = 64, 1024
"""Steps of a chunk."""

GROUP = 2 << 20
"""Bytes of the Jacobians that are formed at a time; they should stay in the cache until they are multiplied."""

SMALL = 64
"""Numbers in the state up to which a dense product takes less time than several products of blocks."""

FEW = 16
"""Columns are few where there are at least this many times as many numbers in the state."""


@final
class Course:
    """B trajectories of a system, run step by step from states [B, S] under inputs [B, T, I].

    Args:
        system: what runs.
        state: [B, S].
        x: [B, T, I], or None.
        count: K, columns to be carried along.
    """

    def __init__(self, system: System, state: Tensor, x: Tensor | None, count: int) -> None:
        self._system, self._state, self._x = system, state, x
        self._done = 0
        self._few = isinstance(system, LayerSystem | FunctionSystem) and count * FEW <= system.size
        bytes = len(state) * system.size**2 * state.element_size()
        self._group = min(MOST, max(1, GROUP // bytes))
        self._chunk = MOST if self._few else min(MOST, max(LEAST, self._group))

    def skip(self, steps: int) -> None:
        """Run without measuring.

        Raises:
            DataError: the state becomes infinite.
        """
        for _ in self._chunks(steps):
            pass

    def carry(self, columns: Columns, steps: int) -> None:
        """Carry columns along.

        Raises:
            DataError: the state or a Jacobian becomes infinite.
        """
        for before, x in self._chunks(steps):
            columns.run(self._advance(before, x), len(before))

    def _chunks(self, steps: int) -> Iterator[tuple[Tensor, Tensor | None]]:
        """States [C, B, S] before each step, and inputs [C, B, I]."""
        for begin in range(0, steps, self._chunk):
            count = min(self._chunk, steps - begin)
            x = None if self._x is None else self._x[:, self._done : self._done + count]
            after = trajectory_of(self._system, self._state, x, count).transpose(0, 1)
            if not after.isfinite().all():
                raise DataError(
                    f"the state becomes infinite after step {self._done}",
                    hint="start elsewhere (initial_state), or take smaller steps (dt)",
                )
            yield torch.cat([self._state[None], after[:-1]]), None if x is None else x.transpose(0, 1)
            self._state = after[-1]
            self._done += count

    def _advance(self, before: Tensor, x: Tensor | None) -> Advance:
        return self._carried(before, x) if self._few else self._multiplied(before, x)

    def _carried(self, before: Tensor, x: Tensor | None) -> Advance:
        system = self._system
        assert isinstance(system, LayerSystem | FunctionSystem)

        def advance(first: int, last: int, columns: Tensor) -> Tensor:
            part = slice(first, last)
            return system.carried(before[part], None if x is None else x[part], columns)

        return advance

    def _multiplied(self, before: Tensor, x: Tensor | None) -> Advance:
        system, rows = self._system, before.shape[1]
        flat = before.flatten(0, 1), None if x is None else x.flatten(0, 1)
        blocks = system.linearised(*flat) if isinstance(system, LayerSystem) else None

        @cache
        def group(number: int) -> list[Tensor] | list[Formed]:
            steps = range(number * self._group, min((number + 1) * self._group, len(before)))
            part = slice(steps.start * rows, steps.stop * rows)
            if blocks is not None and system.size > SMALL:
                formed = blocks.part(part).formed(flat[0][part])
                return [formed.part(slice(i * rows, (i + 1) * rows)) for i in range(len(steps))]
            if blocks is not None:
                whole = blocks.part(part).dense(flat[0][part])
            else:
                whole = system.jacobian(flat[0][part], None if flat[1] is None else flat[1][part])
            return list(whole.unflatten(0, (-1, rows)))

        def advance(first: int, last: int, columns: Tensor) -> Tensor:
            for t in range(first, last):
                columns = group(t // self._group)[t % self._group] @ columns
            return columns

        return advance
