"""The shared training options say to `fit` what a person typed, and `python -m unspool` is `unspool`."""

import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from rich.console import Console
from torch import nn

from unspool.cli.progress import Progress
from unspool.cli.training import Training, read_clip
from unspool.errors import SettingError
from unspool.train import Epoch, Fitted, TrainSettings, Update
from unspool.train.jsonlines import JsonLines
from unspool.train.tensorboard import TensorBoard


def test_without_options_it_is_the_default_with_retries():
    assert asdict(Training().settings()) == asdict(TrainSettings(retries=3))
    assert Training().kept() is None
    assert Training().logs() == []
    assert Training().fabric().device.type == "cpu"


def test_every_option_reaches_the_fit(tmp_path: Path):
    pytest.importorskip("tensorboard")
    given = Training(
        steps=7, learning_rate=0.1, weight_decay=0.2, clip="observed:0.9", optimizer="SGD",
        optimizer_option=["momentum=0.9"], schedule="StepLR", schedule_option=["step_size=2"], accumulate=3,
        averaging="swa", validations=2, patience=5, retries=1, precision="bf16", checkpoint=tmp_path / "c",
        checkpoint_every=9, log=tmp_path / "log", tensorboard=tmp_path / "t",
    )  # fmt: skip
    assert given.settings() == TrainSettings(
        steps=7, learning_rate=0.1, weight_decay=0.2, clip="observed", clip_quantile=0.9, optimizer="SGD",
        optimizer_options=("momentum=0.9",), schedule="StepLR", schedule_options=("step_size=2",), accumulate=3,
        averaging="swa", validations=2, patience=5, retries=1,
    )  # fmt: skip
    kept = given.kept()
    assert kept is not None
    assert (kept.folder, kept.every) == (tmp_path / "c", 9)
    assert [type(log) for log in given.logs()] == [JsonLines, TensorBoard]
    assert getattr(given.fabric().strategy.precision, "precision", "") == "bf16-mixed"


def test_every_option_has_a_help_text():
    hints: dict[str, Any] = get_type_hints(Training, include_extras=True)
    assert all(hints[field.name].__metadata__[0].help for field in fields(Training))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1.5", (1.5, 0.5)),
        ("inf", (float("inf"), 0.5)),
        ("observed", ("observed", 0.5)),
        ("observed:0.9", ("observed", 0.9)),
    ],
)
def test_clip_is_read(text: str, meaning: tuple[float | str, float]):
    assert read_clip(text) == meaning


@pytest.mark.parametrize("text", ["", "much", "observed:x", "1:2"])
def test_a_clip_that_is_none_is_named(text: str):
    with pytest.raises(SettingError, match=f"clip is '{text}'"):
        read_clip(text)


def test_python_m_unspool():
    done = subprocess.run([sys.executable, "-m", "unspool", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("unspool ")


def test_other_processes_print_nothing(monkeypatch: pytest.MonkeyPatch):
    def said() -> str:
        command = [sys.executable, "-m", "unspool", "--version"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    monkeypatch.setenv("RANK", "1")
    assert said().startswith("unspool")  # somebody else's RANK: it also writes its files then
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert said() == ""
    monkeypatch.setenv("RANK", "0")
    assert said().startswith("unspool")


def test_the_bar_shows_loss_gradient_rate_and_notes():
    console = Console(record=True, force_terminal=True, width=160)
    with Progress(console) as bar:
        bar.on_start("fitting", 10)
        bar.on_resume(4, [Epoch(1, 0.5, 0.25, 2.0, 0.0)])
        bar.on_step(5, 0.125)
        bar.on_update(Update(5, 0.125, 3.5, 0.01, 0.0))
        bar._bars.refresh()
        bar.on_note("step 5: [red] something")
        shown = [str(column) for task in bar._bars.tasks for column in task.fields.values()]
        assert shown == ["loss 0.1250  ‖∇‖ 3.5  rate 1.0e-02  validation 0.2500"]
        assert bar._bars.tasks[0].completed == 5
        bar.on_epoch(nn.Linear(1, 1), Epoch(2, 0.5, 0.125, 2.0, 0.0))
        bar.on_end(Fitted((Epoch(1, 0.5, 0.25, 2.0, 0.0),), 1, "early stopping", 1.0))
    said = console.export_text()
    assert "step 5: [red] something" in said
    assert "validation loss 0.2500  1.0 s, early stopping" in said
