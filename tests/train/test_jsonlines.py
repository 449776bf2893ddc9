"""The log is an object per line; it goes on after a crash, and nobody's file is lost."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from unspool.errors import OutputError
from unspool.train import Epoch, Fitted, Update
from unspool.train.jsonlines import JsonLines

MODULE = nn.Linear(1, 1)


def told(log: Any, title: str, steps: range, *, resumed: bool = False, end: bool = True) -> None:
    log.on_start(title, 6)
    if resumed:
        log.on_resume(steps.start - 1, [])
    for step in steps:
        log.on_step(step, 1 / step)
        log.on_update(Update(step, 1 / step, 2.0, 0.1, 0.0))
        if step % 3 == 0:
            log.on_epoch(MODULE, Epoch(step // 3, 0.5, math.nan if step == 3 else 0.25, 2.0, 0.0))
    if end:
        log.on_end(Fitted((Epoch(1, 0.5, 0.25, 2.0, 0.0),), 1, "finished", 0.0))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]


def test_every_step_and_validation_and_the_end(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    told(JsonLines(path), "one", range(1, 7))
    found = lines(path)
    assert [line["kind"] for line in found] == ["step"] * 3 + ["epoch"] + ["step"] * 3 + ["epoch", "end"]
    assert found[1] == {
        "fit": "one", "kind": "step", "step": 2, "loss": 0.5, "gradient_norm": 2.0, "learning_rate": 0.1, "seconds": 0.0
    }  # fmt: skip
    assert found[3]["valid_loss"] is None  # JSON has no NaN
    assert found[7]["step"] == 6
    assert found[-1] == {
        "fit": "one", "kind": "end", "step": 6, "best": 1, "best_loss": 0.25, "stopped": "finished", "seconds": 0.0
    }  # fmt: skip


def test_fits_follow_each_other_and_steps_may_be_left_out(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    log = JsonLines(path, every=2)
    told(log, "one", range(1, 7))
    told(log, "two", range(1, 4))
    steps = [(line["fit"], line["step"]) for line in lines(path) if line["kind"] == "step"]
    assert steps == [("one", 2), ("one", 4), ("one", 6), ("two", 2)]


@pytest.mark.parametrize("torn", ["", '{"fit": "two", "ki', "\x00\x00"])
def test_after_a_crash_it_is_as_if_there_had_been_none(torn: str, tmp_path: Path):
    whole, broken = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    for path in (whole, broken):
        told(JsonLines(path), "one", range(1, 7))
    log = JsonLines(whole, overwrite=True)
    told(log, "one", range(1, 7))
    told(log, "two", range(1, 7))
    log = JsonLines(broken, overwrite=True)
    told(log, "one", range(1, 7))
    told(log, "two", range(1, 6), end=False)
    with broken.open("a") as file:
        file.write(torn)
    told(JsonLines(broken), "two", range(4, 7), resumed=True)
    assert broken.read_bytes() == whole.read_bytes()


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    path.write_text("mine\nall mine\n")
    with pytest.raises(OutputError, match=r"log.jsonl' exists"):
        told(JsonLines(path), "one", range(1, 7))
    with pytest.raises(OutputError, match="is not a log of fits"):
        told(JsonLines(path), "one", range(1, 7), resumed=True)
    assert path.read_text() == "mine\nall mine\n"
    told(JsonLines(path, overwrite=True), "one", range(1, 7))
    assert len(lines(path)) == 9


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(OutputError, match=r"cannot write .*missing.*No such file"):
        told(JsonLines(tmp_path / "missing" / "log.jsonl"), "one", range(1, 7))
