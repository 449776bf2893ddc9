"""What is wrong with a page is said with the cell, the file, the line and the mend."""

# The type checker refuses many of these pages too; here they are to be run.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOperatorIssue=false, reportUndefinedVariable=false

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

from unspool.errors import CellError
from unspool.lang import (
    Blocks,
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
    largest,
    layer_norm,
    maximum,
    softmax,
    tanh,
    total,
)

Page = Callable[..., Any]
Small = Annotated[Symbol, Sized("P")]
Heads = Annotated[Symbol, Blocks("N")]
W_x = Matrix[Input]


def branch(x: Input, h: State, *, W: W_x) -> Any:
    if h:
        return tanh(W @ x)  # never read
    return h


def comparison(x: Input, h: State, *, W: W_x) -> Any:
    y = W @ x
    return h if y > h else y


def equality(x: Input, h: State) -> Any:
    return h * 2 if h == 0 else h


def conjunction(x: Input, h: State) -> Any:
    return x and h


def wrong_size(x: Input, h: State, *, W: Matrix[State]) -> Any:
    a = tanh(h)
    return a + W @ x


def unlike_vectors(x: Input, h: State) -> Any:
    return x + h


def vector_at_matrix(x: Input, h: State, *, W: W_x) -> Any:
    return h @ W


def bare_matrix_in_a_sum(x: Input, h: State, *, W: W_x) -> Any:
    return W + h


def matrix_as_state(x: Input, h: State, *, W: W_x) -> Any:
    return 2 * W


def matrices_added(x: Input, h: State, *, W: W_x, V: Matrix[State]) -> Any:
    return h + (W + V) @ x


def no_state(x: Input, *, W: W_x) -> Any:
    return W @ x


def missing_next_state(x: Input, h: State, c: State, *, W: W_x) -> Any:
    return tanh(W @ x + h + c)


def too_many_values(x: Input, h: State, *, W: W_x) -> Any:
    return h, h, h


def returns_nothing(x: Input, h: State) -> Any:
    del x, h


def returns_a_number(x: Input, h: State) -> Any:
    return 0.0


def next_state_of_the_wrong_size(x: Input, h: State) -> Any:
    return tanh(x)


def number_as_output(x: Input, h: State, *, s: Scalar) -> Any:
    return h, s


def matrix_as_output(x: Input, h: State, *, W: W_x) -> Any:
    return h, W


def unknown_gate(x: Input, h: State, *, W: Gates[Input]) -> Any:
    a = W.a @ x
    return a + W.q @ x


def gate_left_out(x: Input, h: State, *, W: Gates[Input], b: Gates) -> Any:
    return tanh(b) + W.a @ x


def unannotated_argument(x: Input, h) -> Any:
    return h


def unannotated_parameter(x: Input, h: State, *, W) -> Any:
    return W @ x


def input_as_parameter(h: State, *, x: Input) -> Any:
    return h


def output_as_argument(x: Output, h: State) -> Any:
    return h


def starred(h: State, *rest: Input) -> Any:
    return h


def matrix_from_nowhere(x: Input, h: State, *, W: Matrix) -> Any:
    return h


def map_from_nowhere(x: Input, h: State, *, W: Map) -> Any:
    return h


def matrix_of_a_number(x: Input, h: State, *, W: Matrix[float]) -> Any:
    return h


def text(x: Input, h: State) -> Any:
    return h * "two"


def truth(x: Input, h: State) -> Any:
    return h * True


def array(x: Input, h: State) -> Any:
    return h + np.ones(3)


def array_first(x: Input, h: State) -> Any:
    return np.ones(3) * h


def a_list(x: Input, h: State, c: State) -> Any:
    return [h, c]


def pythons_own_function(x: Input, h: State) -> Any:
    return math.tanh(h)


def function_of_a_number(x: Input, h: State) -> Any:
    return h + tanh(0.5)


def power_of_a_number(x: Input, h: State) -> Any:
    return 2**h


def larger_of_numbers(x: Input, h: State) -> Any:
    return h + maximum(1.0, 2.0)


def shape(x: Input, h: State) -> Any:
    return h * h.shape[0]


def first_unit(x: Input, h: State) -> Any:
    return h[0]


def over_units(x: Input, h: State) -> Any:
    return sum(unit for unit in h)


