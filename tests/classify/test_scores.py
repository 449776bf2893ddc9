"""Scores against scikit-learn's, and numbers worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics as sk

from unspool.classify.scores import calibration_error, log_loss, reliability, score, wilson

CLASSES = ("a", "b", "c")


def drawn(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, 3, n)
    probabilities = draw.dirichlet(np.ones(3), n)
    probabilities[np.arange(n), truth] += 0.4
    return truth, probabilities / probabilities.sum(1, keepdims=True)


def test_as_scikit_learn_has_them():
    truth, probabilities = drawn()
    found = score(truth, probabilities, CLASSES)
    named = probabilities.argmax(1)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(truth, named))
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, named))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(truth, named, average="macro"))
    assert found["log_loss"] == pytest.approx(sk.log_loss(truth, probabilities))
    assert [row["precision"] for row in found["per_class"]] == pytest.approx(
        sk.precision_score(truth, named, average=None)  # pyright: ignore[reportArgumentType]
    )
    assert found["confusion"] == sk.confusion_matrix(truth, named).tolist()


def test_a_class_that_does_not_occur_or_is_never_named():
    truth = np.array([0, 0, 1])
    found = score(truth, np.tile([0.8, 0.1, 0.1], (3, 1)), CLASSES)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["balanced_accuracy"] == pytest.approx(0.5)
    rows = found["per_class"]
    assert rows[0] == {
        "class": "a",
        "precision": pytest.approx(2 / 3),
        "recall": 1.0,
        "f1": pytest.approx(0.8),
        "support": 2,
    }
    assert (rows[1]["precision"], rows[1]["recall"]) == (None, 0.0)
    assert (rows[2]["recall"], rows[2]["support"]) == (None, 0)


def test_one_certain_error_costs_a_finite_loss():
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(34.5388, abs=1e-3)


def test_wilson_from_a_table():
    """Newcombe 1998, table I, method 3: 81 of 263, and 0 of 20."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_calibration_by_hand():
    truth = np.array([0, 0, 0, 0])
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.35, 0.65]])
    rows = reliability(truth, probabilities)
    assert [(r["count"], r["accuracy"]) for r in rows] == [(2, 0.0), (2, 1.0)]
    assert calibration_error(truth, probabilities) == pytest.approx(0.5 * 0.65 + 0.5 * 0.05)
    assert calibration_error(truth, np.tile([1.0, 0.0], (4, 1))) == 0
