"""What a checkpoint refuses, and what it does about damage and a full disk."""

import errno
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from tests.train import samples
from unspool.errors import ModelError, OutputError, SettingError, UnspoolError
from unspool.train import Carried, Checkpoint, Stream, fit, generations


class StopError(Exception): ...


class Notes(samples.Moment):
    """Writes down what is said; stops the fit after a step, where one is given."""

    def __init__(self, step: int = 0) -> None:
        super().__init__(step)
        self.notes: list[str] = []
        self.resumed: list[int] = []

    def on_note(self, note: str) -> None:
        self.notes.append(note)

    def on_resume(self, step: int, epochs: Any) -> None:
        self.resumed.append(step)

    def on_update(self, update: Any) -> None:
        if update.step == self.step:
            raise StopError


def go(folder: Path, watch: Notes, module: nn.Module | None = None, **changes: Any):
    return fit(
        module or samples.network(),
        Stream(samples.waves(), 7),
        Carried(samples.one_chunk),
        samples.judge,
        replace(samples.SETTINGS, **changes),
        checkpoint=Checkpoint(folder, samples.EVERY),
        callbacks=[watch],
    )


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit that broke off after step 10; its checkpoints are those of steps 6 and 9."""
    folder = tmp_path_factory.mktemp("begun") / "checkpoint"
    with pytest.raises(StopError):
        go(folder, Notes(10))
    return folder


@pytest.fixture
def checkpoint(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "checkpoint"))


def newest(folder: Path) -> Path:
    return max(folder.glob("generation-*"))


def test_it_goes_on_from_the_newest(checkpoint: Path):
    watch = Notes()
    fitted = go(checkpoint, watch)
    assert watch.resumed == [9]
    assert watch.notes == [f"on from the checkpoint of step 9 in '{checkpoint}'"]
    assert (fitted.stopped, len(fitted.epochs)) == ("finished", 6)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a bit": lambda place: flip(place / "run.safetensors"),
    "a bit of the record": lambda place: flip(place / "run.json"),
    "a bit of the sums": lambda place: flip(place / "SHA256SUMS"),
    "cut": lambda place: (place / "run.safetensors").write_bytes(b""),
    "a file missing": lambda place: (place / "process-0.safetensors").unlink(),
    "no sums": lambda place: (place / "SHA256SUMS").unlink(),
    "empty sums": lambda place: (place / "SHA256SUMS").write_text(""),
    "not text": lambda place: (place / "SHA256SUMS").write_bytes(b"\xff\xfe"),
    "all files missing": lambda place: [p.unlink() for p in place.iterdir()],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_one_falls_back_to_the_one_before(damage: str, checkpoint: Path):
    damaged = newest(checkpoint)
    DAMAGE[damage](damaged)
    watch = Notes(7)
    with pytest.raises(StopError):
        go(checkpoint, watch)
    assert watch.resumed == [6]
    assert watch.notes[0].startswith(f"the checkpoint '{damaged}' is damaged (")
    assert "step 6" in watch.notes[1]


def test_after_a_fall_back_the_one_that_was_whole_stays(checkpoint: Path):
    whole, damaged = sorted(checkpoint.glob("generation-*"))
    flip(damaged / "run.json")
    with pytest.raises(StopError):
        go(checkpoint, Notes(10))
    assert whole.exists()
    assert not damaged.exists()
    assert len(list(checkpoint.iterdir())) == 2


def test_when_all_are_damaged_it_is_refused(checkpoint: Path):
    for place in checkpoint.iterdir():
        flip(place / "run.json")
    with pytest.raises(ModelError, match=r"000003' is damaged .*000002|000004' is damaged") as caught:
        go(checkpoint, Notes())
    assert caught.value.hint == f"delete '{checkpoint}' to begin anew"


class Wider(samples.Network):
    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Linear(2, 2)


BAD: list[tuple[Callable[[Path], object], type[UnspoolError], str]] = [
    (
        lambda folder: go(folder, Notes(), samples.network(hidden_size=7)),
        ModelError,
        r"another model: 'recurrent.\w+' is \[18, 2\] float32 there and \[21, 2\] float32 here",
    ),
    (lambda folder: go(folder, Notes(), Wider()), ModelError, r"'second.weight' is missing there and \[2, 2\]"),
    (lambda folder: go(folder, Notes(), samples.network().double()), ModelError, "float32 there and .* float64 here"),
    (
        lambda folder: go(folder, Notes(), samples.network(dropout=0.4)),
        ModelError,
        r"it has .*Dropout\(p=0.3.* where this one has .*Dropout\(p=0.4",
    ),
    (
        lambda folder: go(folder, Notes(), steps=30, learning_rate=0.1),
        SettingError,
        "steps was 24 and is 30; learning_rate was 0.02 and is 0.1",
    ),
    (lambda folder: go(folder, Notes(), averaging="swa"), SettingError, "averaging was 'ema' and is 'swa'"),
    (lambda folder: Checkpoint(folder, 0), SettingError, "every 0 steps"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[m for _, _, m in BAD])
def test_another_fit_is_refused(
    call: Callable[[Path], object], error: type[UnspoolError], message: str, checkpoint: Path
):
    before = {p: p.read_bytes() for p in checkpoint.rglob("*") if p.is_file()}
    with pytest.raises(error, match=message):
        call(checkpoint)
    assert {p: p.read_bytes() for p in checkpoint.rglob("*") if p.is_file()} == before


def full(monkeypatch: pytest.MonkeyPatch, *, from_file: int) -> None:
    """The disk is full from this file on (from 1): half of it is written."""
    real, count = generations.write_through, 0

    def write(path: Path, data: bytes) -> None:
        nonlocal count
        count += 1
        if count >= from_file:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, data)

    monkeypatch.setattr(generations, "write_through", write)


def test_on_a_full_disk_training_goes_on_and_the_last_checkpoint_stays(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    before = {p: p.read_bytes() for p in checkpoint.rglob("*") if p.is_file()}
    full(monkeypatch, from_file=2)
    watch = Notes()
    fitted = go(checkpoint, watch)
    assert fitted.stopped == "finished"
    assert {p: p.read_bytes() for p in checkpoint.rglob("*") if p.is_file()} == before
    assert watch.notes[1] == (
        f"step 12: cannot write a checkpoint to '{checkpoint}': No space left on device; the checkpoint of step 9 stays"
    )
    assert fitted.notes == tuple(watch.notes)
    monkeypatch.undo()
    again = go(checkpoint, Notes())
    assert [replace(e, seconds=0) for e in again.epochs] == [replace(e, seconds=0) for e in fitted.epochs]


def test_a_disk_that_is_full_from_the_start_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    full(monkeypatch, from_file=1)
    with pytest.raises(OutputError, match=r"cannot write a checkpoint to .*No space left on device"):
        go(tmp_path / "checkpoint", Notes(1))
    assert list((tmp_path / "checkpoint").iterdir()) == []


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path):
    (tmp_path / "generation-notes.txt").write_text("mine")
    (tmp_path / "generation-of-mine").mkdir()
    go(tmp_path, Notes(), steps=7)
    assert (tmp_path / "generation-notes.txt").read_text() == "mine"
    assert (tmp_path / "generation-of-mine").is_dir()
    assert len(list(tmp_path.iterdir())) == 4
