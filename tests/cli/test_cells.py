"""`unspool cells`, and the help, which must not wait for torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import run, run_apart
from unspool.cells import built_in


def test_every_cell_is_listed_with_its_summary(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "200")
    ran = run(capsys, "cells")
    assert ran.code == 0
    for name, cell in built_in().items():
        assert any(line.startswith(name) and cell.summary in line for line in ran.out.splitlines()), name


@pytest.mark.parametrize(
    "words", [("--help",), ("-h",), ("forecast", "--help"), ("predict", "--help"), ("show", "--help")]
)
def test_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, *words)
    assert ran.code == 0
    assert "Usage" in ran.out


def test_help_in_a_process_of_its_own(tmp_path: Path):
    ran = run_apart(tmp_path, "--help")
    assert (ran.code, ran.err) == (0, "")
    for command in ("forecast", "backtest", "predict", "cells", "show"):
        assert command in ran.out


def test_version(capsys: pytest.CaptureFixture[str]):
    from importlib.metadata import version

    assert run(capsys, "--version").out == f"unspool {version('unspool')}\n"


def test_help_loads_neither_torch_nor_polars():
    code = "import sys; from unspool.cli import main; print(sorted({'torch', 'polars', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_pipe_that_is_closed_early_is_no_error(tmp_path: Path):
    code = "from unspool.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "show", "lstm", "--plan"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait() in (0, 1)
