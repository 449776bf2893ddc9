"""A layer computes the graph of its cell's page, from the parameters as they are stored, and its gradients."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from unspool.ir import StepGraph
from unspool.lang import Cell
from unspool.nn import Recurrent
from unspool.testing.case import RAGGED_RESET, SMALL, Case
from unspool.testing.check import compare
from unspool.testing.differences import check_first
from unspool.testing.interpreter import run
from unspool.testing.numbers import layer_of, numbers_of
from unspool.testing.subject import run_kernel


def the_layer_is_the_page(cell: Cell) -> None:
    """From the parameters as they are stored, with lengths and resets; with numbers per step and by their defaults."""
    case, layer = RAGGED_RESET, layer_of(cell, RAGGED_RESET)
    given = numbers_of(cell, case).inputs
    where = f"{cell.name}, Recurrent, float64, {case.name}"
    compare(where, _results(layer, case, given), _expected(layer, case, given), torch.float64, case.steps)
    defaults = {v.name: v.default for v in cell.graph.number_inputs if v.default is not None}
    if defaults:
        filled = {n: torch.full_like(v, defaults[n]) if n in defaults else v for n, v in given.items()}
        without = f"{cell.name}, reference, float64, {case.name}, without {', '.join(defaults)}"
        compare(without, _by_default(layer, case), _expected(layer, case, filled), torch.float64, case.steps)


def a_layers_gradients_are_finite_differences(cell: Cell) -> None:
    """By x and the parameters as they are stored, of which the page may make others; in random directions."""
    layer, inputs = layer_of(cell, SMALL), dict(numbers_of(cell, SMALL).inputs)
    x = _vector_of(cell.graph)
    given = {f"{x} ": inputs[x], **{n: p.detach() for n, p in layer.named_parameters()}}

    def results(leaves: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        stored = {n: v for n, v in leaves.items() if n != f"{x} "}
        return _results(layer, SMALL, {**inputs, x: leaves[f"{x} "]}, stored)

    where = f"{cell.name}, Recurrent, float64, {SMALL.name}"
    check_first(where, results, {n: v.requires_grad_() for n, v in given.items()})


def _results(
    layer: Recurrent, case: Case, inputs: Mapping[str, Tensor], stored: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """What the layer gives: `output` [T, B, ·] and `final h` [B, ·]."""
    name, reset = _vector_of(layer.cell.graph), case.reset_tensor()
    numbers = {n: v[..., 0].T for n, v in inputs.items() if n != name}
    x = inputs[name].clone() if inputs[name].requires_grad else inputs[name].clone().requires_grad_()
    options: dict[str, Any] = {
        "lengths": case.lengths_tensor(),
        "reset": None if reset is None else reset.T,
        "per_step": numbers or None,
    }
    initial = tuple(v[None] for v in numbers_of(layer.cell, case).initial.values())
    output, final = torch.func.functional_call(layer, dict(stored or {}), (x.transpose(0, 1), initial), options)
    names = (f"final {s.name}" for s in layer.graph.states)
    return {"output": output.transpose(0, 1)} | dict(zip(names, (v[0] for v in final), strict=True))


def _by_default(layer: Recurrent, case: Case) -> dict[str, Tensor]:
    """What the layer's own graph gives, in which an input with a default is a constant."""
    leaves = {n: v.detach() for n, v in (numbers_of(layer.cell, case).leaves | layer.layer_parameters(0)).items()}
    zeros = {n: torch.zeros_like(v) for n, v in leaves.items() if n.startswith("rest ")}
    return run_kernel("reference", layer.graph, case, leaves | zeros)


def _expected(layer: Recurrent, case: Case, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same of the page's graph, read in NumPy; a reset is to zero."""
    graph, reset, initial = layer.cell.graph, case.reset_tensor(), numbers_of(layer.cell, case).initial
    output, final = run(
        graph,
        {n: v.numpy() for n, v in inputs.items()},
        {p.name: getattr(layer, f"{p.name}_l0").detach().numpy() for p in graph.parameters},
        [v.numpy() for v in initial.values()],
        lengths=None if case.lengths is None else list(case.lengths),
        reset=None if reset is None else reset.numpy(),
        rest=[torch.zeros_like(v).numpy() for v in initial.values()],
    )
    ends = {f"final {n}": torch.tensor(v) for n, v in zip(initial, final, strict=True)}
    return {"output": torch.tensor(output)} | ends


def _vector_of(graph: StepGraph) -> str:
    (x,) = (v.name for v in graph.vector_inputs)
    return x
