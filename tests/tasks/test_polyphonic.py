"""Polyphonic music from a tiny .mat file: frames, likelihoods, and files that are refused."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from unspool.errors import DataError, SettingError
from unspool.tasks import find_task, run_task
from unspool.tasks.task import TaskSettings

SIZES = {"traindata": (5, 9, 7), "validdata": (4, 3), "testdata": (6, 2)}


def rolls(lengths: tuple[int, ...], seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    cells = np.empty((1, len(lengths)), dtype=object)
    for k, n in enumerate(lengths):
        cells[0, k] = (random.random((n, 88)) < 0.1).astype(np.uint8)
    return cells


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    savemat(tmp_path / "JSB_Chorales.mat", {name: rolls(n, k) for k, (name, n) in enumerate(SIZES.items())})
    return tmp_path


def test_the_next_frame_is_asked_for(folder: Path):
    task = find_task("jsb-chorales", data=folder)
    batch = task.draw(2, part="test")
    expected = rolls(SIZES["testdata"], 2)[0]
    assert batch.lengths is not None
    assert batch.counts is not None
    assert batch.lengths.tolist() == [5, 1]
    assert batch.counts.sum(1).tolist() == [5, 1]
    for row, n in enumerate((5, 1)):
        np.testing.assert_array_equal(batch.x[row, :n], expected[row][:-1])
        np.testing.assert_array_equal(batch.y[row, :n], expected[row][1:])
        assert not batch.x[row, n:].any()
    assert torch.equal(find_task("jsb-chorales", data=folder / "JSB_Chorales.mat").draw(2, part="test").x, batch.x)


def test_nats_per_frame_and_the_baseline(folder: Path):
    task = find_task("jsb-chorales", data=folder)
    batch = task.draw(2, part="test")
    output = torch.zeros_like(batch.y)
    errors, weights = task.measure.errors(output, batch), task.measure.weights(output, batch)
    torch.testing.assert_close(errors, torch.full((2,), 88 * math.log(2)))
    assert weights.tolist() == [5, 1]
    assert float(task.measure.loss(output, batch)) == pytest.approx(88 * math.log(2), rel=1e-5)
    training = np.concatenate([r[1:] for r in rolls(SIZES["traindata"], 0)[0]]).astype(float)
    test = np.concatenate([r[1:] for r in rolls(SIZES["testdata"], 2)[0]]).astype(float)
    p = (training.sum(0) + 1) / (len(training) + 2)
    expected = -np.where(test == 1, np.log(p), np.log(1 - p)).sum(1).mean()
    assert task.baseline == pytest.approx(expected)


def test_a_run_scores_every_frame_of_the_test_part(folder: Path):
    task = find_task("jsb-chorales", data=folder)
    settings = TaskSettings(hidden_size=4, batch_size=2, sequences=4, check_every=2)
    assert run_task(task, settings).test.sequences == 2


@pytest.mark.parametrize("fault", ["missing", "text", "empty", "no parts", "not 88", "not 0 and 1", "one frame"])
def test_files_that_are_refused(fault: str, folder: Path):
    path = folder / "JSB_Chorales.mat"
    good = {name: rolls(n, 0) for name, n in SIZES.items()}
    if fault == "missing":
        path.unlink()
    elif fault == "text":
        path.write_text("Hello, this is no MATLAB file." * 20)
    elif fault == "empty":
        path.write_bytes(b"")
    elif fault == "no parts":
        savemat(path, {"traindata": np.zeros((3, 3))})
    else:
        good["testdata"][0, 1] = {
            "not 88": np.zeros((4, 87)), "not 0 and 1": np.full((4, 88), 2), "one frame": np.zeros((1, 88))
        }[fault]  # fmt: skip
        savemat(path, good)
    with pytest.raises(DataError, match="JSB_Chorales"):
        find_task("jsb-chorales", data=folder)


def test_without_data_it_says_what_it_needs():
    task = find_task("nottingham")
    assert task.baseline is None
    with pytest.raises(SettingError, match=r"nottingham needs the file Nottingham\.mat"):
        task.draw(1)
