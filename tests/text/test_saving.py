"""Saved and loaded a model is the same; whatever else lies there is refused in one line."""

import json
import random
import shutil
from pathlib import Path

import pytest
import safetensors.torch

from tests.text.corpora import trained
from unspool.errors import ModelError, OutputError
from unspool.text import TextModel, load_position, save_position
from unspool.text.saving import fingerprint


@pytest.mark.parametrize(
    ("level", "options"), [("char", {}), ("byte", {"cell": "gru"}), ("char", {"embedding": 12, "tied": True})]
)
def test_a_loaded_model_is_the_same(tmp_path: Path, level: str, options: dict):
    model = trained(level, **options)
    model.save(tmp_path / "model")
    loaded = TextModel.load(tmp_path / "model")
    assert loaded.sample("the ", length=40) == model.sample("the ", length=40)
    assert loaded.score("the cat") == model.score("the cat")
    assert loaded.fitted_.samples == model.fitted_.samples
    assert loaded.fitted_.valid_nats == model.fitted_.valid_nats
    assert loaded.fitted_.options.train == model.fitted_.options.train
    assert fingerprint(loaded.fitted_) == fingerprint(model.fitted_)
    loaded.save(tmp_path / "again")
    for name in ("model.json", "weights.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()


def test_a_users_cell_needs_no_python_to_load(tmp_path: Path):
    page = tmp_path / "mine.py"
    page.write_text(
        '"""Mine."""\nfrom unspool.lang import Input, Matrix, State, cell, tanh\n\n\n@cell\n'
        "def mine(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:\n"
        "    return tanh(W @ x + R @ h)\n"
    )
    model = trained(cell=f"{page}:mine", steps=5)
    model.save(tmp_path / "model")
    page.unlink()
    assert TextModel.load(tmp_path / "model").sample(length=9) == model.sample(length=9)


def test_nothing_is_overwritten_unasked(tmp_path: Path):
    trained().save(tmp_path / "model")
    with pytest.raises(OutputError, match="exists"):
        trained().save(tmp_path / "model")
    trained().save(tmp_path / "model", overwrite=True)


def test_what_is_no_model(tmp_path: Path):
    with pytest.raises(ModelError, match="no model folder"):
        TextModel.load(tmp_path / "none")
    (tmp_path / "model").mkdir()
    with pytest.raises(ModelError, match=r"not a complete model: model.json, weights.safetensors missing"):
        TextModel.load(tmp_path / "model")
    trained().save(tmp_path / "out" / "model")
    with pytest.raises(ModelError) as caught:
        TextModel.load(tmp_path / "out")
    assert "out/model" in (caught.value.hint or "")


def test_another_kind_and_a_newer_version(tmp_path: Path):
    trained().save(tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "kind": "unspool forecast model"}))
    with pytest.raises(ModelError, match="is of another kind: unspool forecast model"):
        TextModel.load(tmp_path / "model")
    path.write_text(json.dumps({**record, "format": 99}))
    with pytest.raises(ModelError, match="newer version"):
        TextModel.load(tmp_path / "model")


def test_any_damage_is_a_model_error(tmp_path: Path):
    """Every value of the record replaced by rubbish in turn, and bytes of the weights."""
    trained().save(tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    record = json.loads(path.read_text())
    rng = random.Random(0)
    rubbish = [None, -1, 10**9, 1.5, "x", [], {}, [[]], True, float("inf")]
    for name in record:
        for value in rng.sample(rubbish, 5):
            if record[name] == value or (name in ("samples", "epochs", "best", "stopped")):
                continue
            path.write_text(json.dumps({**record, name: value}))
            with pytest.raises(ModelError):
                TextModel.load(tmp_path / "model")
    for name in record["options"]:
        path.write_text(json.dumps({**record, "options": {**record["options"], name: "x"}}))
        with pytest.raises(ModelError, match="damaged"):
            TextModel.load(tmp_path / "model")
    for size in ("hidden_size", "num_layers", "embedding"):
        path.write_text(json.dumps({**record, "options": {**record["options"], size: 10**7}}))
        with pytest.raises(ModelError, match="damaged"):
            TextModel.load(tmp_path / "model")
    path.write_text(json.dumps(record)[:-9])
    with pytest.raises(ModelError, match="damaged"):
        TextModel.load(tmp_path / "model")
    path.write_text(json.dumps(record))
    weights = tmp_path / "model" / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="damaged"):
        TextModel.load(tmp_path / "model")
    tensors = safetensors.torch.load(whole)
    tensors["readout.bias"][0] = float("nan")
    weights.write_bytes(safetensors.torch.save(tensors))
    with pytest.raises(ModelError, match="not a finite number"):
        TextModel.load(tmp_path / "model")


def test_a_state_is_kept_and_belongs_to_its_model(tmp_path: Path):
    model = trained()
    writer = model.writer("the ", length=20)
    first = "".join(p for (p,) in writer)
    save_position(tmp_path / "state", model.fitted_, writer.position)
    position = load_position(tmp_path / "state", model.fitted_)
    assert first + model.sample(position=position, length=15) == model.sample("the ", length=35)
    with pytest.raises(ModelError, match="of another model"):
        load_position(tmp_path / "state", trained(steps=30).fitted_)
    with pytest.raises(ModelError, match="no state file"):
        load_position(tmp_path / "none", model.fitted_)
    whole = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(whole[:-5])
    with pytest.raises(ModelError, match="damaged"):
        load_position(tmp_path / "state", model.fitted_)
    model.save(tmp_path / "model")
    shutil.copy(tmp_path / "model" / "weights.safetensors", tmp_path / "state")
    with pytest.raises(ModelError):
        load_position(tmp_path / "state", model.fitted_)
