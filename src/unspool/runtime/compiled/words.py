"""Fills in the words of a kernel's call and launches it; keeps every tensor alive until the call is over."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unspool.backends.llvm import SweepKernel
from unspool.ir import Variable
from unspool.runtime.compiled import memory
from unspool.runtime.compiled.threads import openmp_entry, run_on, thread_count


class Words:
    """One call of a sweep.

    Args:
        kernel: the code.
        sizes: size letter → number.
        steps, batch: T and B.
        first, direction: the running order.
    """

    def __init__(
        self, kernel: SweepKernel, sizes: dict[str, int], steps: int, batch: int, first: int, direction: int
    ) -> None:
        self.kernel, self._index, self._alive = kernel, kernel.index, []
        letters = tuple((letter, sizes[letter]) for letter in kernel.arguments.letters)
        self.layout = kernel.layout(letters, steps, batch, thread_count())
        self.values = self.layout.words.tolist()
        self.dtype = torch.float32 if kernel.dtype == "float32" else torch.float64
        self.set("first", first)
        self.set("direction", direction)
        self.set("edge", -1)

    def set(self, name: str, value: int) -> None:
        """A number."""
        self.values[self._index[name]] = value

    def point(self, name: str, tensor: Tensor, start: int = 0) -> None:
        """A word that is an address: `tensor`'s, `start` elements in."""
        self._alive.append(tensor)
        self.values[self._index[name]] = tensor.data_ptr() + start * tensor.element_size()

    def stream(self, what: str, name: str, tensor: Tensor, column: int = 0, shift: int = 0) -> None:
        """What is read or written per step: columns of [T, B, n] from `column` on, `shift` steps later."""
        step, row = tensor.stride(0), tensor.stride(1)
        self.point(f"{what} {name}", tensor, column + shift * step)
        self.set(f"{what} step {name}", step)
        self.set(f"{what} row {name}", row)

    def row(self, what: str, name: str, tensor: Tensor) -> None:
        """One vector per sequence, [B, size]."""
        self.point(f"{what} {name}", tensor)
        self.set(f"{what} row {name}", tensor.stride(0))

    def over_time(self, lengths: Tensor | None, crossing: Tensor | None) -> None:
        """Where sequences end and states are reset."""
        if lengths is not None:
            self.point("lengths", lengths)
        if crossing is not None:
            self.point("crossing", crossing)

    def weights(self, vectors: dict[str, Tensor], matrices: dict[str, Tensor], gates: dict[str, tuple[str, ...]]) -> None:
        """Every weight of the sweep: vectors and numbers by name, matrices by parameter and gate."""
        for weight in self.kernel.sweep.weights:
            if len(weight.shape) < 2:
                self.point(f"weight {weight.name}", vectors[weight.name])
                continue
            matrix, name = matrices[weight.name], weight.name if weight.gate is None else f"{weight.name}.{weight.gate}"
            place = 0
            if weight.gate is not None:
                rows = matrix.shape[0] // len(gates[weight.name])
                place = gates[weight.name].index(weight.gate) * rows * matrix.stride(0)
            self.point(f"weight {name}", matrix, place)
            self.set(f"weight row {name}", matrix.stride(0))

    def states(self, states: tuple[Variable, ...], initial: tuple[Tensor, ...]) -> list[Tensor]:
        """Point to the initial states, and to the final ones, which are returned."""
        final = []
        for state, tensor in zip(states, initial, strict=True):
            self.row("initial", state.name, tensor)
            final.append(memory.empty(tensor.shape, self.dtype))
            self.point(f"final {state.name}", final[-1])
        return final

    def sums(self) -> dict[str, Tensor]:
        """Where the sums go, [chunks, ≥ size]."""
        found = {}
        for name, shape in self.layout.sums.items():
            found[name] = torch.empty(shape, dtype=self.dtype)
            self.point(f"sum {name}", found[name])
        return found

    def run(self) -> None:
        """Call the code."""
        workspace = memory.empty((self.layout.workspace,), torch.uint8)
        self.point("workspace", workspace)
        for name, offset in self.layout.panels.items():
            self.point(name, workspace, offset)
        threads = self.layout.threads
        entry = openmp_entry() if threads > 1 else 0
        self.set("parallel", entry)
        words = np.array(self.values, np.int64)
        if threads > 1 and not entry:
            self.kernel.pack(words.ctypes.data)
            run_on(threads, self.kernel.work, words.ctypes.data)
        else:
            self.kernel.launch(words.ctypes.data)
        self._alive.clear()
