"""`unspool export`: a file, or one line that says why not."""

import json
from pathlib import Path

import pytest

from tests.cli.running import Ran, run
from unspool.forecast.export import onnx


@pytest.fixture
def model(done: tuple[Path, Ran]) -> Path:
    return done[0] / "out" / "model"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file itself is tested in tests/forecast/export."""
    monkeypatch.setattr(onnx, "check_installed", lambda: None)
    monkeypatch.setattr(onnx, "_converted", lambda *_: (b"the file", 7))
    monkeypatch.setattr(onnx, "find_spec", lambda _: None)


def test_what_it_says(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    ran = run(capsys, "export", model)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "model.onnx: 0 KiB, 7 operations",
        "reads values [batch, 14], centre [batch], spread [batch], series [batch], calendar [batch, 19, 2]",
        "gives quantiles [batch, 5, 7]",
        "not compared: onnxruntime is not installed (pip install 'unspool[export]')",
    ]
    assert (tmp_path / "model.onnx").read_bytes() == b"the file"


def test_json(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    found = json.loads(run(capsys, "export", model, "--out", tmp_path / "x.onnx", "--json").out)
    assert (found["bytes"], found["operations"], found["difference"]) == (8, 7, None)
    assert [one["id"] for one in found["description"]["series"]] == ["s0", "s1"]
    assert found["description"]["columns"] == {"series": "unique_id", "time": "ds", "target": "y"}


def test_a_file_that_is_there(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "x.onnx").write_text("old")
    ran = run(capsys, "export", model, "--out", tmp_path / "x.onnx")
    assert ran.code == 2
    assert ran.err.splitlines()[1] == "hint:  choose another name, or replace it with --overwrite"
    assert (tmp_path / "x.onnx").read_text() == "old"
    assert run(capsys, "export", model, "--out", tmp_path / "x.onnx", "--overwrite").code == 0
    assert (tmp_path / "x.onnx").read_bytes() == b"the file"


def test_a_damaged_model(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_bytes((model / "model.json").read_bytes())
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"rubbish")
    ran = run(capsys, "export", tmp_path / "model", "--out", tmp_path / "x.onnx")
    assert ran.code == 2
    assert "is damaged" in ran.err
    assert not (tmp_path / "x.onnx").exists()


def test_what_torch_cannot_write(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise TypeError("no such operator\n  and so on")

    monkeypatch.undo()
    monkeypatch.setattr(onnx, "check_installed", lambda: None)
    monkeypatch.setattr(onnx, "_traced", refuse)
    ran = run(capsys, "export", model, "--out", tmp_path / "x.onnx")
    assert ran.code == 2
    assert ran.err.splitlines()[0].endswith("cannot write this model as ONNX: TypeError: no such operator")
    assert list(tmp_path.iterdir()) == []
