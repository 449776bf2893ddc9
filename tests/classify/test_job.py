"""The whole job: what is scored was not learned from."""

from dataclasses import replace

import numpy as np
import pytest

from tests.classify.samples import easy
from unspool.classify import Options, run_job
from unspool.classify.output import prediction_table
from unspool.errors import DataError, SettingError

SMALL = Options(pool="mean", hidden_size=8, members=2, steps=40, batch_size=8, learning_rate=0.02)


def test_with_a_test_file():
    train, test = easy(8), easy(5, seed=1)
    run = run_job(train, SMALL, test)
    assert run.model is run.scored
    assert (run.held_out, run.test.ids) == (False, test.ids)
    overall = run.metrics["overall"]
    assert overall.keys() == {"unspool", "majority", "nearest_neighbour", "summary_statistics"}
    assert overall["unspool"]["accuracy"] > 0.9
    assert overall["majority"]["accuracy"] == pytest.approx(1 / 3)
    assert np.trace(run.metrics["confusion"]) == round(overall["unspool"]["accuracy"] * 15)


def test_without_one_a_part_of_each_class_is_held_out():
    data = easy(8)
    run = run_job(data, SMALL)
    assert run.held_out
    assert set(run.train.ids) | set(run.test.ids) == set(data.ids)
    assert not set(run.train.ids) & set(run.test.ids)
    assert [(run.test.labels or ()).count(c) for c in data.classes] == [2, 2, 2]
    # what is scored saw the rest alone; what is kept saw everything
    assert run.scored.scaling.centre.tolist() != run.model.scaling.centre.tolist()
    every = np.concatenate(data.values).mean(0)
    np.testing.assert_allclose(run.model.scaling.centre, every)
    np.testing.assert_allclose(run.scored.scaling.centre, np.concatenate(run.train.values).mean(0))


def test_labels_of_the_test_part_change_nothing_but_the_scores():
    train, test = easy(6), easy(4, seed=1)
    small = replace(SMALL, steps=5)
    turned = replace(test, labels=(test.labels or ())[1:] + (test.labels or ())[:1])
    a, b = run_job(train, small, test), run_job(train, small, turned)
    np.testing.assert_array_equal(a.probabilities, b.probabilities)
    assert a.metrics["overall"]["unspool"]["accuracy"] != b.metrics["overall"]["unspool"]["accuracy"]


def test_the_table():
    test = easy(2)
    probabilities = np.tile([0.2, 0.5, 0.3], (6, 1))
    table = prediction_table(test, test.classes, probabilities)
    assert table.columns == ["series", "label", "predicted", "p_flat", "p_rising", "p_wave"]
    assert table["predicted"].unique().to_list() == ["rising"]
    assert "label" not in prediction_table(replace(test, labels=None), test.classes, probabilities).columns


def test_refused():
    data = easy(4)
    with pytest.raises(DataError, match=r"sequence 's1'.* has the label 'x'"):
        run_job(data, SMALL, replace(data, labels=("flat", "x", *(data.labels or ())[2:])))
    with pytest.raises(DataError, match="has no labels to compare with"):
        run_job(data, SMALL, replace(data, labels=None))
    with pytest.raises(DataError, match=r"has 1 channels, .* has 2"):
        run_job(data, SMALL, easy(4, channels=1))
    with pytest.raises(DataError, match="no class has 3 sequences"):
        run_job(easy(2), SMALL)
    with pytest.raises(SettingError, match="held out is 1"):
        run_job(data, SMALL, share=1.0)
