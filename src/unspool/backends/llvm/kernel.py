"""A sweep's machine code with its memory plan: what to allocate, and the words to call it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from unspool.backends.llvm.arguments import Arguments
from unspool.backends.llvm.collect import ROWS_AT_ONCE
from unspool.backends.llvm.compiling import Loaded
from unspool.backends.llvm.generate import generate
from unspool.backends.llvm.shared import shared_address
from unspool.backends.llvm.stored import object_code
from unspool.backends.llvm.target import Target, host_target
from unspool.backends.llvm.tiling import panel_blocks, tiling_of
from unspool.ir import in_numbers
from unspool.passes.stages import schedule
from unspool.passes.sweep import Sweep

_MOST_ROWS = 64
"""Sequences of a chunk: enough that a panel is read from the first-level cache, few enough that a chunk's rows fit."""

_MOST_ROWS_HELD = 32
"""The same where stages hand over whole rows for their means, which are to fit as well."""

_TEAM_JOB = 60_000
"""Operations of a stage's products that outweigh a barrier between threads."""

_SMALL_JOB = 400_000
"""Operations below which a second thread would cost more than it brings."""


@dataclass(frozen=True)
class Layout:
    """Memory of one call, for given sizes.

    Attributes:
        words: the words that sizes alone decide, in place; the others are zero.
        workspace: bytes that the call needs for itself.
        panels: word → offset in bytes of the packed matrices, in the workspace.
        sums: name → numbers [row_chunks, stride] that its sums are written to; the first `size` of a row count.
        threads: how many it runs on.
    """

    words: np.ndarray
    workspace: int
    panels: Mapping[str, int]
    sums: Mapping[str, tuple[int, int]]
    threads: int


