"""A fit that is killed, whenever that is, and started again ends with the same bytes as one that is left alone."""

import multiprocessing
import signal
import time
from pathlib import Path

import pytest

from tests.train import samples

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["tests.train.samples"])

FILES = 4
"""Files in a checkpoint: run.json, run.safetensors, process-0.safetensors, SHA256SUMS."""

MOMENTS = (
    ("write", 2),  # in the very first checkpoint
    ("before rename", 1),
    ("step", 1),
    ("step", 3),  # just before a checkpoint
    ("after rename", 1),
    ("step", 5),
    ("write", 1),
    ("write", FILES),
    ("step", 13),
    ("step", 16),  # just after one
    ("before rename", 2),
    ("write", FILES + 3),  # in the last one
    ("step", 24),  # after the last step, before the last checkpoint
    ("after rename", 1),  # finished, but for the end of the log
)


def killed(folder: Path, moment: tuple[str, int], stream: bool) -> int | None:
    child = FORK.Process(target=samples.run, args=(folder, moment), kwargs={"stream": stream})
    child.start()
    child.join(60)
    return child.exitcode


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Folders of fits that were left alone, with and without a stream."""
    folders = {stream: tmp_path_factory.mktemp("alone") for stream in (True, False)}
    for stream, folder in folders.items():
        assert killed(folder, ("", 0), stream) == 0
    return folders


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "generator"])
def test_killed_at_every_kind_of_moment(stream: bool, alone: dict[bool, Path], tmp_path: Path):
    for moment in MOMENTS:
        assert killed(tmp_path, moment, stream) == -signal.SIGKILL, moment
    assert killed(tmp_path, ("", 0), stream) == 0
    assert samples.left(tmp_path) == samples.left(alone[stream])


def test_killed_from_outside_at_any_time(alone: dict[bool, Path], tmp_path: Path):
    log, rounds = tmp_path / "log.jsonl", 0
    for lines in range(4, 1000, 4):
        child = FORK.Process(target=samples.run, args=(tmp_path,))
        child.start()
        while child.is_alive() and (not log.exists() or log.read_bytes().count(b"\n") < lines):
            time.sleep(0.001)
        child.kill()
        child.join(60)
        if child.exitcode == 0:
            break
        rounds += 1
    assert rounds >= 4
    assert samples.left(tmp_path) == samples.left(alone[True])


def test_a_finished_fit_is_not_run_again(alone: dict[bool, Path]):
    before = samples.left(alone[True])
    assert killed(alone[True], ("step", 1), True) == 0
    assert samples.left(alone[True]) == before
    names = sorted(p.name for p in (alone[True] / "checkpoint").iterdir())
    assert len(names) == 2
    assert all(name.startswith("generation-") for name in names)
