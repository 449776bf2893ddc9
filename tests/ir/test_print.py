"""What is printed is what is computed: the text, read back as Python, gives the graph's values."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.random_cells import SIZES, graphs, numbers_for
from unspool.cells import built_in
from unspool.ir import StepGraph, print_graph
from unspool.ir.print import expressions
from unspool.passes import as_run
from unspool.testing.interpreter import NUMPY, at_step, evaluate

SPELLED = {"−": "-", "∘": "*", "^": "**", "σ": "sigmoid", "max(": "np.maximum(", "min(": "np.minimum(", "'": "_next"}
EXACT = st.integers(0, 2**32 - 1)


class Parts:
    """`W.a` of a stored parameter."""

    def __init__(self, stored: np.ndarray, gates: tuple[str, ...]):
        self.__dict__.update((g, operand(part)) for g, part in zip(gates, np.split(stored, len(gates)), strict=True))


class Matrix:
    """`W @ x`, which a block-diagonal W does block by block."""

    def __init__(self, stored: np.ndarray):
        self.stored = stored

    def __matmul__(self, vector: np.ndarray) -> np.ndarray:
        return NUMPY["product"](self.stored, vector)


def operand(stored: np.ndarray) -> np.ndarray | Matrix:
    return Matrix(stored) if stored.ndim == 2 else stored


def read_back(graph: StepGraph, seed: int) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """The values by their printed equations, and the same by the interpreter."""
    numbers = numbers_for(graph, seed)
    reads = {
        **at_step(graph, numbers.inputs, 0, 0),
        **{s.name: v[0] for s, v in zip(graph.states, numbers.initial, strict=True)},
    }
    scope = {"np": np, **NUMPY, "total": NUMPY["sum"], **reads}
    for p in graph.parameters:
        stored = numbers.parameters[p.name]
        scope[p.name] = Parts(stored, p.gates) if p.gates else operand(stored)
    for name, text in expressions(graph):
        for written, python in SPELLED.items():
            name, text = name.replace(written, python), text.replace(written, python)
        scope[name] = eval(text, scope)  # noqa: S307 - the text under test
    return scope, evaluate(graph, reads, numbers.parameters)


@settings(max_examples=50)
@given(graph=graphs(), seed=EXACT)
def test_the_equations_of_a_random_cell(graph: StepGraph, seed: int):
    printed, values = read_back(graph, seed)
    for state, position in zip(graph.states, graph.next_states, strict=True):
        np.testing.assert_array_equal(printed[f"{state.name}_next"], values[position])
    if graph.output not in graph.next_states:
        np.testing.assert_array_equal(printed["output"], values[graph.output])


def test_the_equations_of_every_page():
    for cell in built_in().values():
        graph = as_run(cell.graph)
        printed, values = read_back(graph, 0)
        for state, position in zip(graph.states, graph.next_states, strict=True):
            np.testing.assert_array_equal(printed[f"{state.name}_next"], values[position])


def test_the_gru_reads_as_on_its_page():
    assert print_graph(built_in()["gru"].graph) == "\n".join(
        [
            "gru: x [I], h [H] → h [H]",
            "W [3·H, I]  R [3·H, H]  b [3·H]  bR [3·H]   gates r z n",
            "  r  = σ(W.r @ x + b.r + R.r @ h + bR.r)",
            "  z  = σ(W.z @ x + b.z + R.z @ h + bR.z)",
            "  n  = tanh(W.n @ x + b.n + r ∘ (R.n @ h + bR.n))",
            "  h' = (1 − z) ∘ n + z ∘ h",
        ]
    )


def test_sizes_differ_so_that_a_swapped_axis_is_seen():
    assert len(set(SIZES.values())) == len(SIZES)
