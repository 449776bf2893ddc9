"""The file in onnxruntime gives our forecast; a file that does not is not written."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.forecast.export.fitted import Fitted, covariates, plain, uneven
from tests.forecast.samples import frame_of, small, wave
from unspool.errors import ModelError, OutputError, SettingError, UnspoolError
from unspool.forecast import Forecaster
from unspool.forecast.export import TOLERANCE, Exported, arrays_of, onnx

runtime = pytest.importorskip("onnxruntime", reason="the extra `export` is not installed: no ONNX file is run")
pytest.importorskip("onnxscript", reason="the extra `export` is not installed: no ONNX file is written")

KINDS: dict[str, Callable[[], Fitted]] = {
    "segment, gru, covariates": lambda: covariates(members=2, refit=True, highway=True),
    "direct, lru": lambda: plain(network="direct", cell="lru", num_layers=2, gap=1, normalisation="standard"),
    "onward, lem, uneven": uneven,
}


@dataclass(frozen=True)
class Written:
    """A fitted model, its file, and the file as onnxruntime reads it."""

    fitted: Fitted
    exported: Exported
    session: Any


@pytest.fixture(scope="module", params=list(KINDS.values()), ids=list(KINDS))
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    fitted = request.param()
    exported = fitted[0].export(tmp_path_factory.mktemp("export") / "model.onnx")
    return Written(fitted, exported, runtime.InferenceSession(exported.path))


def rows(arrays: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """The first `count` of them, over and over where there are fewer."""
    return {name: np.resize(array, (count, *array.shape[1:])) for name, array in arrays.items()}


@pytest.mark.parametrize("batch", [1, 5])
def test_it_is_our_forecast(written: Written, batch: int):
    forecaster, panel = written.fitted
    arrays = rows(arrays_of(forecaster.model_, panel), batch)
    assert batch == 1 or np.isnan(arrays["values"]).any() or forecaster.model_.recipe.model.uneven
    ours = rows({"q": forecaster.forecast(panel).quantiles}, batch)["q"]
    (found,) = written.session.run(None, arrays)
    assert found.shape == ours.shape
    assert np.abs((found - ours) / arrays["spread"][:, None, None]).max() < 1e-4


def test_it_says_what_it_reads(written: Written):
    about = json.loads(written.session.get_modelmeta().custom_metadata_map["unspool"])
    assert about == written.exported.description
    kinds = {"float64": "tensor(double)", "float32": "tensor(float)", "int64": "tensor(int64)"}
    for said, found in (
        (about["inputs"], written.session.get_inputs()),
        (about["outputs"], written.session.get_outputs()),
    ):
        assert [(s["name"], s["shape"], kinds[s["dtype"]]) for s in said] == [(f.name, f.shape, f.type) for f in found]
    forecaster = written.fitted[0]
    assert [one["id"] for one in about["series"]] == list(forecaster.model_.ids)
    assert about["levels"][about["median"]] == 0.5


def test_it_was_compared_and_holds_no_path(written: Written):
    assert written.exported.difference is not None
    assert 0 < written.exported.difference <= TOLERANCE
    data = written.exported.path.read_bytes()
    assert len(data) == written.exported.size
    assert b".py" not in data


def test_one_that_differs_is_not_written(written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    forecaster, _ = written.fitted
    shifts = [[shift + 1e-3 for shift in step] for step in forecaster.model_.shifts]
    monkeypatch.setattr(onnx, "_converted", lambda *_: (written.exported.path.read_bytes(), 1))
    again = Forecaster.load(saved(forecaster, tmp_path / "model"))
    again.model_.shifts[:] = shifts
    with pytest.raises(ModelError, match=r"differs from ours by 0\.00\d of a series' spread; 0\.0001 is let pass"):
        again.export(tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def saved(forecaster: Forecaster, folder: Path) -> Path:
    forecaster.save(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("there.onnx", OutputError, "exists"),
        ("model.pt2", OutputError, "not called .onnx"),
        ("no/model.onnx", OutputError, "does not exist"),
    ],
)
def test_where_it_cannot_be_written(name: str, error: type[UnspoolError], said: str, tmp_path: Path):
    (tmp_path / "there.onnx").write_text("old")
    with pytest.raises(error, match=said):
        small().fit(frame_of(wave(60))).export(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["there.onnx"]
    assert (tmp_path / "there.onnx").read_text() == "old"


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ModelError, match="not fitted"):
        small().export(tmp_path / "model.onnx")
    monkeypatch.setattr(onnx, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match="needs onnx and onnxscript") as refused:
        small().fit(frame_of(wave(60))).export(tmp_path / "model.onnx")
    assert refused.value.hint == "pip install 'unspool[export]'"
