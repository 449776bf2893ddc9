"""The temporal-order task: where the symbols stand, what the classes mean."""

import pytest
import torch

from unspool.errors import SettingError
from unspool.tasks.temporal_order import CLASSES, SYMBOLS, temporal_order

B = 4000


@pytest.mark.parametrize("steps", [10, 55, 100])
def test_two_symbols_stand_where_they_should(steps: int):
    x, y = temporal_order(B, steps)
    assert x.shape == (B, steps, SYMBOLS)
    assert x.dtype == torch.float32
    assert (x.sum(-1) == 1).all()
    assert ((x == 0) | (x == 1)).all()
    marked = x[..., :2].sum(-1)
    assert (marked.sum(1) == 2).all()
    places = marked.nonzero()[:, 1].unflatten(0, (B, 2))
    tenths = [(places[:, 0], steps // 10, 2 * steps // 10), (places[:, 1], 4 * steps // 10, 5 * steps // 10)]
    for place, first, end in tenths:
        assert place.unique().tolist() == list(range(first, end))
    order = x[torch.arange(B)[:, None], places].argmax(-1)
    assert torch.equal(y, 2 * order[:, 0] + order[:, 1])


def test_every_class_and_symbol_is_as_likely():
    x, y = temporal_order(B, 20)
    classes = torch.bincount(y, minlength=CLASSES)
    assert (classes - B / 4).abs().max() < 4 * (B * 3 / 16) ** 0.5
    distractors = x[..., 2:].sum((0, 1))
    assert (distractors / distractors.sum() - 0.25).abs().max() < 0.01


def test_a_seed_is_a_draw():
    x, y = temporal_order(5, 30, seed=1)
    again, _ = temporal_order(5, 30, seed=1, dtype=torch.float64)
    other, _ = temporal_order(5, 30, seed=2)
    assert again.dtype == torch.float64
    assert y.dtype == torch.int64
    assert torch.equal(x.double(), again)
    assert not torch.equal(x, other)


@pytest.mark.parametrize(("sequences", "steps"), [(3, 9), (0, 50)])
def test_too_little_is_refused(sequences: int, steps: int):
    with pytest.raises(SettingError, match=f"{sequences} sequences of {steps} steps"):
        temporal_order(sequences, steps)
