"""The equations of a page are those that it computes, and a page whose equations are wrong is found out."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import expm

from unspool.cells import built_in, find_cell, load_cell_file
from unspool.errors import CellError
from unspool.lang import Cell
from unspool.lang.equations import equations_of, read_expression
from unspool.testing.arithmetic import evaluate
from unspool.testing.equations import check_equations
from unspool.testing.known import Known

PAGES = list(built_in().values())


@pytest.mark.parametrize("cell", PAGES, ids=lambda c: c.name)
def test_the_equations_of_a_page_are_what_it_computes(cell: Cell):
    assert equations_of(cell)
    check_equations(cell)


def rewritten(cell: Cell, old: str, new: str) -> Cell:
    """The same cell with another docstring."""
    block = cell.page.split("\n\n")[1]
    assert block.count(old) == 1
    return replace(cell, page=cell.page.replace(block, block.replace(old, new), 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "equation"),
    [
        ("gru", "(1 − z) ∘ n + z ∘ h", "(1 − z) ∘ n − z ∘ h", "h'"),
        ("gru", "σ(W_z x + b_z + R_z h + bR_z)", "σ(W_z x + b_z + R_z h)", "z"),
        ("gru", "(1 − z) ∘ n + z ∘ h", "(1 − z) ∘ h + z ∘ n", "h'"),
        ("gru", "σ(W_r x + b_r + R_r h + bR_r)", "σ(W_r x + b_r + R_z h + bR_r)", "r"),
        ("gru", "r ∘ (R_n h + bR_n)", "R_n (r ∘ h) + bR_n", "n"),
        ("lstm", "o ∘ tanh(c')", "o ∘ tanh(c)", "h'"),
        ("lstm_peephole", "p_o ∘ c')", "p_o ∘ c)", "o"),
        ("lstm_layernorm", "u  = LN(R h)", "u  = R h", "u_i"),
        ("lstm_layernorm", "LN(c')", "LN(c', 1e-3)", "h'"),
        ("cornn", "γ y − ε z", "ε y − γ z", "z'"),
        ("exprnn", "expm(A − Aᵀ)", "expm(Aᵀ − A)", "U"),
        ("antisymmetric", "M − Mᵀ − gamma I", "M − Mᵀ + gamma I", "K"),
        ("slstm", "relu(d − a)  ", "|d − a|  ", "m'"),
        ("shunting", "0.25 + p", "0.250001 + p", "f"),
    ],
)
def test_a_wrong_equation_is_found(name: str, old: str, new: str, equation: str):
    with pytest.raises(
        AssertionError, match=rf"^cell '{name}', from .* equation `{equation[:1]}.*` gives {equation} = "
    ):
        check_equations(rewritten(find_cell(name), old, new))


def mistakes(cell: Cell) -> Iterator[str]:
    """Pages with one mistake in one equation: a sign, a gate, a function, or a prime left out."""
    gates = next((p.gates for p in cell.graph.parameters if p.gates), ())
    other = {"+": "−", "−": "+", "tanh": "σ", "σ": "tanh", "'": ""}
    other |= {f"_{gate}": f"_{following}" for gate, following in zip(gates, gates[1:] + gates[:1], strict=True)}
    for equation in equations_of(cell):
        left, _, right = equation.text.partition("=")
        for sign in re.finditer(r"(?<=\w |[\w)] )[+−]|_[a-z]\b|tanh|σ|'", right):
            if other.get(sign[0], sign[0]) != sign[0]:
                wrong = f"{left}={right[: sign.start()]}{other[sign[0]]}{right[sign.end() :]}"
                yield cell.page.replace(f"    {equation.text}", f"    {wrong}", 1)


@pytest.mark.parametrize("cell", PAGES, ids=lambda c: c.name)
def test_every_sign_gate_function_and_prime_of_a_page_counts(cell: Cell):
    for page in mistakes(cell):
        assert page != cell.page
        with pytest.raises(AssertionError):
            check_equations(replace(cell, page=page))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("h' = (1", "h = (1", "cell 'gru': no equation says what h' is"),
        ("z ∘ h", "q ∘ h", "equation `h' = (1 − z) ∘ n + q ∘ h`: q is not known here"),
        ("z ∘ h", "z ∘ h'", "h' is not known here"),
        ("z ∘ h", "z h", "a vector [9] and [9] stand side by side"),
        ("z ∘ h", "z ∘ x", "[9] ∘ [5] does not fit"),
        ("R_n h + bR_n", "R_n x + bR_n", "a matrix [9, 9] does not fit [5]"),
        ("R_n h + bR_n", "R_q h + bR_n", "R_q is not known here"),
        ("R_n h + bR_n", "R h + bR_n", "[27] + [9] does not fit"),
        ("R_n h + bR_n", "(R_n + 1) h + bR_n", "a matrix + a numbe"),
        ("R_n h + bR_n", "R_n² h + bR_n", "a power is of a number or a vecto"),
        ("R_n h + bR_n", "R_n hᵀ + bR_n", "ᵀ is of a matrix"),
        ("R_n h + bR_n", "z_n + bR_n", "z_n is not known here"),
    ],
)
def test_an_equation_that_makes_no_sense_is_found(old: str, new: str, message: str):
    with pytest.raises(AssertionError, match=re.escape(message)):
        check_equations(rewritten(find_cell("gru"), old, new))


def test_an_equation_that_cannot_be_read_is_an_error():
    with pytest.raises(CellError, match="cell 'gru': equation"):
        check_equations(rewritten(find_cell("gru"), "z ∘ h", "z ∘"))


def test_a_page_without_equations_passes():
    check_equations(Cell.from_graph(find_cell("gru").graph))


PAGE = '''"""A cell with an output, whose state stays.

    v = {v}
    k = {k}
    y = P v

