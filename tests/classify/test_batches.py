"""Laws of batches."""

import itertools

import numpy as np
import torch

from unspool.classify.batches import TOGETHER, batches, in_order, pad


def sequences(count: int, seed: int = 0) -> list[np.ndarray]:
    """Number k holds k alone."""
    draw = np.random.default_rng(seed)
    return [np.full((draw.integers(1, 50), 1), k, np.float32) for k in range(count)]


def test_every_sequence_comes_once_per_round():
    values = sequences(70)
    cuts = -(-70 // (8 * TOGETHER)) * TOGETHER  # more than enough to see the round's end
    seen: list[int] = []
    for batch in itertools.islice(batches(values, np.arange(70), 8, seed=1), cuts):
        seen += batch.labels.tolist()
        if len(seen) >= 70:
            break
    assert sorted(seen[:70]) == list(range(70))


def test_rows_belong_to_their_labels_and_end_at_their_lengths():
    values = sequences(30)
    batch = next(batches(values, np.arange(30), 8, seed=0))
    for x, length, label in zip(batch.x, batch.lengths, batch.labels, strict=True):
        assert length == len(values[label])
        assert (x[:length] == label).all()
        assert (x[length:] == 0).all()


def test_batches_are_of_like_length():
    values = sequences(64)
    spread = [int(np.ptp(b.lengths.numpy())) for b in itertools.islice(batches(values, np.arange(64), 8, 0), 8)]
    assert np.mean(spread) < 0.5 * np.ptp([len(v) for v in values])


def test_the_seed_draws_the_order():
    values = sequences(64)

    def first(seed: int) -> list[int]:
        return next(batches(values, np.arange(64), 8, seed)).labels.tolist()

    assert first(0) == first(0) != first(1)


def test_in_order_covers_all():
    values = sequences(20)
    places = np.concatenate([p for p, _ in in_order(values, 6)])
    assert sorted(places.tolist()) == list(range(20))


def test_padding():
    batch = pad([np.ones((2, 1), np.float32), np.ones((3, 1), np.float32)], [1, 0])
    assert batch.x.squeeze(-1).tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch.lengths.tolist() == [2, 3]
    assert batch.labels.dtype == torch.int64
