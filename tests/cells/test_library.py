"""Cells of installed packages: found by name, and no harm to anybody where one is broken or its name is taken."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.running import run
from unspool.cells import built_in, find_cell, installed, library, unusable
from unspool.errors import CellError

THIRD_PARTY = Path(__file__).parents[1] / "third_party"
PAGE = '''"""Leaky sum.

    h' = 0.5 h + W x
"""

from unspool.lang import Input, Matrix, State, cell


@cell
def {name}(x: Input, h: State, *, W: Matrix[Input]) -> State:
    return 0.5 * h + W @ x
'''

Declare = Callable[..., None]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the package of tests/third_party is installed, as anybody would, but from no network."""
    folder = tmp_path_factory.mktemp("third_party")
    shutil.copytree(THIRD_PARTY, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", folder / "site", folder / "source"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def python(site: Path, *arguments: str) -> str:
    """What a Python that sees the folder prints."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env=environment, cwd=site
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_cell_is_shown_by_its_name(site: Path):
    shown = python(site, "-m", "unspool", "show", "atr")
    assert shown.startswith('"""Addition-subtraction twin-gated')
    assert "h' = " in shown


def test_an_installed_cell_is_a_layer_and_conforms(site: Path):
    code = """
import torch
from unspool.cells import built_in, installed, unusable
from unspool.nn import Recurrent
from unspool.testing import check_cell

assert set(installed()) == {"atr", "ugrnn"} and not unusable() and not installed().keys() & built_in().keys()
for name in installed():
    check_cell(name)
    output, (h,) = Recurrent(name, input_size=3, hidden_size=8)(torch.zeros(2, 5, 3))
    print(name, tuple(output.shape), tuple(h.shape))
"""
    assert python(site, "-c", code) == "atr (2, 5, 8) (1, 2, 8)\nugrnn (2, 5, 8) (1, 2, 8)\n"


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Declare]:
    """Lays out a package as an installer does: a module with some text, and a declaration of some of its names."""
    forget()
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def lay_out(package: str, text: str, *names: str) -> None:
        (tmp_path / f"{package}.py").write_text(text, encoding="utf-8")
        (about := tmp_path / f"{package}-1.0.dist-info").mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
        lines = ["[unspool.cells]", *(f"{name} = {package}:{name}" for name in names)]
        (about / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")

    yield lay_out
    forget()
    for module in {p.stem for p in tmp_path.glob("*.py")} - before:
        sys.modules.pop(module, None)


def forget() -> None:
    library._declared.cache_clear()
    library._load.cache_clear()


def test_no_package_declares_a_cell_here(declare: Declare):
    assert installed() == unusable() == {}


def test_a_declared_cell_is_found_and_loaded_only_then(declare: Declare):
    declare("sums", PAGE.format(name="leaky_sum"), "leaky_sum")
    assert find_cell("gru") is built_in()["gru"]
    assert "sums" not in sys.modules
    assert find_cell("leaky_sum").name == "leaky_sum"
    assert installed() == {"leaky_sum": find_cell("leaky_sum")}


def test_an_unknown_name_is_answered_with_both_kinds(declare: Declare):
    declare("sums_too", PAGE.format(name="leaky_total"), "leaky_total")
    with pytest.raises(CellError, match="unknown cell 'leaky_totl'") as caught:
        find_cell("leaky_totl")
    assert caught.value.hint is not None
    assert "did you mean 'leaky_total'" in caught.value.hint
    assert "gru, " in caught.value.hint
    assert "of installed packages: leaky_total" in caught.value.hint


BROKEN = {
    "an import that fails": (
        "import no_such_module_anywhere",
        "cell 'broken' of package apart (apart:broken) cannot be loaded: ModuleNotFoundError",
    ),
    "anything that fails": ("1 / 0", "cannot be loaded: ZeroDivisionError"),
    "a page that is no step": (PAGE.format(name="broken").replace("0.5 * h", "0.5 @ h"), "cannot be loaded: cell 'bro"),
    "a name that is not there": (PAGE.format(name="another"), "cannot be loaded: AttributeError"),
    "no cell": ("broken = 3", "is not a cell but int"),
    "a cell of another name": (PAGE.format(name="other") + "\n\nbroken = other\n", "is called 'other' on its page"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_package_is_named_and_harms_nobody(
    declare: Declare, capsys: pytest.CaptureFixture[str], text: str, said: str
):
    declare("apart", text, "broken")
    declare("sums_three", PAGE.format(name="leaky_three"), "leaky_three")
    with pytest.raises(CellError) as caught:
        find_cell("broken")
    assert said in caught.value.message
    assert caught.value.hint
    assert find_cell("gru") is built_in()["gru"]
    assert set(installed()) == {"leaky_three"}
    assert {n: e.message for n, e in unusable().items()} == {"broken": caught.value.message}
    ran = run(capsys, "cells")
    assert ran.code == 0
    assert "lstm" in ran.out


def test_a_built_in_name_stays_built_in(declare: Declare):
    declare("takes", PAGE.format(name="gru"), "gru")
    assert find_cell("gru") is built_in()["gru"]
    assert installed() == {}
    assert "cell 'gru' of package takes has the name of a built-in cell" in unusable()["gru"].message


def test_a_name_of_two_packages_is_nobodys(declare: Declare):
    for package in ("one", "two"):
        declare(f"package_{package}", PAGE.format(name="shared"), "shared")
    with pytest.raises(CellError, match="declared by several packages: package_one, package_two"):
        find_cell("shared")
    assert installed() == {}
    assert set(unusable()) == {"shared"}
