"""A page's equations as MathML: well formed, complete, and in the form in which papers print them."""

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from unspool.cells import built_in, find_cell, load_cell_file
from unspool.lang import Cell
from unspool.lang.equations import equations_of, read_expression
from unspool.report.mathematics import equations_html, mathematics
from unspool.report.mathml import math

CORE = {"math", "mrow", "mi", "mn", "mo", "msub", "msup", "mfrac", "msqrt"}
"""Elements that every browser with MathML Core draws."""


def flat(element: Element) -> str:
    """A formula as text: sub- and superscripts behind _ and ^, fractions and roots in braces."""
    parts = [flat(child) for child in element]
    match element.tag:
        case "msub":
            return f"{parts[0]}_{parts[1]}"
        case "msup":
            return f"{parts[0]}^{parts[1]}"
        case "mfrac":
            return f"{{{parts[0]} over {parts[1]}}}"
        case "msqrt":
            return f"√{{{''.join(parts)}}}"
        case "mrow" | "math":
            return "".join(parts)
        case _:
            return (element.text or "").replace("\u2061", "").replace("\u2062", " ")


def shown(text: str) -> str:
    return flat(fromstring(math(read_expression(text))))


@pytest.mark.parametrize(
    ("name", "formulae"),
    [
        (
            "gru",
            [
                ("r", "σ(W_r x+b_r+R_r h+b_R,r)", "reset gate"),
                ("z", "σ(W_z x+b_z+R_z h+b_R,z)", "update gate"),
                ("n", "tanh(W_n x+b_n+r⊙(R_n h+b_R,n))", "candidate"),
                ("h′", "(1−z)⊙n+z⊙h", ""),
            ],
        ),
        (
            "plrnn",
            [("z′", "A⊙z+W ReLU(z)+C x+b", "")],
        ),
        (
            "antisymmetric",
            [
                ("K", "M−M^T−γ I", "eigenvalues on −γ + i ℝ"),
                ("h′", "h+ε tanh(W x+b+K h)", ""),
            ],
        ),
    ],
)
def test_a_page_as_mathematics(name: str, formulae: list[tuple[str, str, str]]):
    lines = mathematics(find_cell(name))
    assert [(flat(fromstring(n.left)), flat(fromstring(n.right)), n.remark) for n in lines] == formulae


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("(a + b) / (1 + c)", "{a+b over 1+c}"),
        ("x + (a / b) ∘ c", "x+{a over b}⊙c"),
        ("(a / b)²", "(a/b)^2"),
        ("(a b / (c + d)) ** 2", "({a b over c+d})^2"),
        ("min(dt / tau, 1)", "min(dt/τ,1)"),
        ("tanh(a / (b + c))", "tanh({a over b+c})"),
        ("a / (b / c + 1)", "{a over b/c+1}"),
        ("exp(−a ** (b / c))", "exp(−a^(b/c))"),
        ("sqrt(1 − a²)", "√{1−a^2}"),
        ("|a − b|", "|a−b|"),
        ("[a + b] c", "[a+b] c"),
        ("expm(A − Aᵀ) h", "exp(A−A^T) h"),
        ("max(relu(a), 0) + total(b) / largest(c)", "max(ReLU(a),0)+{sum(b) over max(c)}"),
        ("W1 h + sA + bm + mask", "W_1 h+s_A+b_m+mask"),
        ("W1_r + tau_h + lam + Δt", "W_1,r+τ_h+λ+Δt"),
        ("LN(v, 1e-5) + 2.5e3", "LN(v,10^−5)+2.5×10^3"),
        ("−(a + b')", "−(a+b′)"),
    ],
)
def test_how_expressions_are_printed(text: str, formula: str):
    assert shown(text) == formula


def test_one_letter_is_italic_and_words_are_upright():
    letters = fromstring(math(read_expression("σ(W_r mask) + tanh(Δt)"))).iter("mi")
    assert [(e.text, e.get("mathvariant")) for e in letters] == [
        ("σ", "normal"), ("W", None), ("r", None), ("mask", "normal"), ("tanh", "normal"), ("Δ", "normal"), ("t", None)
    ]  # fmt: skip


@pytest.mark.parametrize("cell", built_in().values(), ids=lambda c: c.name)
def test_every_page_is_one_well_formed_element(cell: Cell):
    html = equations_html(cell)
    page = fromstring(html)
    rows = list(page.iter("tr"))
    assert len(rows) == len(equations_of(cell))
    assert all(len(row) == 4 and row[1][0][0].text == "=" for row in rows)
    assert {e.tag for m in page.iter("math") for e in m.iter()} <= CORE
    assert "\n\n" not in html
    assert not {"script", "link", "img"} & {e.tag for e in page.iter()}
    assert "url(" not in html
    assert "//" not in html


def test_remarks_are_text(tmp_path: Path):
    path = tmp_path / "page.py"
    path.write_text(
        '"""A cell.\n\n    h\' = tanh(h)  a <b> & "c": h\' ∘ h, units\' h\n\nState: h.\n"""\n'
        "from unspool.lang import State, cell, tanh\n\n\n@cell\ndef mine(h: State) -> State:\n    return tanh(h)\n",
        encoding="utf-8",
    )
    (row,) = fromstring(equations_html(load_cell_file(path))).iter("tr")
    assert row[3].text == 'a <b> & "c": h′ ⊙ h, units\' h'


def test_a_page_without_equations_has_no_mathematics():
    bare = Cell.from_graph(find_cell("gru").graph)
    assert (mathematics(bare), equations_html(bare)) == ((), "")
