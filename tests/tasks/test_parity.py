"""Parity: counted again, at the lengths that each part has."""

from unspool.tasks import find_task
from unspool.tasks.batch import PARTS


def test_answers_and_lengths():
    task = find_task("parity", length=20)
    for part, (low, high) in zip(PARTS, ((1, 20), (20, 24), (20, 24)), strict=True):
        batch = task.draw(2000, part=part)
        assert batch.lengths is not None
        assert (int(batch.lengths.min()), int(batch.lengths.max())) == (low, high)
        for x, y, n in zip(batch.x[..., 0].tolist(), batch.y.tolist(), batch.lengths.tolist(), strict=True):
            assert set(x[:n]) <= {-1.0, 1.0}
            assert not any(x[n:])
            assert y == x[:n].count(1.0) % 2
