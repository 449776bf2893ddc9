"""A page is read as it is written: names, sizes, gates, outputs."""

from pathlib import Path
from typing import Annotated

import numpy as np

from tests.lang.mgu_page import mgu
from unspool.cells import find_cell, load_cell_file
from unspool.ir import MATRICES, OPERATIONS, Apply, Parameter, Variable, check_graph, print_graph
from unspool.lang import (
    Blocks,
    Cell,
    Gates,
    Input,
    Map,
    Matrix,
    Output,
    PerStep,
    Scalar,
    Sized,
    State,
    Symbol,
    Vector,
    cell,
    functions,
    largest,
    layer_norm,
    maximum,
    mean,
    sigmoid,
    sign,
    softmax,
    tanh,
)
from unspool.testing.interpreter import step

Small = Annotated[Symbol, Sized("P")]
Heads = Annotated[Symbol, Blocks("N")]


def test_a_users_page_becomes_its_equations():
    assert print_graph(mgu.graph) == "\n".join(
        [
            "mgu: x [I], h [H] → h [H]",
            "W [2·H, I]  R [2·H, H]  b [2·H]   gates f n",
            "  f  = σ(W.f @ x + R.f @ h + b.f)",
            "  n  = tanh(W.n @ x + R.n @ (f ∘ h) + b.n)",
            "  h' = (1 − f) ∘ h + f ∘ n",
        ]
    )


def test_a_users_page_keeps_its_text():
    path = Path(__file__).with_name("mgu_page.py")
    assert mgu.page == path.read_text(encoding="utf-8")
    assert mgu.summary == "Minimal gated unit (MGU): one gate does the work of two"


def test_a_page_loaded_by_path_is_the_page_imported():
    path = Path(__file__).with_name("mgu_page.py")
    assert load_cell_file(path) == find_cell(f"{path}:mgu") == find_cell(mgu) == mgu


def test_each_word_declares_its_size():
    @cell(gates="a b")
    def words(
        x: Input,
        h: State,
        q: Small,
        *,
        W: Gates[Input],
        Q: Gates[Small],
        b: Gates,
        M: Matrix[Small],
        P: Map[State, Small],
        v: Vector,
        u: Vector[Small],
        s: Scalar,
    ) -> tuple[State, Small]:
        new = tanh(W.a @ x + W.b @ x + Q.a @ q + Q.b @ q + b.a + b.b + M @ q + v) * s
        return new, P @ new + u

    graph = check_graph(words.graph)
    assert graph.inputs == (Variable("x", "I"),)
    assert graph.states == (Variable("h", "H"), Variable("q", "P"))
    assert graph.parameters == (
        Parameter("W", ("H", "I"), ("a", "b")),
        Parameter("Q", ("H", "P"), ("a", "b")),
        Parameter("b", ("H",), ("a", "b")),
        Parameter("M", ("H", "P"), ()),
        Parameter("P", ("P", "H"), ()),
        Parameter("v", ("H",), ()),
        Parameter("u", ("P",), ()),
        Parameter("s", (), ()),
    )
    assert graph.sizes == {"I", "H", "P"}


