"""The adding and multiplication tasks of 1997: answers recomputed, places of the marks as in the paper."""

import numpy as np
import pytest
from scipy.stats import chisquare

from unspool.errors import SettingError
from unspool.tasks import find_task

B, T = 6000, 60


@pytest.fixture(scope="module", params=["adding", "multiplication"])
def drawn(request: pytest.FixtureRequest):
    batch = find_task(request.param, length=T).draw(B, seed=11)
    assert batch.lengths is not None
    return request.param, batch.x.double().numpy(), batch.y.double().numpy(), batch.lengths.numpy()


def marked_of(numbers: np.ndarray, markers: np.ndarray) -> list[float]:
    """The marked numbers; a missing one was the first pair."""
    return [float(n) for n, m in zip(numbers, markers, strict=True) if m == 1]


def test_answers(drawn):
    name, x, y, lengths = drawn
    missing = 0
    for row in range(B):
        n = lengths[row]
        marked = marked_of(x[row, :n, 0], x[row, :n, 1])
        assert len(marked) in (1, 2)
        missing += len(marked) == 1
        if len(marked) == 1:
            assert x[row, 0, 0] == (0 if name == "adding" else 1)
        expected = 0.5 + sum(marked) / 4 if name == "adding" else np.prod(marked)
        assert y[row, 0] == pytest.approx(expected, abs=1e-6)
    # The first pair is marked with probability 1/10 + 9/10 · 1/(T/2 − 1).
    share = 0.1 + 0.9 / (T / 2 - 1)
    assert abs(missing / B - share) < 4 * (share * (1 - share) / B) ** 0.5


def test_numbers_and_lengths(drawn):
    name, x, _, lengths = drawn
    low = -1 if name == "adding" else 0
    inside = np.concatenate([x[row, 1 : lengths[row], 0] for row in range(B)])
    assert low <= inside.min() < low + 0.01
    assert 0.99 < inside.max() <= 1
    assert abs(inside.mean() - (low + 1) / 2) < 0.01
    assert sorted(set(lengths.tolist())) == list(range(T, T + T // 10 + 1))
    assert chisquare(np.bincount(lengths)[T:]).pvalue > 1e-3
    assert all(not x[row, lengths[row] :].any() for row in range(B))


def test_markers(drawn):
    _, x, _, lengths = drawn
    markers = x[..., 1]
    assert (markers[:, 0] == -1).all()
    assert (markers[np.arange(B), lengths - 1] == -1).all()
    assert set(np.unique(markers)) == {-1, 0, 1}
    assert ((markers == -1).sum(1) == 2).all()
    # Sequences whose two marks lie beyond the first ten: none. Those with a mark among places 1 … 9: uniform there.
    places = [np.flatnonzero(row == 1) for row in markers]
    assert all(p.min() < 10 for p in places if len(p) == 2)
    assert max(p.max() for p in places) == T // 2 - 1
    beyond = np.array([p.max() for p in places if p.max() >= 10])
    counts = np.bincount(beyond, minlength=T // 2)[10:]
    assert chisquare(counts).pvalue > 1e-3  # the second mark alone reaches these, all alike


def test_too_short_is_refused():
    with pytest.raises(SettingError, match="adding: length is 19"):
        find_task("adding", length=19)
