"""Simple classifiers."""

import numpy as np

from tests.classify.samples import easy
from unspool.classify.baselines import baseline_probabilities, resampled, statistics


def test_they_learn_what_is_easy():
    train, test = easy(10), easy(6, seed=1)
    found = baseline_probabilities(train, test)
    truth = np.array([train.classes.index(label) for label in test.labels or ()])
    for name, probabilities in found.items():
        np.testing.assert_allclose(probabilities.sum(1), 1)
        right = (probabilities.argmax(1) == truth).mean()
        assert right == 1 / 3 if name == "majority" else right > 0.9


def test_the_majority_is_the_shares():
    train = easy(8).take([0, 3, 6, 1, 4, 2, 5, 9])
    shares = baseline_probabilities(train, train)["majority"][0]
    counts = np.array([(train.labels or ()).count(c) for c in train.classes])
    np.testing.assert_allclose(shares, counts / counts.sum())


def test_the_nearest_neighbour_of_a_training_sequence_is_itself():
    train = easy(8)
    named = baseline_probabilities(train, train)["nearest_neighbour"].argmax(1)
    assert [train.classes[k] for k in named] == list(train.labels or ())


def test_resampling_a_line_is_a_line():
    line = np.linspace(0, 6, 7)[:, None]
    np.testing.assert_allclose(resampled([line], 4)[0], [0, 2, 4, 6])
    np.testing.assert_allclose(resampled([line[:1]], 3)[0], [0, 0, 0])


def test_statistics_of_a_line():
    found = statistics([np.array([[1.0], [3.0], [5.0]])])[0]
    np.testing.assert_allclose(found, [3, np.sqrt(8 / 3), 1, 5, 1, 5, 2, 2, 3])
    assert np.isfinite(statistics([np.ones((1, 2))])).all()
