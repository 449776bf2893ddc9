"""Copy memory, memorisation and random permutation: layouts, and what an answer without memory scores."""

import math

import pytest
import torch

from unspool.tasks import find_task


def test_copy_memory_layout():
    t = 7
    batch = find_task("copy-memory", length=t).draw(50)
    x, y = batch.x.argmax(-1), batch.y
    assert x.shape == y.shape == (50, t + 20)
    assert (batch.x.sum(-1) == 1).all()
    symbols = x[:, :10]
    assert set(symbols.unique().tolist()) == set(range(8))
    rest = [8] * (t - 1) + [9] + [8] * 10
    assert (x[:, 10:] == torch.tensor(rest)).all()
    assert (y[:, : t + 10] == 8).all()
    assert torch.equal(y[:, -10:], symbols)


@pytest.mark.parametrize(("name", "count", "symbols"), [("memorisation", 5, 2), ("memorisation-20", 10, 5)])
def test_memorisation_layout(name: str, count: int, symbols: int):
    t = 6
    batch = find_task(name, length=t).draw(80)
    x, y = batch.x.argmax(-1), batch.y
    assert x.shape == y.shape == (80, t + 2 * count)
    pattern = x[:, :count]
    assert set(pattern.unique().tolist()) == set(range(symbols))
    rest = [symbols] * t + [symbols + 1] + [symbols] * (count - 1)
    assert (x[:, count:] == torch.tensor(rest)).all()
    assert (y[:, :-count] == symbols).all()
    assert torch.equal(y[:, -count:], pattern)


def test_five_bits_are_scored_on_all_32_patterns():
    batch = find_task("memorisation").draw(32, part="test")
    assert len({tuple(p) for p in batch.x[:, :5].argmax(-1).tolist()}) == 32


@pytest.mark.parametrize(
    ("name", "guessed", "baseline"),
    [
        ("copy-memory", 8, 10 * math.log(8) / 1020),
        ("memorisation", 2, 5 * math.log(2) / 1010),
        ("memorisation-20", 5, 10 * math.log(5) / 1020),
    ],
)
def test_baselines_are_what_blanks_and_then_chance_score(name: str, guessed: int, baseline: float):
    task = find_task(name, length=1000)
    assert task.baseline == pytest.approx(baseline, rel=1e-12)
    batch = task.draw(4)
    output = torch.full((*batch.y.shape, task.output_size), -100.0)
    is_asked = batch.y != guessed
    output[..., guessed] = torch.where(is_asked, -100.0, 100.0)
    output[..., :guessed] = torch.where(is_asked, 0.0, -100.0)[..., None]
    torch.testing.assert_close(task.measure.errors(output, batch), torch.full((4,), baseline), atol=1e-6, rtol=0)


def test_random_permutation():
    batch = find_task("random-permutation", length=20).draw(500)
    symbols = batch.x.argmax(-1)
    assert batch.x.shape == (500, 20, 100)
    assert torch.equal(symbols[:, 0], batch.y)
    assert set(batch.y.tolist()) == {0, 1}
    assert (int(symbols[:, 1:].min()), int(symbols[:, 1:].max())) == (2, 99)
