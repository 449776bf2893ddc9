"""Laws of stratified parts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unspool.classify.split import hold_out, stratified_folds

LABELS = st.lists(st.integers(0, 3), min_size=2, max_size=40).map(np.array)


@given(LABELS, st.integers(2, 6), st.integers(0, 9))
def test_every_class_is_spread_evenly_over_the_folds(labels: np.ndarray, count: int, seed: int):
    folds = stratified_folds(labels, count, seed)
    assert np.ptp(np.bincount(folds, minlength=count)) <= 1
    for label in np.unique(labels):
        assert np.ptp(np.bincount(folds[labels == label], minlength=count)) <= 1
    np.testing.assert_array_equal(folds, stratified_folds(labels, count, seed))


@given(LABELS, st.floats(0.01, 0.99), st.integers(0, 9))
def test_two_of_each_class_are_left(labels: np.ndarray, share: float, seed: int):
    held = hold_out(labels, share, seed)
    for label in np.unique(labels):
        mine = labels == label
        assert (mine & ~held).sum() >= min(2, mine.sum())
        if mine.sum() >= 3:
            assert (mine & held).any()


def test_a_quarter_is_a_quarter():
    held = hold_out(np.repeat([0, 1], [40, 8]), 0.25, 0)
    assert (held[:40].sum(), held[40:].sum()) == (10, 2)


def test_the_seed_draws():
    labels = np.repeat([0, 1], 20)
    assert (hold_out(labels, 0.5, 0) != hold_out(labels, 0.5, 1)).any()
