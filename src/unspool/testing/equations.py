"""Whether the equations that a page's docstring states are the ones that are computed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from unspool.errors import CellError
from unspool.ir import Parameter, Read, StepGraph
from unspool.ir.sizes import is_block_diagonal
from unspool.lang import Cell
from unspool.lang.equations import Equation, constants_of, equations_of
from unspool.passes import parametrised
from unspool.runtime.parameters import made_matrices
from unspool.testing import interpreter
from unspool.testing.arithmetic import evaluate
from unspool.testing.case import Case
from unspool.testing.known import Array, Known
from unspool.testing.numbers import layer_of, numbers_of

RELATIVE_ERROR = 1e-12
"""Of a vector, to its largest entry."""

_CASE = Case("equations", steps=1, batch=2, features=5, units=9, others=7, blocks=3)
"""Sizes of which no two are equal, so that what does not belong together does not fit."""


@dataclass(frozen=True)
class _Numbers:
    """What one step is computed from, without a batch axis; parameters as they are stored."""

    where: str
    inputs: Mapping[str, Array]
    states: Mapping[str, Array]
    parameters: Mapping[str, Array]


def check_equations(cell: Cell) -> None:
    """Compare the docstring's equations, in plain NumPy float64, with the step graph that was traced from the page.

    Every value that has the same name on both sides is compared, in the order of the equations: gates and candidates,
    next states, the output. Inputs are random; states are such as the cell reaches, zero, and random; of what the graph
    itself does not give a finite number for, nothing is asked. A page whose docstring has no block of equations passes.

    Raises:
        AssertionError: an equation gives another value than the graph, or none; a next state or the output has none.
        CellError: an equation cannot be read.
    """
    equations = equations_of(cell)
    if not equations:
        return
    _check_results(cell, equations)
    for numbers in _numbers_of(cell):
        _compare(cell, equations, numbers)


def _check_results(cell: Cell, equations: tuple[Equation, ...]) -> None:
    """Every next state, and the output, must have an equation."""
    graph, defined = cell.graph, {e.left for e in equations}
    for state, position in zip(graph.states, graph.next_states, strict=True):
        if f"{state.name}'" not in defined and graph.nodes[position] != Read(state.name, state.shape):
            raise AssertionError(f"cell '{cell.name}': no equation says what {state.name}' is")
    if graph.output not in graph.next_states and _output_name(graph) not in defined:
        raise AssertionError(f"cell '{cell.name}': no equation says what the output is")


def _output_name(graph: StepGraph) -> str:
    return dict(graph.names).get(graph.output, "y")


def _compare(cell: Cell, equations: tuple[Equation, ...], numbers: _Numbers) -> None:
    expected = _of_the_graph(cell, numbers)
    stored = {p.name: _whole(p, numbers.parameters[p.name]) for p in cell.graph.parameters}
    values = {**numbers.inputs, **numbers.states, **stored}
    gates = next((p.gates for p in cell.graph.parameters if p.gates), ())
    known = Known(values, constants_of(cell), gates, _CASE.units)
    for index, equation in enumerate(equations):
        try:
            with np.errstate(all="ignore"):
                value = values[equation.left] = evaluate(equation.expression, known)
        except CellError as error:
            raise AssertionError(f"cell '{cell.name}': equation `{equation.text}`: {error.message}") from None
        if any(e.left == equation.left for e in equations[index + 1 :]):
            continue  # the graph's name is that of the last
        parts = {f"{equation.left}_{gate}": part for gate, part in known.parts(value).items()}
        for name, found in {equation.left: value, **parts}.items():
            if name in expected and not _agree(found, expected[name]):
                raise AssertionError(
                    f"cell '{cell.name}', {numbers.where}: equation `{equation.text}` gives {name} = {_shown(found)}, "
                    f"the page computes {_shown(expected[name])}"
                )


def _of_the_graph(cell: Cell, numbers: _Numbers) -> dict[str, Array]:
    """Name → value of everything that the graph has a name for, and of its results."""
    recipe = parametrised(cell.graph)
    graph = recipe.graph
    stored = {n: torch.from_numpy(v) for n, v in numbers.parameters.items()}
    made = {n: v.numpy() for n, v in made_matrices(recipe, stored).items()}
    with np.errstate(all="ignore"):
        values = interpreter.evaluate(graph, {**numbers.inputs, **numbers.states}, {**numbers.parameters, **made})
    results = {f"{s.name}'": values[p] for s, p in zip(graph.states, graph.next_states, strict=True)}
    return {**made, _output_name(graph): values[graph.output], **{n: values[p] for p, n in graph.names}, **results}


def _agree(found: Array, expected: Array) -> bool:
    if np.shape(found) != np.shape(expected):
        return False
    asked = np.isfinite(expected)
    largest = np.max(np.abs(expected), where=asked, initial=0.0)
    with np.errstate(invalid="ignore"):
        off = np.abs(np.where(asked, found, 0.0) - np.where(asked, expected, 0.0))
    return bool(np.all(off <= RELATIVE_ERROR * largest))  # a NaN is not within anything


def _numbers_of(cell: Cell) -> Iterator[_Numbers]:
    """Parameters moved from where they start, with states of three kinds."""
    layer, graph = layer_of(cell, _CASE), cell.graph
    parameters = {p.name: getattr(layer, f"{p.name}_l0").detach().numpy() for p in graph.parameters}
    sizes, random = _CASE.sizes(graph), np.random.default_rng(7)
    reached = {n: v.numpy() for n, v in numbers_of(cell, _CASE).initial.items()}
    states = {
        "from states that it reaches": {n: v[0] for n, v in reached.items()},
        "from other such states": {n: v[1] for n, v in reached.items()},
        "from zero": {s.name: np.zeros(sizes[s.size]) for s in graph.states},
        "from random states": {s.name: random.normal(size=sizes[s.size]) for s in graph.states},
    }
    for where, values in states.items():
        inputs = {v.name: random.normal(size=sizes[v.size]) for v in graph.vector_inputs}
        inputs |= {v.name: np.float64(random.uniform(0.2, 1.2)) for v in graph.number_inputs}
        yield _Numbers(where, inputs, values, parameters)


def _whole(parameter: Parameter, stored: Array) -> Array:
    """A block-diagonal matrix, of each gate, with its zeros."""
    if not is_block_diagonal(parameter.shape):
        return stored
    height, width = _CASE.units, stored.shape[1]
    row, column = np.arange(len(stored))[:, None], np.arange(height)
    inside = (row % height) // width == column // width
    return np.where(inside, stored[:, column % width], 0.0)


def _shown(value: Array) -> str:
    """A value for people: one number, or the first of many."""
    numbers = [f"{v:.6g}" for v in np.ravel(value)[:3]]
    return f"[{', '.join(numbers)}, …]" if np.size(value) > 3 else ", ".join(numbers)
