"""The temporal-order tasks of 1997: where X and Y stand, and which class their order is."""

import pytest
import torch
from scipy.stats import chisquare

from unspool.tasks import find_task
from unspool.tasks.symbol_order import SYMBOLS

B = 6000


@pytest.mark.parametrize(
    ("name", "ranges"),
    [("temporal-order", [(10, 20), (50, 60)]), ("temporal-order-3", [(10, 20), (33, 43), (66, 76)])],
)
def test_places_and_classes_at_100_steps(name: str, ranges: list[tuple[int, int]]):
    batch = find_task(name).draw(B)
    lengths = batch.lengths
    assert lengths is not None
    assert sorted(set(lengths.tolist())) == list(range(100, 111))
    assert batch.x.shape[-1] == 8
    symbols = batch.x.argmax(-1)
    assert (symbols[:, 0] == SYMBOLS.index("E")).all()
    assert (symbols.gather(1, lengths[:, None] - 1) == SYMBOLS.index("B")).all()
    is_marked = batch.x[..., 6:].sum(-1) > 0
    assert (is_marked.sum(1) == len(ranges)).all()
    places = is_marked.nonzero()[:, 1].unflatten(0, (B, len(ranges)))
    for place, (low, high) in zip(places.T, ranges, strict=True):
        counts = torch.bincount(place)[low:]
        assert (int(place.min()), int(place.max())) == (low, high)
        assert chisquare(counts.numpy()).pvalue > 1e-3
    number = torch.zeros(B, dtype=torch.int64)
    for is_y in (symbols.gather(1, places) == SYMBOLS.index("Y")).T:
        number = 2 * number + is_y
    assert torch.equal(number, batch.y)
    assert chisquare(torch.bincount(batch.y).numpy()).pvalue > 1e-3
    within = torch.arange(symbols.shape[1]) < lengths[:, None]
    assert int(batch.x[..., 2:6].sum()) == int(within.sum()) - B * (2 + len(ranges))


def test_a_sequence_is_right_when_no_output_is_off_by_three_tenths():
    task = find_task("temporal-order")
    batch = task.draw(1)
    for right, logits in ((True, 3.0), (False, 1.5)):
        output = logits * torch.nn.functional.one_hot(batch.y, 4).float()
        farthest = 1 - output.softmax(-1)[0, batch.y]
        assert bool(farthest < 0.3) is right
        assert task.measure.right(output, batch).tolist() == [right]
        torch.testing.assert_close(task.measure.errors(output, batch), farthest)
