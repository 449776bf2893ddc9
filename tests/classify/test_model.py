"""Laws of the network: a batch is its sequences, padding changes nothing, segments are whole."""

import numpy as np
import pytest
import torch

from unspool.cells import find_cell
from unspool.classify.batches import pad
from unspool.classify.model import ClassificationModel, ModelSettings, segmented
from unspool.errors import ModelError


def settings(**changes: object) -> ModelSettings:
    usual = {"features": 2, "classes": 3, "hidden_size": 5, "num_layers": 1, "bidirectional": True}
    return ModelSettings(**{**usual, "pool": "mean", "dropout": 0.5, "segment": 1, **changes})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("pool", ["last", "mean", "attention"])
@pytest.mark.parametrize("segment", [1, 3])
@pytest.mark.parametrize("cell", ["gru", "lstm", "mingru"])
def test_a_batch_is_its_sequences(cell: str, pool: str, segment: int):
    torch.manual_seed(0)
    model = ClassificationModel(settings(pool=pool, segment=segment, num_layers=2), find_cell(cell)).eval()
    draw = np.random.default_rng(0)
    values = [draw.normal(size=(n, 2)).astype(np.float32) for n in (1, 4, 9, 6)]
    together = pad(values)
    longer = torch.nn.functional.pad(together.x, (0, 0, 0, 7))
    for x in (together.x, longer):
        whole = model(x, together.lengths)
        for row, sequence in zip(whole, values, strict=True):
            alone = pad([sequence])
            torch.testing.assert_close(model(alone.x, alone.lengths)[0], row, rtol=1e-4, atol=1e-5)


def test_segments():
    x = torch.arange(10.0).reshape(1, 5, 2)
    cut, lengths = segmented(x, torch.tensor([5]), 2)
    assert cut.tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 0]]]
    assert lengths.tolist() == [3]


def test_settings_to_json_and_back():
    wanted = settings(pool="attention")
    assert ModelSettings.from_json(wanted.to_json()) == wanted


@pytest.mark.parametrize(
    "change", [{"pool": "most"}, {"classes": 0}, {"segment": True}, {"dropout": "0.5"}, {"bidirectional": 1}, {"x": 1}]
)
def test_damaged_settings(change: dict[str, object]):
    with pytest.raises(ModelError, match="damaged"):
        ModelSettings.from_json({**settings().to_json(), **change})
