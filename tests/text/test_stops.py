"""Stop strings: whatever the pieces, the text ends where it has to, and nothing is shown too early."""

from hypothesis import given
from hypothesis import strategies as st

from unspool.text.stops import Stopper

SYMBOLS = st.lists(st.integers(0, 2), max_size=30)


@given(SYMBOLS, st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), max_size=3), st.integers(1, 7))
def test_pieces_do_not_matter(text: list[int], stops: list[list[int]], size: int):
    stopper = Stopper(stops)
    shown: list[int] = []
    for start in range(0, len(text), size):
        shown += stopper.take(text[start : start + size])
        assert not any(stop == shown[k : k + len(stop)] for stop in stops for k in range(len(shown)))
    ends = [(k, len(s)) for k in range(len(text) + 1) for s in stops if text[max(0, k - len(s)) : k] == s]
    assert stopper.done == bool(ends)
    if ends:
        end = min(k for k, _ in ends)
        # Of several that end at once the first in the list counts.
        length = next(len(s) for s in stops if text[max(0, end - len(s)) : end] == s)
        assert (shown, stopper.read) == (text[: end - length], end)
        assert stopper.rest() == []
    else:
        assert shown + stopper.rest() == text