State: one vector [H].
"""
from typing import Annotated

from unspool.lang import Gates, Input, Map, Output, PerStep, Sized, State, Symbol, cell, softmax

DT = 0.5
Small = Annotated[Symbol, Sized("P")]


@cell(gates="a b")
def held(
    x: Input, h: State, s: Small, dt: PerStep = 1.0, *, W: Gates[Input], R: Gates[State], b: Gates, P: Map[State, Small]
) -> tuple[State, Small, Output]:
    v = DT * (W.a @ x) + dt * (R.b @ h)
    k = softmax(v)
    return h, s, P @ v
'''


def held(folder: Path, v: str, k: str, output: str = "y = P v") -> Cell:
    path = folder / "page.py"
    path.write_text(PAGE.format(v=v, k=k).replace("y = P v", output), encoding="utf-8")
    return load_cell_file(path)


def test_constants_outputs_numbers_per_step_and_states_that_stay(tmp_path: Path):
    right = "Δt (W_a x) + dt R_b h"
    check_equations(held(tmp_path, right, "softmax(v)"))
    check_equations(held(tmp_path, "0.5 W_a x + dt ∘ R_b h", "softmax(v)"))
    with pytest.raises(AssertionError, match="gives y = "):
        check_equations(held(tmp_path, right, "softmax(v)", "y = P (2 v)"))
    with pytest.raises(AssertionError, match="gives v = "):
        check_equations(held(tmp_path, "dt (W_a x) + Δt R_b h", "softmax(v)"))
    with pytest.raises(AssertionError, match="no equation says what the output is"):
        check_equations(held(tmp_path, right, "softmax(v)", "z = P v"))


@pytest.mark.parametrize(
    ("body", "equation", "where"),
    [
        ("sign(h) ** 2 + 1", "exp(0 h) + 1", "from zero: "),
        ("abs(h)", "h", "from random states: "),
        ("0 * h", "0", "from states that it reaches: .* gives h' = 0, the page computes \\[0, 0, 0, …\\]"),
    ],
)
def test_a_difference_is_found_wherever_it_lies(tmp_path: Path, body: str, equation: str, where: str):
    path = tmp_path / "page.py"
    path.write_text(
        f'"""A cell.\n\n    h\' = {equation}\n\nState: one vector [H].\n"""\n\n'
        "from unspool.lang import Input, State, cell, sign\n\n\n"
        f"@cell\ndef mine(x: Input, h: State) -> State:\n    return {body}\n",
        encoding="utf-8",
    )
    with pytest.raises(AssertionError, match=where):
        check_equations(load_cell_file(path))


V = np.array([0.3, -1.2, 2.0])
M = np.array([[0.1, -2.0, 0.4], [1.0, 0.3, -0.7], [0.0, 5.0, 0.2]])
KNOWN = Known({"v": V, "M": M, "u": np.arange(6.0), "p_a": V + 1, "tau": V + 2}, {"EPSILON": 0.1}, ("a", "b"), 3)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("σ(v)", 1 / (1 + np.exp(-V))),
        ("relu(v) + |v|", np.where(V > 0, 2 * V, -V)),
        ("softplus(v)", np.log(1 + np.exp(V))),
        ("expm(M)", expm(M)),
        ("expm(0.001 M)", expm(M / 1000)),
        ("expm(0 M)", np.eye(3)),
        ("M Mᵀ − ε I", M @ M.T - np.diag([0.1] * 3)),
        ("(M ∘ M) v", (M * M) @ V),
        ("max(v, 0) − min(v, 1)", np.maximum(V, 0) - np.minimum(V, 1)),
        ("mean(v) + total(v) − largest(v)", V.mean() + V.sum() - 2.0),
        ("softmax(v)", np.exp(V) / np.exp(V).sum()),
        ("LN(v)", (V - V.mean()) / np.sqrt(((V - V.mean()) ** 2).mean() + 1e-5)),
        ("exp(log(v²)) − sqrt(v ** 2)", V**2 - np.abs(V)),
        ("sin(v)² + cos(v)²", np.ones(3)),
        ("sign(v) ∘ v⁻¹", 1 / np.abs(V)),
        ("u_a − u_b + p_a", np.full(3, -3.0) + V + 1),
        ("τ / 2", (V + 2) / 2),
        ("−v / 2 v", np.full(3, -0.5)),
    ],
)
def test_the_arithmetic_is_numpys(text: str, value: np.ndarray):
    np.testing.assert_allclose(evaluate(read_expression(text), KNOWN), value, rtol=1e-13, atol=1e-15)


def test_large_arguments_do_not_overflow():
    known = Known({"v": np.array([-800.0, 0.0, 800.0])}, {}, (), 3)
    assert evaluate(read_expression("σ(v)"), known).tolist() == [0.0, 0.5, 1.0]
    assert evaluate(read_expression("softplus(v)"), known).tolist() == [0.0, np.log(2), 800.0]
