"""`unspool inspect`: a forecaster's network, and weights trained elsewhere; what is refused, and how."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.cli.running import Ran, run

QUICK = ("--steps", "120", "--exponents", "3")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A linear network's: eigenvalues 0.9 ± 0.2i and 0.5, whatever it reads."""
    torch.manual_seed(0)
    layer = torch.nn.RNN(2, 3, nonlinearity="relu")
    state = {f"encoder.{name}": value.detach().clone() for name, value in layer.state_dict().items()}
    state["encoder.weight_hh_l0"] = torch.tensor([[0.9, 0.2, 0.0], [-0.2, 0.9, 0.0], [0.0, 0.0, 0.5]])
    path = tmp_path / "net.safetensors"
    save_file(state, path)
    return path


def test_a_forecasters_network(done: tuple[Path, Ran], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder, _ = done
    out = tmp_path / "look"
    ran = run(capsys, "inspect", folder / "out" / "model", folder / "table.csv", *QUICK, "--out", out)
    assert ran.code == 0, ran.err
    assert "Gradients reach" in ran.out
    assert "λ₁" in ran.out
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "How far back gradients reach" in page
    assert "default-src 'none'" in page  # whatever is asked for elsewhere, the browser refuses
    assert json.loads((out / "inspection.json").read_text(encoding="utf-8"))


def test_weights_from_elsewhere_as_json(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    data = tmp_path / "x.npy"
    np.save(data, np.random.default_rng(0).normal(size=(200, 2)))
    out = tmp_path / "look"
    ran = run(capsys, "inspect", "--torch", weights, data, "--cell", "elman_linear", *QUICK, "--json", "--out", out)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["lyapunov"]["exponents"][0] == pytest.approx(np.log(abs(0.9 + 0.2j)), abs=1e-3)
    assert {path.name for path in out.iterdir()} == {"report.html", "inspection.json"}


def test_what_is_there_is_not_replaced(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "look"
    out.mkdir()
    (out / "report.html").write_text("old")
    ran = run(capsys, "inspect", "--torch", weights, "--cell", "elman", *QUICK, "--out", out)
    assert ran.code == 2
    assert "--overwrite" in ran.err
    assert (out / "report.html").read_text() == "old"


@pytest.mark.parametrize("fault", ["pickle", "damaged", "nan", "missing", "cell", "folder", "no cell"])
def test_one_clear_line(fault: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from safetensors.torch import load_file

    words: list[object] = ["--torch", weights, "--cell", "elman"]
    if fault == "pickle":
        weights.write_bytes(pickle.dumps({"weight": 1}))
    elif fault == "damaged":
        weights.write_bytes(weights.read_bytes()[:40])
    elif fault in ("nan", "missing"):
        state = load_file(weights)
        if fault == "nan":
            state["encoder.weight_hh_l0"][0, 0] = torch.nan
        else:
            del state["encoder.weight_hh_l0"]
        save_file(state, weights)
    elif fault == "cell":
        words[-1] = "nothing_of_that_name"
    elif fault == "folder":
        words = [weights]
    else:
        words = words[:2]
    ran = run(capsys, "inspect", *words, *QUICK, "--out", tmp_path / "look")
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.strip().splitlines()
    assert lines[0].startswith("error: ")
    assert "Traceback" not in ran.err
    assert not (tmp_path / "look").exists()
