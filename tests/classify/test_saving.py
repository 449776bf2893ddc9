"""A saved classifier: damage of any kind is one clear error."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch

from tests.classify.samples import easy
from unspool.classify import SequenceClassifier
from unspool.classify.saving import load_model
from unspool.errors import ModelError


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    train = easy(4)
    SequenceClassifier(pool="attention", hidden_size=4, members=2, steps=2).fit(train).save(folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    shutil.copytree(saved, tmp_path / "copy")
    return tmp_path / "copy"


def test_the_same_model_the_same_bytes(saved: Path, tmp_path: Path):
    train = easy(4)
    SequenceClassifier(pool="attention", hidden_size=4, members=2, steps=2).fit(train).save(tmp_path / "again")
    for name in ("model.json", "weights.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


def remove(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda record: record.__delitem__(key)


def put(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda record: record.__setitem__(key, value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("kind", "unspool forecast model"), "of another kind: unspool forecast model"),
        (put("kind", None), "not the record of a model"),
        (put("format", 99), "newer version"),
        (put("classes", ["a", "b"]), "does not fit the classes"),
        (put("channels", ["a"]), "do not fit the channels"),
        (put("spread", [1.0, 0.0]), "not a positive number"),
        (put("masked", [1]), "does not fit the channels"),
        (put("temperature", -1), "temperature"),
        (put("fits", []), "does not hold all weights"),
        (put("settings", {}), "settings are damaged"),
        (put("cell", {}), "damaged"),
        *((remove(key), "damaged") for key in ("train", "fit", "centre", "columns", "validation")),
    ],
)
def test_a_damaged_record(copy: Path, change: Callable[[dict[str, Any]], None], says: str):
    record = json.loads((copy / "model.json").read_text())
    change(record)
    (copy / "model.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match=says):
        load_model(copy)


def test_settings_that_ask_for_more_than_the_weights_are(copy: Path):
    record = json.loads((copy / "model.json").read_text())
    record["settings"]["hidden_size"] = 10**9
    (copy / "model.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="damaged"):
        load_model(copy)


def test_damaged_weights(copy: Path):
    weights = safetensors.torch.load_file(copy / "weights.safetensors")
    name = next(iter(weights))
    safetensors.torch.save_file({**weights, name: weights[name] * float("nan")}, copy / "weights.safetensors")
    with pytest.raises(ModelError, match="not a finite number"):
        load_model(copy)
    (copy / "weights.safetensors").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="damaged"):
        load_model(copy)


def test_no_model(copy: Path, tmp_path: Path):
    with pytest.raises(ModelError, match="no model folder"):
        load_model(tmp_path / "none")
    (copy / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"weights\.safetensors missing"):
        load_model(copy)
    (copy / "model.json").write_text("{")
    (copy / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="damaged"):
        load_model(copy)
