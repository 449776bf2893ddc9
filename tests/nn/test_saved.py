"""A folder of a saved model gives its network back, and whatever else it holds is one clear error."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from unspool.errors import ModelError
from unspool.nn.saved import members_weights, read_model, rebuilt, write_model

KIND, COMMAND = "unspool test model", "unspool test"


def make() -> nn.Module:
    return nn.Linear(2, 3)


def rebuild(record: dict[str, Any], weights: dict[str, Tensor]) -> list[nn.Module]:
    return [rebuilt(make, weights, f"{k}.") for k in range(int(record["members"]))]


def read(folder: Path) -> list[nn.Module]:
    return read_model(folder, KIND, 1, COMMAND, rebuild)


@pytest.fixture
def members(tmp_path: Path) -> list[nn.Module]:
    made = [make().train(), make().train()]
    write_model(tmp_path, KIND, 1, {"members": 2}, members_weights(made))
    return made


def test_it_comes_back(tmp_path: Path, members: list[nn.Module]):
    found = read(tmp_path)
    for one, other in zip(found, members, strict=True):
        assert not one.training
        for name, value in other.state_dict().items():
            assert torch.equal(one.state_dict()[name], value)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["model.json", "weights.safetensors"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "unspool other model"}, "of another kind: unspool other model"),
        ({"kind": 3}, "not the record of a model"),
        ({"format": "1"}, "not the record of a model"),
        ({"format": 2}, "a newer version"),
        ({"members": 3}, "is damaged"),
        ({"members": "many"}, "is damaged: ValueError"),
        ({"members": None}, "is damaged: TypeError"),
    ],
)
def test_a_changed_record(tmp_path: Path, members: list[nn.Module], change: dict[str, Any], message: str):
    del members
    file = tmp_path / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ModelError, match=message):
        read(tmp_path)


def test_damaged_files(tmp_path: Path, members: list[nn.Module]):
    del members
    weights, record = (tmp_path / n for n in ("weights.safetensors", "model.json"))
    good = weights.read_bytes()
    weights.write_bytes(good[:-3])
    with pytest.raises(ModelError, match="is damaged"):
        read(tmp_path)
    weights.write_bytes(safetensors.torch.save({"0.weight": torch.full((3, 2), torch.nan), "0.bias": torch.zeros(3)}))
    with pytest.raises(ModelError, match="a weight is not a finite number"):
        read(tmp_path)
    weights.write_bytes(safetensors.torch.save({"0.weight": torch.zeros(4, 2), "0.bias": torch.zeros(3)}))
    with pytest.raises(ModelError, match="is damaged"):
        read(tmp_path)
    weights.write_bytes(good)
    record.write_text("[1, 2]")
    with pytest.raises(ModelError, match="not an object"):
        read(tmp_path)
    record.write_text("{")
    with pytest.raises(ModelError, match="is damaged"):
        read(tmp_path)
    record.unlink()
    with pytest.raises(ModelError, match=r"not a complete model: model\.json missing"):
        read(tmp_path)
    with pytest.raises(ModelError, match="no model folder"):
        read(tmp_path / "nowhere")


def test_the_folder_above_is_led_down(tmp_path: Path):
    (tmp_path / "model").mkdir()
    write_model(tmp_path / "model", KIND, 1, {"members": 0}, {})
    with pytest.raises(ModelError) as error:
        read(tmp_path)
    assert error.value.hint is not None
    assert str(tmp_path / "model") in error.value.hint