def test_the_output_is_the_first_state_or_the_last_value_returned():
    @cell
    def plain(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return tanh(W @ x + h)

    @cell
    def read_out(x: Input, h: State, *, W: Matrix[Input]) -> tuple[State, Output]:
        h = tanh(W @ x + h)
        return h, 2 * h

    assert plain.graph.output == plain.graph.next_states[0]
    assert read_out.graph.output != read_out.graph.next_states[0]
    assert print_graph(read_out.graph).splitlines()[0] == "read_out: x [I], h [H] → h [H]; output [H]"


def test_only_the_next_value_of_a_state_gets_its_prime():
    @cell
    def shadowed(x: Input, h: State, *, W: Matrix[Input]) -> State:
        h = h + W @ x
        return tanh(h)

    lines = print_graph(shadowed.graph).splitlines()[2:]
    assert [line.split()[0] for line in lines].count("h'") == 1


def test_an_expression_is_kept_once():
    @cell
    def twice(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return sigmoid(W @ x + h) * (1 - sigmoid(W @ x + h))

    operations = [n.operation for n in twice.graph.nodes if isinstance(n, Apply)]
    assert operations.count("product") == operations.count("sigmoid") == 1


def test_numbers_stand_on_either_side():
    @cell
    def sides(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return maximum(0.5, np.float64(1) + h) - (2 - h) * 3 / (4 / (W @ x)) + maximum(h, 1) ** 2 + 1 - abs(-h)

    shown = print_graph(sides.graph).splitlines()[-1]
    assert shown == "  h' = max(0.5, 1 + h) − (2 − h) ∘ 3 / (4 / (W @ x)) + max(h, 1) ^ 2 + 1 − abs(−h)"


def test_every_function_has_its_operation():
    named = {n for n, f in vars(functions).items() if getattr(f, "__module__", "") == functions.__name__}
    simple = {n for n in named if not n.startswith("_")} - {"mean", "softmax", "layer_norm"}
    of_operators = {"add", "subtract", "multiply", "divide", "negate", "product", "power", "abs"}
    assert simple - {"total"} | {"sum", "size"} | of_operators == set(OPERATIONS) | set(MATRICES)


def test_functions_over_the_units_are_written_out():
    @cell
    def over_units(x: Input, h: State) -> tuple[State, Output]:
        return mean(h) * softmax(h) + sign(largest(h)), layer_norm(h, epsilon=0.5)

    h = np.array([3.0, 800.0, 799.0, -2.0])
    output, (following,) = step(over_units.graph, {"x": h}, [h], {})
    powers = np.exp(h - 800)
    np.testing.assert_allclose(following, 400 * powers / powers.sum() + 1, rtol=1e-14)
    np.testing.assert_allclose(output, (h - h.mean()) / np.sqrt(h.var() + 0.5), rtol=1e-14)


def test_a_product_with_all_gates_is_one_per_gate_and_normalised_together():
    @cell(gates="i o")
    def jointly(x: Input, h: State, *, R: Gates[State]) -> tuple[State, Output]:
        u = layer_norm(R @ h)
        return u.i, u.o

    R, h = np.arange(18.0).reshape(6, 3) ** 0.5, np.array([3.0, 1.0, -2.0])
    output, (following,) = step(jointly.graph, {"x": h}, [h], {"R": R})
    u = R @ h
    u = (u - u.mean()) / np.sqrt(u.var() + 1e-5)
    np.testing.assert_allclose(np.concatenate([following, output]), u, rtol=1e-13)
    assert [n for _, n in jointly.graph.names] == ["u_i", "u_o"]


def test_block_diagonal_matrices_and_numbers_per_step():
    @cell(gates="a b")
    def blocks(x: Input, dt: PerStep, h: State, *, W: Matrix[Input], R: Gates[Heads], K: Matrix[Heads]) -> State:
        return h + dt * tanh(W @ x + R.a @ h + R.b @ tanh(K @ h))

    graph = check_graph(blocks.graph)
    assert graph.inputs == (Variable("x", "I"), Variable("dt", ""))
    assert (graph.vector_inputs, graph.number_inputs) == ((Variable("x", "I"),), (Variable("dt", ""),))
    assert [p.shape for p in graph.parameters] == [("H", "I"), ("H", "H/N"), ("H", "H/N")]
    assert graph.sizes == {"I", "H", "N"}
    assert graph.divisions == {("H", "N")}
    assert print_graph(graph).splitlines()[:2] == [
        "blocks: x [I], dt [], h [H] → h [H]",
        "W [H, I]  R [2·H, H/N]  K [H, H/N]   gates a b",
    ]


def test_a_cell_from_a_graph_has_no_page():
    bare = Cell.from_graph(mgu.graph)
    assert (bare.name, bare.page, bare.summary) == ("mgu", "", "mgu")
    assert bare.graph is mgu.graph
