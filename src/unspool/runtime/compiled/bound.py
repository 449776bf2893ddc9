"""A kernel's call laid out: every word but the addresses, which are filled in at each call."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unspool.backends.llvm import SweepKernel
from unspool.runtime.compiled import memory
from unspool.runtime.compiled.threads import openmp_entry, run_on


@dataclass(frozen=True)
class Bound:
    """A call laid out.

    Attributes:
        kernel: the code.
        threads: how many it runs on.
        workspace: bytes that it needs for itself.
        values: the words; zero where an address goes.
        addresses: (word, place of a tensor, bytes into it).
        offsets: (word, bytes into the workspace).
        cleared: (first, last) byte of the workspace's parts that start at zero.
        new: (shape, whether it starts at zero) of the tensors that the call makes, whose places follow those of the
            tensors it is given; None where the workspace has room for it.
    """

    kernel: SweepKernel
    threads: int
    workspace: int
    values: list[int]
    addresses: tuple[tuple[int, int, int], ...]
    offsets: tuple[tuple[int, int], ...]
    cleared: tuple[tuple[int, int], ...]
    new: tuple[tuple[tuple[int, ...], bool] | None, ...]

    def run(self, tensors: Sequence[Tensor | None]) -> None:
        """Call the code. It owns every byte that it writes: any number of threads may run one `Bound` at once."""
        kernel, threads = self.kernel, self.threads
        workspace = memory.borrow(self.workspace)
        for first, last in self.cleared:
            workspace[first:last] = 0
        values, start = self.values.copy(), workspace.address
        where = [0 if t is None else t.data_ptr() for t in tensors]
        for word, place, offset in self.addresses:
            values[word] = where[place] + offset
        for word, offset in self.offsets:
            values[word] = start + offset
        entry = values[kernel.index["parallel"]] = openmp_entry("GOMP_parallel") if threads > 1 else 0
        values[kernel.index["team_size"]] = openmp_entry("omp_get_num_threads") if threads > 1 else 0
        words = array("q", values)
        address, _ = words.buffer_info()
        try:
            if threads > 1 and not entry:
                kernel.pack(address)
                run_on(threads, kernel.work, address)
                kernel.finish(address)
            else:
                kernel.launch(address)
        finally:
            memory.give_back(workspace)

    def made(self, dtype: torch.dtype) -> list[Tensor | None]:
        """The tensors that the call makes."""
        return [
            None if new is None else memory.zeros(new[0], dtype) if new[1] else memory.empty(new[0], dtype)
            for new in self.new
        ]