class SweepKernel:
    """Compiled code of a sweep for one number type; compiled, or read from disk, when it is first called.

    Args:
        sweep: what it runs.
        dtype: "float32" or "float64".
        is_adjoint: whether the sweep is an adjoint.
        target: the processor.
    """

    thorough = False

    def __init__(self, sweep: Sweep, dtype: str, *, is_adjoint: bool, target: Target | None = None) -> None:
        self.sweep, self.dtype, self.is_adjoint = sweep, dtype, is_adjoint
        self.target = target or host_target()
        self.schedule = schedule(sweep)
        self.arguments = Arguments(self.schedule, is_adjoint=is_adjoint)
        self.item = 4 if dtype == "float32" else 8
        self.lanes = self.target.lanes(self.item)
        self.layout = lru_cache(64)(self._layout)

    @property
    def index(self) -> Mapping[str, int]:
        """Name → place among the words."""
        return self.arguments.index

    @cached_property
    def launch(self) -> Any:
        """The code's entry, which takes the address of the words."""
        return self._loaded.entry("launch")

    @cached_property
    def pack(self) -> Any:
        """What comes before `work`, where it is not called through `launch`."""
        return self._loaded.entry("pack")

    @cached_property
    def work(self) -> Any:
        """What each thread runs, for threads that are not the OpenMP runtime's."""
        return self._loaded.entry("work")

    @cached_property
    def finish(self) -> Any:
        """What comes after `work`, likewise."""
        return self._loaded.entry("finish")

    @property
    def identity(self) -> tuple[str, ...]:
        """What the code depends on besides the processor; a set's order differs between processes."""
        sweep = (replace(self.sweep, shifted=frozenset()), sorted(self.sweep.shifted))
        return repr(sweep), self.dtype, str(self.is_adjoint)

    def source(self) -> Any:
        """The LLVM module."""
        return generate(self.schedule, self.dtype, self.target, is_adjoint=self.is_adjoint)

    @cached_property
    def _loaded(self) -> Loaded:
        return Loaded(object_code(self), self.target)

    def _layout(self, sizes: tuple[tuple[str, int], ...], steps: int, batch: int, threads: int, teams: bool) -> Layout:
        """See `Layout`; `teams` says whether threads may wait for each other.

        Memory: panels as large as the matrices, and per thread a few vectors per row of a chunk.
        """
        numbers, index = dict(sizes), self.index
        words = np.zeros(len(index), np.int64)
        if self._operations(numbers) * steps * batch < _SMALL_JOB:
            threads = 1
        is_team = teams and self._makes_teams(numbers, batch, threads)
        chunks = 1 if is_team else max(1, min(threads, batch))
        most = _MOST_ROWS_HELD if self.arguments.reduced else _MOST_ROWS
        chunks *= -(-batch // (chunks * most)) or 1
        rows = max(1, -(-batch // chunks))
        values = {"batch": batch, "rows": rows, "row_chunks": -(-batch // rows), "unit_chunks": 1, "steps": steps}
        values |= {"is_team": int(is_team), "collect every": max(1, -(-ROWS_AT_ONCE // rows))}
        strides = {}
        for letter in self.arguments.letters:
            strides[letter] = self._padded(numbers[letter])
            values |= {f"size {letter}": numbers[letter], f"stride {letter}": strides[letter]}
        if self.schedule.pointwise:
            size = numbers[self.schedule.stages[0].size]
            parts = max(1, min(threads // values["row_chunks"], -(-size // self.lanes)))
            values["units"] = -(-size // parts // self.lanes) * self.lanes or self.lanes
            values["unit_chunks"] = -(-size // values["units"])
        if not is_team:
            threads = min(threads, values["row_chunks"] * values["unit_chunks"]) or 1
        values["threads"] = threads
        space = _Space()
        for name, count, item in self._workspace(numbers, strides, rows):
            values[name] = space.take(count * item)
        values["workspace_bytes"] = space.bytes
        panels = _Space(space.bytes * threads)
        offsets = {}
        for s, g, t in self.arguments.panels:
            stage = self.schedule.stages[s]
            tiling = tiling_of(stage, stage.groups[g], self.dtype, self.target)
            part = stage.groups[g].terms[t][0]
            blocks, depth = panel_blocks(stage, part, tiling, numbers)
            offsets[f"panel {s}.{g}.{t}"] = panels.take(blocks * depth * tiling.width * self.item)
        for columns in self.arguments.columns:
            values[f"tiles {columns}"] = shared_address(f"tiles {columns}", self.dtype, self.target)
        for name, value in values.items():
            words[index[name]] = value
        sums = {name: (values["row_chunks"], strides[self._shape(position)[0]]) for name, position in self.sweep.sums}
        return Layout(words, panels.bytes, offsets, sums, threads)

    def _makes_teams(self, sizes: Mapping[str, int], batch: int, threads: int) -> bool:
        """Whether threads share the units of every row: too few rows for them, and a step worth a barrier per stage."""
        stages = self.schedule.stages
        if threads < 2 or batch >= threads or self.schedule.pointwise or any(s.reduced for s in stages):
            return False
        return self._products(sizes) * batch >= _TEAM_JOB * len(stages)

    def _workspace(self, sizes: Mapping[str, int], strides: Mapping[str, int], rows: int) -> list[tuple[str, int, int]]:
        """(word, numbers, bytes of one) of every part of a thread's workspace."""
        parts = [("ends", rows, 8)]
        for state in self.sweep.states:
            parts += [(f"{turn} {state.name}", rows * strides[state.size], self.item) for turn in ("even", "odd")]
        for position in self.arguments.held:
            parts.append((f"held {position}", rows * strides[self._shape(position)[0]], self.item))
        for position in self.arguments.reduced:
            parts += [(f"lanes {position}", rows * self.lanes, self.item), (f"number {position}", rows, self.item)]
        widths = [sum(tiling_of(s, g, self.dtype, self.target).width for g in s.groups) for s in self.schedule.stages]
        return [*parts, ("scratch", rows * max(widths, default=0), self.item)]

    def _operations(self, sizes: Mapping[str, int]) -> int:
        """About how many operations one row's step takes."""
        pointwise = sum(20 * sizes[n.shape[0]] for n in self.sweep.nodes if len(getattr(n, "shape", ())) == 1)
        return pointwise + self._products(sizes)

    def _products(self, sizes: Mapping[str, int]) -> int:
        """Operations of one row's matrix products in a step."""
        matrices = [w.shape for w in self.sweep.weights if len(w.shape) == 2]
        return sum(2 * int(np.prod(in_numbers(shape, sizes))) for shape in matrices)

    def _padded(self, size: int) -> int:
        """Distance of rows in the workspace: whole blocks, and never a multiple of a page, where rows would collide."""
        block = 2 * self.lanes
        return -(-size // block) * block + 64 // self.item

    def _shape(self, position: int) -> tuple[str, ...]:
        return self.sweep.nodes[position].shape


class _Space:
    """Hands out aligned parts of one allocation."""

    def __init__(self, start: int = 0) -> None:
        self.bytes = start

    def take(self, count: int) -> int:
        """Offset of `count` new bytes."""
        offset = self.bytes
        self.bytes += -(-count // 128) * 128
        return offset
