"""`unspool show CELL`: the page, the graph, the plan."""

import re
from pathlib import Path

import pytest

from tests.cli.running import run
from unspool.cells import built_in

MGU = Path(__file__).parents[1] / "forecast" / "mgu_page.py"


@pytest.mark.parametrize("name", [*built_in(), f"{MGU}:mgu", str(MGU)], ids=lambda name: name.rsplit("/")[-1])
def test_the_page_and_its_graph(name: str, capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "show", name)
    assert (ran.code, ran.err) == (0, "")
    assert "@cell" in ran.out
    assert "\ngraph\n" in ran.out
    assert "\nplan\n" not in ran.out


def test_the_plan_and_the_adjoint(capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "show", "gru", "--plan", "--adjoint")
    assert (ran.code, ran.err) == (0, "")
    page, plan = ran.out.split("\nplan\n")
    plan, adjoint = plan.split("\nadjoint\n")
    assert "\ngraph\n" in page
    assert "  r, z, v1, n: 16 bytes per step and unit (H) in float32" in plan
    assert "  ∂h  = R.nᵀ @ ∂v1 + R.rᵀ @ δr + R.zᵀ @ δz + ∂h' ∘ z\n" in adjoint


@pytest.mark.parametrize(("dtype", "number"), [("float32", "float"), ("float64", "double")])
def test_the_code_carries_its_equations(dtype: str, number: str, capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "show", "gru", "--code", "--dtype", dtype)
    assert (ran.code, ran.err) == (0, "")
    _, forward, adjoint = re.split(r"\ncode, \w+\n", ran.out)
    for code, equation in ((forward, "n = tanh(b.n + W.n @ x + r ∘ v1)"), (adjoint, "∂h' = ∂output + ∂h⁺")):
        assert f"  ; {equation}\n" in code
        assert code.count("\ndefine ") == 1
        assert f" x {number}> splat ({number} 1.000000)" in code
    assert "\nplan\n" not in ran.out


def test_the_machine_code(capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "show", "mingru", "--assembly")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("\nwork:") == 2
    assert "; z = σ" not in ran.out


@pytest.mark.parametrize(
    ("name", "says", "hint"),
    [
        ("gruu", "unknown cell 'gruu'", "did you mean 'gru'"),
        ("nowhere.py:mgu", "cell file 'nowhere.py' does not exist", ""),
        (f"{MGU}:gru2", "no cell 'gru2'", "its cells: mgu"),
    ],
)
def test_a_cell_that_is_not_there(name: str, says: str, hint: str, capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "show", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert says in ran.err
    assert hint in ran.err


def test_a_page_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "bad.py").write_text("1 / 0\n")
    ran = run(capsys, "show", tmp_path / "bad.py")
    assert ran.code == 2
    assert "fails: ZeroDivisionError" in ran.err.splitlines()[0]
