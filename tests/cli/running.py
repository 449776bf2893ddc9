"""Runs `unspool` as a person does: in this process for speed, or in one of its own."""

import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

SMALL = (
    *("--network", "segment", "--normalisation", "last", "--no-highway", "--window", "14", "--segment", "7"),
    *("--hidden-size", "8", "--steps", "6", "--members", "1", "--validation", "10", "--batch-size", "16"),
)
"""Options that fit in a fraction of a second."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(capsys: pytest.CaptureFixture[str], *words: object) -> Ran:
    """`unspool WORDS`, in this process: the whole way through `main`."""
    from unspool.cli import main

    capsys.readouterr()
    before = sys.argv
    sys.argv = ["unspool", *map(str, words)]
    code: object = 0
    try:
        with warnings.catch_warnings():
            main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
    said = capsys.readouterr()
    assert code is None or isinstance(code, int)
    return Ran(code or 0, said.out, said.err)


def run_apart(folder: Path, *words: object) -> Ran:
    """The same in a process of its own, started in `folder`."""
    command = [sys.executable, "-c", "from unspool.cli import main; main()", *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", env=os.environ | {"COLUMNS": "200"}
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def files(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, hidden and temporary files too."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}
