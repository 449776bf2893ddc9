"""The equations of a docstring are read as they are written, and what cannot be read is quoted."""

from pathlib import Path

import pytest

from unspool.cells import built_in, load_cell_file
from unspool.errors import CellError
from unspool.lang import Cell
from unspool.lang.equations import (
    Binary,
    Bracket,
    Call,
    Name,
    Negate,
    Number,
    Power,
    Transpose,
    constants_of,
    equations_of,
    latin,
    read_equation,
    read_expression,
)

a, b, c, W, x = (Name(letter) for letter in "abcWx")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a − b + c", Binary("+", Binary("−", a, b), c)),
        ("a - b", Binary("−", a, b)),
        ("−a + b", Binary("+", Negate(a), b)),
        ("−a ∘ b", Negate(Binary("∘", a, b))),
        ("a + b ∘ c", Binary("+", a, Binary("∘", b, c))),
        ("a ∘ b / c", Binary("/", Binary("∘", a, b), c)),
        ("a ∘ W x", Binary("∘", a, Binary("@", W, x))),
        ("a / W x", Binary("/", a, Binary("@", W, x))),
        ("a b c", Binary("@", Binary("@", a, b), c)),
        ("2 x", Binary("@", Number("2"), x)),
        ("W (a + b)", Binary("@", W, Bracket(Binary("+", a, b)))),
        ("[a + b] c", Binary("@", Bracket(Binary("+", a, b), "["), c)),
        ("W tanh(x)", Binary("@", W, Call("tanh", (x,)))),
        ("a |b| c", Binary("@", Binary("@", a, Call("abs", (b,))), c)),
        ("|a − |b||", Call("abs", (Binary("−", a, Call("abs", (b,))),))),
        ("max(a, b + c)", Call("max", (a, Binary("+", b, c)))),
        ("LN(W x)", Call("LN", (Binary("@", W, x),))),
        ("LN(x, 1e-3)", Call("LN", (x, Number("1e-3")))),
        ("a²", Power(a, Number("2"))),
        ("a⁻¹", Power(a, Negate(Number("1")))),
        ("tanh(a) ** 2", Power(Call("tanh", (a,)), Number("2"))),
        ("a ^ −2", Power(a, Negate(Number("2")))),
        ("−a²", Negate(Power(a, Number("2")))),
        ("W − Wᵀ", Binary("−", W, Transpose(W))),
        ("(W W)ᵀ x", Binary("@", Transpose(Bracket(Binary("@", W, W))), x)),
        ("c' + c", Binary("+", Name("c", is_next=True), c)),
        ("c′", Name("c", is_next=True)),
        ("Δt γ", Binary("@", Name("Δt"), Name("γ"))),
        ("total", Name("total")),
        ("total (a)", Call("total", (a,))),
        ("0.25 + 1e-5", Binary("+", Number("0.25"), Number("1e-5"))),
        ("0.5 a", Binary("@", Number("0.5"), a)),
    ],
)
def test_an_expression_is_read(text: str, tree: object):
    assert read_expression(text) == tree


def test_a_name_has_a_base_and_a_subscript():
    name = read_expression("bR_r")
    assert isinstance(name, Name)
    assert (name.base, name.subscript, str(name)) == ("bR", "r", "bR_r")
    assert Name("b").subscript == ""


def test_a_number_has_its_value():
    assert [Number(text).value for text in ("2", "0.25", "1e-5")] == [2.0, 0.25, 1e-5]
    assert read_expression("1e−5") == Number("1e-5")


def test_a_line_is_a_name_an_expression_and_a_remark():
    equation = read_equation("    h'  = a + b   what it is,  and = more  ")
    assert (equation.name, equation.is_next, equation.left) == ("h", True, "h'")
    assert equation.expression == Binary("+", a, b)
    assert equation.remark == "what it is,  and = more"
    assert equation.text == "h'  = a + b"
    assert read_equation("h = a").remark == ""


@pytest.mark.parametrize(
    ("line", "column", "why"),
    [
        ("h = a +", 8, "a value is expected before the end"),
        ("h = a + + b", 9, "a value is expected before '+'"),
        ("h' = (a + b", 12, "')' is expected before the end"),
        ("h' = [a + b)", 12, "']' is expected before ')'"),
        ("h = a + b)", 10, "')' is not expected here"),
        ("h = |a + b", 11, "'|' is expected before the end"),
        ("h = (a, b)", 7, "')' is expected before ','"),
        ("h = max(a)", 8, "max(…) with 1 in the brackets, where 2 belong"),
        ("h = tanh()", 10, "a value is expected before ')'"),
        ("h = a 2", 7, "'2' is not expected here"),
        ("h = a @ b", 7, "'@' is not a sign of the equations"),
        ("h = a ? b  remark", 7, "'?' is not a sign of the equations"),
        ("h, c = a", 1, "an equation begins with a name and ="),
        ("h + c", 1, "an equation begins with a name and ="),
    ],
)
def test_what_cannot_be_read_is_quoted(line: str, column: int, why: str):
    with pytest.raises(CellError) as error:
        read_equation(line)
    text = line.removesuffix("  remark")
    assert error.value.message == f"equation `{text}`, column {column}: {why}"


