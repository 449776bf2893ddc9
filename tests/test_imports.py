"""What an import costs: nobody pays for torch who only lists cells or asks for help."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "unspool"
HEAVY = {"torch", "llvmlite", "triton"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import unspool",
        "import unspool.cells; unspool.cells.built_in()",
        "import unspool.cli",
        "import unspool.passes, unspool.cells.gru as page; unspool.passes.make_plan(page.gru.graph)",
    ],
)
def test_torch_stays_out(statement: str):
    assert not loaded_by(statement) & {*HEAVY, "plotly", "sklearn"}


@pytest.mark.parametrize("room", ["lang", "ir", "passes", "cells"])
def test_the_compilers_core_names_no_tensor_library(room: str):
    files = sorted((SOURCE / room).rglob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {n.partition(".")[0] for n in names} & HEAVY, file