def total_of_a_number(x: Input, h: State, *, s: Scalar) -> Any:
    return h + total(s)


def largest_of_a_matrix(x: Input, h: State, *, W: W_x) -> Any:
    return h + largest(W)


def softmax_of_gates(x: Input, h: State, *, W: Gates[Input]) -> Any:
    return softmax(W @ x)


def gates_of_biases(x: Input, h: State, *, b: Gates) -> Any:
    return h + (b @ h).a


def product_with_all_gates_lacks_one(x: Input, h: State, *, R: Gates[State]) -> Any:
    u = layer_norm(R @ h)
    return u.q


def blocks_of_the_input(x: Input, h: State, *, W: Matrix[Heads]) -> Any:
    return W @ x


def map_of_blocks(x: Input, h: State, *, W: Map[Heads, State]) -> Any:
    return W @ h


def vector_of_blocks(x: Input, h: State, *, v: Vector[Heads]) -> Any:
    return h + v


def blocks_as_state(x: Input, h: Heads) -> Any:
    return h


def number_as_next_state(x: Input, dt: PerStep, h: State) -> Any:
    return dt * 2


def unreadable_annotation(x: Input, h: "Unheard", *, v: Vector) -> Any:
    return h


CASES: list[tuple[Page, str, str, str | None]] = [
    # page, gates, what the message says, the line it points to (None: the whole page)
    (branch, "", "cannot branch on a value", "if h:"),
    (comparison, "", "cannot branch on a value", "if y > h"),
    (equality, "", "cannot branch on a value", "h == 0"),
    (conjunction, "", "cannot branch on a value", "x and h"),
    (wrong_size, "", r"\[H, H\] @ \[I\] does not fit", "a + W @ x"),
    (unlike_vectors, "", r"add: \[I\] and \[H\] cannot be combined", "x + h"),
    (vector_at_matrix, "", r"\[H\] @ \[H, I\] does not fit", "h @ W"),
    (bare_matrix_in_a_sum, "", r"\[H, I\] and \[H\] cannot be combined", "W + h"),
    (matrix_as_state, "", "the next h is not a vector of size", None),
    (matrices_added, "", r"add: \[H, I\] and \[H, H\] cannot be combined", "W + V"),
    (no_state, "", "no State among the arguments", None),
    (missing_next_state, "", r"returns 1 value\(s\); the next value of h, c is expected", None),
    (too_many_values, "", r"returns 3 value\(s\)", None),
    (returns_nothing, "", "it returns nothing", None),
    (returns_a_number, "", r"it returns 0\.0", None),
    (next_state_of_the_wrong_size, "", r"the next h is not a vector of size \[H\]", None),
    (number_as_output, "", "the output is not a vector", None),
    (matrix_as_output, "", "the output is not a vector", None),
    (unknown_gate, "a b", r"W\.q: there is no gate 'q'", "W.q @ x"),
    (gate_left_out, "a b", r"tanh of b \(of gates a b\)", "tanh(b)"),
    (unknown_gate, "", "'W' is per gate, but the cell declares none", None),
    (unknown_gate, "a a", "a gate is declared twice", None),
    (unannotated_argument, "", "argument 'h' is neither an Input nor a State", None),
    (unannotated_parameter, "", "'W' is not annotated as", None),
    (input_as_parameter, "", "'x' is not annotated as", None),
    (output_as_argument, "", "argument 'x' is neither an Input nor a State", None),
    (starred, "", "argument 'rest' is neither an Input nor a State", None),
    (matrix_from_nowhere, "", "Matrix does not say from what to what", None),
    (map_from_nowhere, "", "Map does not say from what to what", None),
    (matrix_of_a_number, "", "Matrix does not say from what to what", None),
    (text, "", "multiply: 'two' is not something", 'h * "two"'),
    (truth, "", "multiply: True is not something", "h * True"),
    (array, "", "add: .* is not something", "np.ones"),
    (array_first, "", "multiply: .* is not something", "np.ones"),
    (a_list, "", r"returns \[value \[H\], value \[H\]\]; the next value of h, c", None),
    (pythons_own_function, "", "the page cannot be computed", "math.tanh"),
    (function_of_a_number, "", r"tanh of 0\.5: no input", "tanh(0.5)"),
    (power_of_a_number, "", "the page cannot be computed", "2**h"),
    (larger_of_numbers, "", r"maximum of 1\.0, 2\.0: no input", "maximum(1.0"),
    (shape, "", "no attribute 'shape'", "h.shape"),
    (first_unit, "", "the page cannot be computed", "h[0]"),
    (over_units, "", "the page cannot be computed", "in h"),
    (total_of_a_number, "", "sum: number has no units", "total(s)"),
    (largest_of_a_matrix, "", r"largest: \[H, I\] has no units", "largest(W)"),
    (softmax_of_gates, "a b", r"largest of \(W @ …\) \(of gates a b\)", "softmax(W @ x)"),
    (gates_of_biases, "a b", r"\[H\] @ \[H\] does not fit", "b @ h"),
    (product_with_all_gates_lacks_one, "a b", r"layer_norm\(\(R @ …\)\)\.q: there is no gate 'q'", "u.q"),
    (blocks_of_the_input, "", r"\[H, H/N\] @ \[I\] does not fit", "W @ x"),
    (map_of_blocks, "", "'W': Map cannot be block-diagonal", None),
    (vector_of_blocks, "", "'v': Vector cannot be block-diagonal", None),
    (blocks_as_state, "", "argument 'h' is neither an Input nor a State", None),
    (number_as_next_state, "", r"the next h is not a vector of size \[H\]", None),
    (unreadable_annotation, "", "'Unheard' is not defined", None),
]


