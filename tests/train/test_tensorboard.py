"""What TensorBoard reads back is what the fit said; without it installed, that is said."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.train.test_jsonlines import told
from unspool.errors import OutputError, SettingError
from unspool.train.tensorboard import TensorBoard

TAGS = {"step/loss", "step/gradient norm", "step/learning rate", "epoch/training loss", "epoch/validation loss"}


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    accumulator: Any = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_curves_are_those_of_the_fit_also_after_a_crash(tmp_path: Path):
    pytest.importorskip("tensorboard")
    told(TensorBoard(tmp_path), "one: a/b", range(1, 7))
    (run,) = tmp_path.iterdir()
    whole = curves(run)
    assert whole.keys() == TAGS
    assert whole["step/loss"] == [(k, pytest.approx(1 / k)) for k in range(1, 7)]
    assert [step for step, _ in whole["epoch/validation loss"]] == [3, 6]
    told(TensorBoard(tmp_path), "two", range(1, 6), end=False)
    told(TensorBoard(tmp_path), "two", range(4, 7), resumed=True)
    assert curves(tmp_path / "two")["step/loss"] == whole["step/loss"]


def test_without_tensorboard_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    with pytest.raises(SettingError, match="not installed") as caught:
        TensorBoard(tmp_path)
    assert caught.value.hint is not None
    assert "unspool[tensorboard]" in caught.value.hint


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    pytest.importorskip("tensorboard")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write to .*file"):
        TensorBoard(tmp_path / "file").on_start("one", 3)
