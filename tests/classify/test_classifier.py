"""`SequenceClassifier` in the manner of scikit-learn."""

import doctest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from tests.classify.samples import easy
from unspool.classify import SequenceClassifier, classifier
from unspool.errors import DataError, ModelError, OutputError, SettingError

SMALL: dict[str, Any] = {"pool": "mean", "hidden_size": 8, "members": 2, "steps": 40, "batch_size": 8}


@pytest.fixture(scope="module")
def fitted() -> SequenceClassifier:
    train = easy(8)
    return SequenceClassifier(learning_rate=0.02, **SMALL).fit(list(train.values), train.labels)


def test_fit_predict_score(fitted: SequenceClassifier):
    test = easy(6, seed=1)
    probabilities = fitted.predict_proba(list(test.values))
    named = fitted.predict(list(test.values))
    assert probabilities.shape == (18, 3)
    assert named.tolist() == fitted.classes_[probabilities.argmax(1)].tolist()
    assert fitted.score(list(test.values), test.labels) == fitted.score(test) > 0.9


def test_labels_come_back_as_they_were_given():
    train = easy(4)
    numbers = [("flat", "rising", "wave").index(label) * 10 for label in train.labels or ()]
    made = SequenceClassifier(**{**SMALL, "steps": 3}).fit(train.values, numbers)
    assert made.classes_.tolist() == [0, 10, 20]
    assert made.predict(train.values).dtype.kind == "i"


def test_one_channel_may_be_flat():
    train = easy(4, channels=1)
    made = SequenceClassifier(**{**SMALL, "steps": 3})
    flat = made.fit([v[:, 0] for v in train.values], train.labels).predict_proba([v[:, 0] for v in train.values])
    np.testing.assert_array_equal(flat, made.predict_proba(train.values))


def test_save_and_load(fitted: SequenceClassifier, tmp_path: Path):
    fitted.save(tmp_path / "model")
    again = SequenceClassifier.load(tmp_path / "model")
    test = easy(4, seed=2)
    np.testing.assert_array_equal(again.predict_proba(test), fitted.predict_proba(test))
    assert again.get_params() == {**fitted.get_params(), "cell": again.cell, "segment": 1}
    assert again.predict(test).tolist() == fitted.predict(test).tolist()
    with pytest.raises(OutputError, match="exists"):
        fitted.save(tmp_path / "model")


def test_parameters():
    made = SequenceClassifier("lstm", hidden_size=12)
    assert repr(made) == "SequenceClassifier(cell='lstm', hidden_size=12)"
    copied: SequenceClassifier = clone(made)  # pyright: ignore[reportAssignmentType]
    assert copied.get_params() == made.get_params()
    with pytest.raises(SettingError, match="no parameter 'hiden'"):
        made.set_params(hiden=3)
    with pytest.raises(SettingError, match="members"):
        made.set_params(members=0).fit([[[1.0]]], ["a"])


@pytest.mark.parametrize(
    ("values", "labels", "says"),
    [
        ([], [], "holds no sequence"),
        ([[[1.0]], [[2.0]]], ["a"], "2 sequences and 1 labels"),
        ([[[1.0]], [[2.0]]], None, "has no labels"),
        ([[[1.0]], [[2.0]]], ["a", "a"], "all 2 sequences have the label 'a'"),
        ([[[1.0]], [[2.0]], [[3.0]]], ["a", "a", "b"], "class 'b' has 1 sequence"),
        ([[[1.0]], np.zeros((0, 1))], ["a", "b"], "sequence '2' has no steps"),
        ([[[1.0]], [[2.0, 3.0]]], ["a", "b"], "sequence '2' has 2 channels; the first one has 1"),
        ([[[1.0]], [[np.inf]]], ["a", "b"], "sequence '2', step 1, channel '1' is infinite"),
        ([[[1.0]], [[np.nan]]], ["a", "b"], "sequence '2' has no value at all"),
        ([[[1.0]], "text"], ["a", "b"], "sequence 2 is no array of numbers"),
    ],
)
def test_refused(values: Any, labels: Any, says: str):
    with pytest.raises(DataError, match=says):
        SequenceClassifier(**SMALL).fit(values, labels)


def test_used_wrongly(fitted: SequenceClassifier):
    with pytest.raises(ModelError, match="not fitted"):
        SequenceClassifier().predict([[[1.0]]])
    with pytest.raises(ModelError, match="has 1 channels; the model was fitted to 2"):
        fitted.predict([[[1.0]]])


def test_the_example_runs():
    assert doctest.testmod(classifier).failed == 0
