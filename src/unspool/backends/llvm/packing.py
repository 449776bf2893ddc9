"""`pack`: every matrix of a sweep into panels, once per call."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from unspool.backends.llvm.building import Value
from unspool.backends.llvm.code import Code
from unspool.backends.llvm.products import pack
from unspool.ir import Weight
from unspool.ir.sizes import is_block_diagonal
from unspool.passes.stages import Group, Stage
from unspool.passes.sweep import weight_name


@final
class Pack(Code):
    """`pack`: every matrix into panels."""

    name = "pack"

    def write(self) -> None:
        """Write the function."""
        body = self.b.append_basic_block("body")
        self.b.position_at_end(body)
        for s, g, t in self.arguments.panels:
            stage = self.schedule.stages[s]
            group = stage.groups[g]
            parts = group.terms[t]
            matrices = [(self.pointer(f"weight {weight_name(p.weight)}"), self._row(p.weight)) for p in parts]
            shape, blocks = parts[0].weight.shape, is_block_diagonal(parts[0].weight.shape)
            pack(
                self.b,
                self.tiling(stage, group),
                self.pointer(f"panel {s}.{g}.{t}"),
                matrices,
                self.size(stage.size),
                self.panel_depth(stage, group, t),
                parts[0].transposed,
                self._span(stage, group, t) if blocks else None,
                self.size(shape[1]) if blocks else None,
            )
        self.b.ret_void()
        with self.b.goto_block(self._entry):
            self.b.branch(body)

    def _row(self, weight: Weight) -> Value:
        return self.word(f"weight row {weight_name(weight)}")

    def _span(self, stage: Stage, group: Group, term: int) -> Callable[[Value], tuple[Value, Value]]:
        return lambda first: self.span(stage, group, term, first)
