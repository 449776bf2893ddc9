"""A page is read as it is written: names, sizes, gates, outputs."""

from pathlib import Path
from typing import Annotated

import numpy as np

from tests.lang.mgu_page import mgu
from unspool.cells import find_cell, load_cell_file
from unspool.ir import OPERATIONS, Apply, Parameter, Variable, check_graph, print_graph
from unspool.lang import (
    Cell,
    Gates,
    Input,
    Map,
    Matrix,
    Output,
    Scalar,
    Sized,
    State,
    Symbol,
    Vector,
    cell,
    functions,
    maximum,
    sigmoid,
    tanh,
)

Small = Annotated[Symbol, Sized("P")]


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
    assert named - {"_apply"} <= set(OPERATIONS)


def test_a_cell_from_a_graph_has_no_page():
    bare = Cell.from_graph(mgu.graph)
    assert (bare.name, bare.page, bare.summary) == ("mgu", "", "mgu")
    assert bare.graph is mgu.graph
