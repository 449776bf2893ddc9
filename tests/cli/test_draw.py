"""`unspool draw`: a setup, a saved model or a cell into a file, and what cannot be drawn in one line."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.cli.running import Ran, files, run


def words_in(file: Path) -> list[str]:
    return ["".join(t.itertext()) for t in ElementTree.parse(file).iter("{http://www.w3.org/2000/svg}text")]


def test_a_setup(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    file = tmp_path / "a.svg"
    ran = run(capsys, "draw", "fed-back", "--cell", "gru", "--layers", 2, "--out", file)
    assert (ran.code, ran.out, ran.err) == (0, f"{file}\n", "")
    assert words_in(file).count("gru") == 2 * 5


def test_a_cell(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    file = tmp_path / "gru.svg"
    ran = run(capsys, "draw", "gru", "--out", file)
    assert (ran.code, ran.out, ran.err) == (0, f"{file}\n", "")
    assert words_in(file).count("Rz") == 1
    assert run(capsys, "draw", "gru", "--unrolled", "--steps", 4, "--out", file, "--overwrite").code == 0
    assert words_in(file).count("Rz") == 4


def test_a_cell_of_your_own(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    page = Path(__file__).parents[1] / "forecast" / "mgu_page.py"
    monkeypatch.chdir(tmp_path)
    ran = run(capsys, "draw", f"{page}:mgu")
    assert (ran.code, ran.out) == (0, "mgu.svg\n")
    assert words_in(tmp_path / "mgu.svg").count("Rn") == 1


def test_a_saved_model(capsys: pytest.CaptureFixture[str], done: tuple[Path, Ran], tmp_path: Path):
    file = tmp_path / "model.svg"
    for folder in (done[0] / "out", done[0] / "out" / "model"):
        assert run(capsys, "draw", folder, "--out", file, "--overwrite").code == 0
        assert "x′1" in words_in(file)  # the network `segment`: segments in, segments out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "there is no setup, cell or folder 'nowhere'"),
        (("fed-back", "--unrolled"), "--unrolled is for a cell"),
        (("nowhere.py:mgu",), "cell file 'nowhere.py' does not exist"),
        (("fed-back", "--cell", "nothing"), "nothing"),
        (("{here}",), "is not the folder of a saved model"),
    ],
)
def test_what_cannot_be_drawn(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    ran = run(capsys, "draw", *(w.format(here=tmp_path) for w in words), "--out", tmp_path / "a.svg")
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert not files(tmp_path)


def test_a_file_that_is_there_stays(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "a.svg").write_text("mine")
    ran = run(capsys, "draw", "one-to-one", "--out", tmp_path / "a.svg")
    assert ran.code == 2
    assert "is there already" in ran.err
    assert (tmp_path / "a.svg").read_text() == "mine"
