"""Numbers to run a cell on: a layer's own parameters, moved a little, and states that the cell reaches by itself.

A page may divide by a parameter, or take a root of a state: numbers out of nowhere would leave its domain.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from unspool.ir import StepGraph
from unspool.lang import Cell
from unspool.nn import Recurrent
from unspool.passes import parametrised, settled
from unspool.testing.case import Case
from unspool.testing.interpreter import run

_MOVED = 0.4
"""How far a parameter is moved at most, so that none that starts at zero, or at the identity, hides a fault."""


_REACHED = 3
"""Sequences that are run to where they lead; the states of others in a batch are theirs again."""


@dataclass(frozen=True)
class Numbers:
    """What a kernel is called with, in float64.

    Attributes:
        graph: as kernels run it, with every input that has a default given.
        inputs: name → [T, B, size], or [T, B, 1] for a number.
        parameters: name → as the graph takes it.
        initial: name of a state → [B, size].
        rest: the same, of the states to reset to.
    """

    graph: StepGraph
    inputs: Mapping[str, Tensor]
    parameters: Mapping[str, Tensor]
    initial: Mapping[str, Tensor]
    rest: Mapping[str, Tensor]

    @property
    def leaves(self) -> dict[str, Tensor]:
        """All of them by name: `x`, `R`, `initial h`, `rest h`."""
        states = {f"{kind} {n}": v for kind in ("initial", "rest") for n, v in getattr(self, kind).items()}
        return {**self.inputs, **self.parameters, **states}


@lru_cache(128)
def numbers_of(cell: Cell, case: Case) -> Numbers:
    """The same numbers at every call.

    Raises:
        AssertionError: from rest, and with the parameters that it starts with, the cell leaves the finite numbers.
    """
    layer = layer_of(cell, case)
    graph = _as_given(cell.graph)
    sizes = case.sizes(cell.graph)
    parameters = {n: v.detach() for n, v in layer.layer_parameters(0).items()}
    rng = np.random.default_rng(1)
    states = (
        dict(zip((s.name for s in graph.states), _reached(graph, parameters, case, sizes, rng), strict=True))
        for _ in range(2)
    )
    return Numbers(graph, _inputs(graph, case, sizes, rng, case.steps), parameters, *states)


def layer_of(cell: Cell, case: Case) -> Recurrent:
    """One layer in float64 whose parameters are moved from where they start."""
    sizes = case.sizes(cell.graph)
    others = {letter: size for letter, size in sizes.items() if letter not in "IH"}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = Recurrent(cell, sizes["I"], sizes["H"], sizes=others, dtype=torch.float64)
        with torch.no_grad():
            for parameter in layer.parameters():
                # Rows of 130 weights moved as far as those of 3 would drive every unit into saturation.
                few = max(1.0, parameter.shape[-1] / 4) ** 0.5 if parameter.dim() == 2 else 1.0
                parameter.add_(torch.empty_like(parameter).uniform_(-_MOVED, _MOVED) / few)
    return layer


def _as_given(page: StepGraph) -> StepGraph:
    """The graph that a layer runs where every number per step is given to it."""
    return settled(parametrised(page).graph, frozenset(v.name for v in page.number_inputs))


def _reached(
    graph: StepGraph, parameters: Mapping[str, Tensor], case: Case, sizes: Mapping[str, int], rng: np.random.Generator
) -> list[Tensor]:
    """Per state [B, size]: where three steps from zero lead, or a little aside."""
    few = replace(case, batch=min(case.batch, _REACHED))
    inputs = {n: v.numpy() for n, v in _inputs(graph, few, sizes, rng, 3).items()}
    zeros = [np.zeros((few.batch, sizes[s.size])) for s in graph.states]
    if not few.batch:
        return [torch.tensor(z) for z in zeros]
    with np.errstate(all="ignore"):
        _, reached = run(graph, inputs, {n: v.numpy() for n, v in parameters.items()}, zeros)
    for state, value in zip(graph.states, reached, strict=True):
        if not np.isfinite(value).all():
            raise AssertionError(f"{graph.name}, {case.name}: after three steps from zero {state.name} is not finite")
    every = np.arange(case.batch) % few.batch
    return [torch.tensor(v[every] + case.aside * rng.uniform(0.1, 1.0, v[every].shape)) for v in reached]


def _inputs(
    graph: StepGraph, case: Case, sizes: Mapping[str, int], rng: np.random.Generator, steps: int
) -> dict[str, Tensor]:
    """Normal vectors; numbers that a mask or a time step could be, positive."""
    return {
        v.name: torch.tensor(
            rng.normal(size=(steps, case.batch, sizes[v.size]))
            if v.size
            else rng.uniform(0.2, 1.2, (steps, case.batch, 1))
        )
        for v in graph.inputs
    }
