"""A cell in layers with a linear readout, as large as its budget allows."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from unspool import Cell, Recurrent
from unspool.passes.facts import StepFacts, count_parameters, facts_of, further_sizes
from unspool.tasks import Batch, Task

LARGEST = 4096


@dataclass(frozen=True)
class Size:
    """H, L, and how many parameters that makes."""

    units: int
    layers: int
    parameters: int


@final
class Network(nn.Module):
    """A cell over time, read out after the last step or at every one.

    Args:
        cell: starts as its page says. Numbers per step that it must be given are 1.
        task: its sizes, and where it asks.
        size: H and L.
    """

    def __init__(self, cell: Cell, task: Task, size: Size) -> None:
        super().__init__()
        facts = facts_of(cell.graph)
        self.asks, self.numbers = task.asks, facts.numbers
        sizes = further_sizes(cell.graph, size.units)
        self.recurrence = Recurrent(cell, task.input_size, size.units, size.layers, sizes=sizes or None)
        self.readout = nn.Linear(self.recurrence.output_size, task.output_size)

    def forward(self, batch: Batch) -> Tensor:
        """Answers [B, O] after each sequence's last step, or [B, T, O]."""
        ones = {name: batch.x.new_ones(batch.x.shape[:2]) for name in self.numbers}
        output, _ = self.recurrence(batch.x, lengths=batch.lengths, per_step=ones or None)
        if self.asks == "last":
            last = -1 if batch.lengths is None else batch.lengths - 1
            output = output[torch.arange(len(output)), last]
        return self.readout(output)


def fitting_size(cell: Cell, inputs: int, outputs: int, budget: int) -> Size:
    """The most units with which layers and readout have at most `budget` learned parameters.

    Two layers where the units of one never meet (no product with a state in a step), since one alone would not compute
    anything from its own memory; one layer otherwise. Of a cell that learns nothing, what is fixed counts.
    """
    facts = facts_of(cell.graph)
    layers = 2 if facts.is_diagonal and all(s.size != "I" for s in facts.states) else 1
    step = 4 if cell.graph.divisions else 1
    low, high = 1, LARGEST // step  # low fits, as far as anything does; high does not
    while high - low > 1:
        middle = (low + high) // 2
        fits = _count(facts, inputs, middle * step, layers, outputs) <= budget
        low, high = (middle, high) if fits else (low, middle)
    units = low * step
    return Size(units, layers, _count(facts, inputs, units, layers, outputs))


def _count(facts: StepFacts, inputs: int, units: int, layers: int, outputs: int) -> int:
    sizes = {"I": inputs, "H": units, **further_sizes(facts.graph, units)}
    total = 0
    for _ in range(layers):
        total += count_parameters(facts.learned or facts.fixed, sizes)
        sizes["I"] = sizes[facts.graph.output_size]
    return total + outputs * (sizes["I"] + 1)
