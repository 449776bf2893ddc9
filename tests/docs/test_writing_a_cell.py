"""docs/writing-a-cell.md is a program: its page is a cell that conforms, and its package is the one of tests."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from unspool.cells.library import GROUP

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "writing-a-cell.md").read_text(encoding="utf-8")
THIRD_PARTY = ROOT / "tests" / "third_party"
PAGE, *PROGRAMS = re.findall(r"^```python\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)


def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "atr.py").write_text(PAGE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, program in enumerate(PROGRAMS, 1):
        exec(compile(program, f"writing-a-cell.md, program {number}", "exec"), names)
    assert names["output"].shape == (2, 5, 8)
    (mark,) = names["test_atr"].pytestmark
    assert len(list(mark.args[1])) > 30


def test_its_package_is_that_of_the_tests():
    assert (THIRD_PARTY / "gated_cells" / "atr.py").read_text(encoding="utf-8") == PAGE
    (shown,) = re.findall(r"^```toml\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)
    part = tomllib.loads(shown)["project"]
    whole = tomllib.loads((THIRD_PARTY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert part["entry-points"][GROUP].items() <= whole["entry-points"][GROUP].items()
    assert all(whole[key] == part[key] for key in part if key != "entry-points")


def test_it_is_short():
    assert len(TEXT.splitlines()) <= 120
    assert max(map(len, TEXT.splitlines())) <= 120
