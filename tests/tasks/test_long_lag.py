"""Long time lags, tasks 2a, 2b and 2c of 1997: their sequences, symbol by symbol."""

import pytest
import torch
from scipy.stats import chisquare

from unspool.tasks import find_task
from unspool.tasks.batch import Batch


def symbols_of(batch: Batch) -> torch.Tensor:
    assert (batch.x.sum(-1) <= 1).all()
    return batch.x.argmax(-1)


def test_2a_has_two_sequences():
    p = 12
    batch = find_task("long-lag-2a", length=p).draw(200)
    whole = torch.cat([symbols_of(batch), batch.y[:, -1:]], 1)
    assert torch.equal(batch.y[:, :-1], symbols_of(batch)[:, 1:])
    rows = {tuple(row) for row in whole.tolist()}
    between = tuple(range(p - 1))
    assert rows == {(p - 1, *between, p - 1), (p, *between, p)}
    assert batch.x.shape[-1] == p + 1


def test_2b_draws_what_stands_between_and_judges_the_end():
    p = 12
    batch = find_task("long-lag-2b", length=p).draw(2000)
    symbols = symbols_of(batch)
    assert torch.equal(symbols[:, 0], batch.y[:, -1])
    assert set(symbols[:, 0].tolist()) == {p - 1, p}
    assert chisquare(torch.bincount(symbols[:, 1:].flatten(), minlength=p - 1).numpy()).pvalue > 1e-3
    assert batch.judged is not None
    assert batch.judged.sum(1).tolist() == [1] * 2000
    assert batch.judged[:, -1].all()


def test_2b_is_right_by_its_end_alone():
    task = find_task("long-lag-2b", length=5)
    batch = task.draw(8)
    output = torch.zeros(8, 5, 6)
    output[:, -1] = 9 * torch.nn.functional.one_hot(batch.y[:, -1], 6)
    assert task.measure.right(output, batch).all()
    output[:, -1] *= 2 / 9  # the likeliest, but its probability is below three quarters
    assert not task.measure.right(output, batch).any()


@pytest.mark.parametrize("q", [1, 15])
def test_2c_repeats_the_second_symbol_after_the_trigger(q: int):
    batch = find_task("long-lag-2c", length=q).draw(4000)
    e, b, x = q, q + 1, q + 2
    symbols, lengths = symbols_of(batch), batch.lengths
    assert lengths is not None
    assert (symbols[:, 0] == b).all()
    assert torch.equal(symbols[:, 1] - x, batch.y)
    assert (symbols.gather(1, lengths[:, None] - 1) == e).all()
    within = torch.arange(symbols.shape[1]) < lengths[:, None]
    assert ((symbols == e) & within).sum() == 4000
    assert (symbols[:, 2:][within[:, 2:]] <= q).all()
    further = lengths - q - 3  # k, with P(k) = .1 · .9^k
    assert int(further.min()) == 0
    assert abs(float(further.double().mean()) - 9) < 4 * (90 / 4000) ** 0.5
    assert abs(float((further == 0).double().mean()) - 0.1) < 4 * (0.09 / 4000) ** 0.5
    assert abs(float(batch.y.double().mean()) - 0.5) < 4 * (0.25 / 4000) ** 0.5