PAGE = '''"""A cell.

    g  = σ(W x)  a gate
    h' = g ∘ h

State: one vector [H].
"""
from unspool.lang import Input, Matrix, State, cell, sigmoid, tanh


@cell
def one(x: Input, h: State, *, W: Matrix[Input]) -> State:
    g = sigmoid(W @ x)
    return g * h
'''

SECOND = '''

@cell
def two(x: Input, h: State, *, W: Matrix[Input]) -> State:
    """Another.

        h' = tanh(W x)

    """
    return tanh(W @ x)
'''


def written(folder: Path, text: str, name: str) -> Cell:
    path = folder / "page.py"
    path.write_text(text, encoding="utf-8")
    return load_cell_file(path, name)


def lines(cell: Cell) -> list[str]:
    return [equation.text for equation in equations_of(cell)]


def test_the_block_is_the_pages(tmp_path: Path):
    assert lines(written(tmp_path, PAGE, "one")) == ["g  = σ(W x)", "h' = g ∘ h"]


def test_of_several_cells_each_has_the_block_of_its_function(tmp_path: Path):
    assert lines(written(tmp_path, PAGE + SECOND, "two")) == ["h' = tanh(W x)"]
    assert lines(written(tmp_path, PAGE + SECOND, "one")) == []


def test_a_functions_own_block_goes_before_the_pages(tmp_path: Path):
    text = PAGE.replace("    g = sig", '    """One.\n\n        h\' = h\n    """\n    g = sig')
    assert lines(written(tmp_path, text, "one")) == ["h' = h"]


def test_a_function_alone_may_be_indented(tmp_path: Path):
    inner = SECOND.strip().replace("\n", "\n    ")
    graph = written(tmp_path, PAGE + SECOND, "two").graph
    assert lines(Cell("two", graph, f"    {inner}\n")) == ["h' = tanh(W x)"]


def test_without_a_block_there_are_no_equations(tmp_path: Path):
    cell = written(tmp_path, PAGE.replace("    g  = ", "  g  = "), "one")
    assert equations_of(cell) == equations_of(Cell.from_graph(cell.graph)) == ()
    example = PAGE.replace("g  = σ(W x)  a gate", ">>> layer(x)").replace("h' = g ∘ h", "tensor(…)")
    assert equations_of(written(tmp_path, example, "one")) == ()
    assert equations_of(written(tmp_path, PAGE.split('"""')[2], "one")) == ()


def test_the_message_names_the_cell(tmp_path: Path):
    with pytest.raises(CellError, match=r"^cell 'one': equation `h' = g ∘`, column 9: a value is expected"):
        equations_of(written(tmp_path, PAGE.replace("h' = g ∘ h", "h' = g ∘"), "one"))


@pytest.mark.parametrize("cell", built_in().values(), ids=lambda c: c.name)
def test_every_page_states_equations(cell: Cell):
    found = equations_of(cell)
    assert {e.name for e in found if e.is_next} <= {s.name for s in cell.graph.states}
    assert any(e.is_next for e in found)


def test_constants_are_read_off_the_page(tmp_path: Path):
    text = 'DT, GAMMA = 0.042, 2.7\nHALF: float = DT / 2\nBELOW = -HALF ** 2 + 1\nNAME, FLAG = "a", True\nD = f(1)\n'
    graph = written(tmp_path, PAGE, "one").graph
    found = constants_of(Cell("one", graph, text))
    assert found == {"DT": 0.042, "GAMMA": 2.7, "HALF": 0.021, "BELOW": 1 - 0.021**2}
    assert constants_of(Cell.from_graph(graph)) == {}


def test_letters_have_names():
    assert latin("γ") == ("γ", "gamma", "GAMMA")
    assert latin("Δt") == ("Δt", "dt", "DT")
    assert latin("alpha") == ("alpha", "ALPHA")
    assert latin("c") == ("c",)
    assert set(latin("λ")) >= {"lambda", "lam"}
