"""Channels in units of the training data."""

import numpy as np

from unspool.classify.scaling import Scaling


def test_training_steps_get_mean_0_and_deviation_1():
    draw = np.random.default_rng(0)
    values = [draw.normal([5, -300], [2, 40], (n, 2)) for n in (7, 30, 12)]
    scaled = np.concatenate([Scaling.of(values)(v) for v in values])
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(0), 1, atol=1e-6)


def test_missing_values_are_filled_and_marked():
    values = np.array([[np.nan, 1.0], [2.0, 2.0], [np.nan, 3.0], [4.0, 4.0]])
    scaling = Scaling.of([values])
    assert (scaling.masked, scaling.size) == ((0,), 3)
    np.testing.assert_array_equal(scaling.centre, [3, 2.5])
    read = scaling(values)
    # the mean before the first value, then the last value seen
    np.testing.assert_allclose(read[:, 0], [0, -1, -1, 1])
    np.testing.assert_array_equal(read[:, 2], [0, 1, 0, 1])


def test_a_constant_channel_and_one_without_values():
    values = np.array([[7.0, np.nan], [7.0, np.nan]])
    read = Scaling.of([values])(values + np.array([[0, 0], [1, 0]]))
    assert np.isfinite(read).all()
    np.testing.assert_array_equal(read[:, :2], [[0, 0], [1, 0]])


def test_missing_values_that_training_had_none_of_need_no_mask():
    scaling = Scaling.of([np.array([[1.0], [3.0]])])
    np.testing.assert_array_equal(scaling(np.array([[3.0], [np.nan]])), [[1], [1]])
