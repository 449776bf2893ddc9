"""Compiled code computes any cell the language can say as the reference does: outputs, final states, every gradient.

Each example is a cell that nobody wrote, and costs about a second of compilation: `UNSPOOL_EXAMPLES=1000` runs more
of them. A failing one is therefore not made smaller, which would take minutes.
"""

import os
from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.random_cells import Numbers, graphs, numbers_for
from unspool.ir import StepGraph
from unspool.runtime.dispatch import kernel_for
from unspool.testing.tolerances import tolerance

examples = settings(
    max_examples=int(os.environ.get("UNSPOOL_EXAMPLES", "60")), phases=(Phase.explicit, Phase.reuse, Phase.generate)
)
SIZES = st.sampled_from(
    [
        {"I": 4, "H": 6, "P": 5, "N": 2},
        {"I": 1, "H": 9, "P": 1, "N": 3},
        {"I": 3, "H": 34, "P": 17, "N": 2},
        {"I": 2, "H": 1, "P": 8, "N": 1},
    ]
)


@dataclass(frozen=True)
class Run:
    """How a cell is run over time."""

    steps: int
    batch: int
    lengths: list[int] | None
    resets: list[bool] | None
    reverse: bool
    sizes: dict[str, int]
    seed: int

    def numbers(self, graph: StepGraph) -> Numbers:
        return numbers_for(graph, self.seed, steps=self.steps, batch=self.batch, sizes=self.sizes)

    def reset(self) -> np.ndarray | None:
        return None if self.resets is None else np.reshape(self.resets, (self.steps, self.batch))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    steps, batch = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    return Run(
        steps,
        batch,
        lengths=draw(st.none() | st.lists(st.integers(1, steps), min_size=batch, max_size=batch)),
        resets=draw(st.none() | st.lists(st.booleans(), min_size=steps * batch, max_size=steps * batch)),
        reverse=draw(st.booleans()),
        sizes=draw(SIZES),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


@examples
@given(graph=graphs(), run=runs())
def test_values(graph: StepGraph, run: Run):
    expected, found = (values(backend, graph, run) for backend in ("reference", "llvm"))
    same(found, expected, run.steps)


@examples
@given(graph=graphs(), run=runs())
def test_values_and_gradients(graph: StepGraph, run: Run):
    expected, found = (gradients(backend, graph, run) for backend in ("reference", "llvm"))
    same(found, expected, run.steps)


def values(backend: str, graph: StepGraph, run: Run) -> dict[str, Tensor]:
    """The output and the final states."""
    return {name: value.detach() for name, value in results(backend, graph, run, leaves(graph, run)).items()}


def gradients(backend: str, graph: StepGraph, run: Run) -> dict[str, Tensor]:
    """The output, the final states, and the gradient of their weighted sum by everything that a cell is given."""
    given = {name: leaf.requires_grad_() for name, leaf in leaves(graph, run).items()}
    found = results(backend, graph, run, given)
    weights = np.random.default_rng(run.seed)
    loss = sum((v * torch.tensor(weights.normal(size=v.shape))).sum() for v in found.values())
    assert isinstance(loss, Tensor)
    by = torch.autograd.grad(loss, list(given.values()), allow_unused=True)
    nothing = {name: torch.zeros_like(leaf) for name, leaf in given.items()}
    derived = {f"d {n}": nothing[n] if g is None else g for n, g in zip(given, by, strict=True)}
    return {name: v.detach() for name, v in found.items()} | derived


def leaves(graph: StepGraph, run: Run) -> dict[str, Tensor]:
    numbers = run.numbers(graph)
    states = [s.name for s in graph.states]
    initial = {f"initial {n}": v for n, v in zip(states, numbers.initial, strict=True)}
    rest = {f"rest {n}": v for n, v in zip(states, numbers.rest, strict=True)}
    return {n: torch.tensor(v) for n, v in {**numbers.inputs, **numbers.parameters, **initial, **rest}.items()}


def results(backend: str, graph: StepGraph, run: Run, given: dict[str, Tensor]) -> dict[str, Tensor]:
    reset = run.reset()
    output, final = kernel_for(graph, backend)(
        {v.name: given[v.name] for v in graph.inputs},
        {p.name: given[p.name] for p in graph.parameters},
        [given[f"initial {s.name}"] for s in graph.states],
        lengths=None if run.lengths is None else torch.tensor(run.lengths),
        reset=None if reset is None else torch.tensor(reset),
        rest=None if reset is None else [given[f"rest {s.name}"] for s in graph.states],
        reverse=run.reverse,
    )
    return {"output": output} | {f"final {s.name}": v for s, v in zip(graph.states, final, strict=True)}


def same(found: dict[str, Tensor], expected: dict[str, Tensor], steps: int) -> None:
    scale = max(float(v.abs().max()) for v in expected.values())
    allowed = 100 * tolerance(torch.float64, steps, scale=scale)  # a random cell may amplify what it rounds
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].numpy(), value.numpy(), rtol=0, atol=allowed, err_msg=name)
