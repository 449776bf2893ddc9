"""`unspool cells`, and the help, which must not wait for torch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import unspool.cells
from tests.cli.running import run, run_apart
from tests.lang.mgu_page import mgu
from unspool.cells import built_in
from unspool.errors import CellError
from unspool.lang.prose import prose_of
from unspool.passes.facts import facts_of


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", "100")
    ran = run(capsys, "cells")
    assert (ran.code, ran.err) == (0, "")
    return ran.out.splitlines()


def test_every_cell_is_listed_with_its_facts_and_words(listed: list[str]):
    starts = {line.split()[0]: k for k, line in enumerate(listed) if line and not line.startswith(" ")}
    for name, cell in built_in().items():
        told = [line.strip() for line in listed[starts[name] + 1 :]]
        below = " ".join(told[: next(k for k, line in enumerate(listed[starts[name] + 1 :]) if line[:1] != " ")])
        prose = prose_of(cell)
        assert below == f"{prose.title} {prose.choose}", name
        assert listed[starts[name]].endswith(prose.cite)
        assert f"{facts_of(cell.graph).count():,}" in listed[starts[name]]


def test_a_line_by_hand(listed: list[str]):
    assert listed[0].split() == ["cell", "states", "products", "stages", "parameters", "scan", "paper"]
    lines = {line.split()[0]: line.split() for line in listed if line and not line.startswith(" ")}
    assert lines["lem"] == ["lem", "y", "z", "[H]", "2", "2", "131,584", "–", "Rusch", "et", "al.", "2022"]
    assert lines["mingru"] == ["mingru", "h", "[H]", "0", "1", "33,024", "all", "Feng", "et", "al.", "2024"]
    assert lines["lstm_projection"][1:5] == ["h", "[P]", "c", "[H]"]


def test_it_fits_a_screen_of_100_columns(listed: list[str]):
    assert max(map(len, listed[: listed.index("")])) <= 100


@pytest.mark.parametrize(
    ("words", "found", "left_out"),
    [
        (("MINGRU",), {"mingru"}, {"gru", "lstm"}),
        (("scan",), {"mingru"}, {"gru", "lstm", "elman"}),  # some cells say of themselves that they are none
        (("Rusch",), {"lem", "cornn"}, {"gru"}),
        (("gate", "peephole"), {"lstm_peephole"}, {"gru", "elman"}),
    ],
)
def test_words_choose(words: tuple[str, ...], found: set[str], left_out: set[str], capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "cells", *words, "--json")
    names = {cell["name"] for cell in json.loads(ran.out)["cells"]}
    assert found <= names
    assert not left_out & names


def test_words_that_no_cell_is_about(capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "cells", "lstm", "xyzzy")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: no cell is about lstm and xyzzy\nhint:  `unspool cells` lists them all\n"


def test_json_has_all_facts_and_full_texts(capsys: pytest.CaptureFixture[str]):
    record = json.loads(run(capsys, "cells", "--json").out)
    assert record["sizes"] == {"I": 128, "H": 128}
    cells = {cell["name"]: cell for cell in record["cells"]}
    assert list(cells) == list(built_in())
    projection = cells["lstm_projection"]
    assert projection["states"] == [{"name": "h", "size": "P"}, {"name": "c", "size": "H"}]
    assert projection["further_sizes"] == {"P": 64}
    assert projection["parameters"] == {"formula": "4·H·I + 4·H·P + P·H + 8·H", "learned": 107520, "fixed": 0}
    assert (projection["products"], projection["matrices"], projection["stages"]) == (2, 5, 2)
    assert (projection["year"], projection["arxiv"]) == (2014, "1402.1128")
    assert (cells["mingru"]["scans"], cells["mingru"]["is_scan"]) == (["h"], True)
    assert cells["esn"]["parameters"] == {"formula": "0", "learned": 0, "fixed": 2 * 128 * 128 + 128}


def test_installed_cells_stand_apart_and_what_is_broken_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(unspool.cells, "installed", lambda: {"mgu_of_theirs": mgu})
    monkeypatch.setattr(unspool.cells, "unusable", lambda: {"bad": CellError("cell 'bad' cannot be loaded")})
    lines = run(capsys, "cells").out.splitlines()
    place = lines.index("of installed packages")
    assert lines[place + 1].split()[:3] == ["mgu_of_theirs", "h", "[H]"]
    assert "not usable: bad: cell 'bad' cannot be loaded" in lines
    record = json.loads(run(capsys, "cells", "--json").out)
    assert [cell["name"] for cell in record["installed"]] == ["mgu_of_theirs"]
    assert record["unusable"] == {"bad": "cell 'bad' cannot be loaded"}
    assert json.loads(run(capsys, "cells", "of_theirs", "--json").out)["cells"] == []


def test_listing_needs_no_torch():
    code = """
import sys
from unspool.cli import main
sys.argv = ["unspool", "cells"]
try:
    main()
except SystemExit:
    pass
print(sorted({"torch", "polars", "llvmlite"} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


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