@pytest.mark.parametrize(
    ("page", "gates", "says", "points_to"), CASES, ids=[f"{page.__name__}-{gates}" for page, gates, *_ in CASES]
)
def test_a_bad_page_is_refused_with_its_place(page: Page, gates: str, says: str, points_to: str | None):
    with pytest.raises(CellError, match=says) as caught:
        cell(gates=gates)(page)
    message = caught.value.message
    assert message.startswith(f"cell '{page.__name__}' ({__file__}, line ")
    line = int(message.partition("line ")[2].partition(")")[0])
    source, first = inspect.getsourcelines(page)
    assert (line == first) if points_to is None else (points_to in source[line - first])
    assert "<unspool" not in str(caught.value)  # no object's address


@pytest.mark.parametrize("page", [branch, wrong_size, unknown_gate, missing_next_state, function_of_a_number])
def test_an_error_has_a_hint(page: Page):
    with pytest.raises(CellError) as caught:
        cell(gates="a b")(page)
    assert caught.value.hint


FILES = {
    "absent.py": (None, "does not exist"),
    "empty.py": ("", "several cells or none"),
    "broken.py": ("def (", "fails: SyntaxError"),
    "failing.py": ("1 / 0", "fails: ZeroDivisionError"),
    "bad.py": (
        "from unspool.lang import Input, State, cell\n\n@cell\ndef bad(x: Input, h: State):\n    return x\n",
        r"cell 'bad' \(.*bad\.py, line 3\): the next h is not",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_refused(name: str, tmp_path: Path):
    from unspool.cells import load_cell_file

    content, says = FILES[name]
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(CellError, match=says):
        load_cell_file(tmp_path / name)


def test_a_file_with_several_cells_wants_a_name(tmp_path: Path):
    from unspool.cells import find_cell
    from unspool.cells.gru import gru

    path = tmp_path / "two.py"
    page = "from unspool.cells.gru import gru\nfrom unspool.lang import Input, State, cell\n"
    path.write_text(page + "@cell\ndef one(x: Input, h: State):\n    return h\n", encoding="utf-8")
    assert find_cell(str(path)).name == "one"  # gru is imported, not written here
    assert find_cell(f"{path}:gru") == gru
    path.write_text(path.read_text(encoding="utf-8") + "@cell\ndef two(x: Input, h: State):\n    return h\n", "utf-8")
    with pytest.raises(CellError, match="several cells") as caught:
        find_cell(str(path))
    assert "one, two" in str(caught.value.hint)
    with pytest.raises(CellError, match="no cell 'three'"):
        find_cell(f"{path}:three")


@pytest.mark.parametrize(("name", "near"), [("gruu", "did you mean 'gru'"), ("lstm_project", "lstm_projection")])
def test_an_unknown_cell_names_the_nearest(name: str, near: str):
    from unspool.cells import find_cell

    with pytest.raises(CellError, match=f"unknown cell '{name}'") as caught:
        find_cell(name)
    assert near in str(caught.value.hint)
