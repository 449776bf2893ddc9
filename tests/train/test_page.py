"""The program in docs/training.md runs, resumes, and is what the page says."""

import re
from pathlib import Path

import pytest

from unspool.train import Stream

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


def test_the_example_runs_and_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(program, str(PAGE), "exec"), {})
    first = capsys.readouterr().out
    assert first == "finished 10\n"
    monkeypatch.setattr(Stream, "__next__", lambda _: pytest.fail("it is not run again"))
    exec(compile(program, str(PAGE), "exec"), {})
    assert capsys.readouterr().out == first
