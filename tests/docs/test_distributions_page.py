"""The commands and the Python of docs/distributions-and-paths.md do what the page says."""

import re
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cli.running import run
from tests.forecast.samples import frame_of, wave
from unspool.cli.job import Job
from unspool.forecast.heads import HEADS

PAGE = (Path(__file__).parents[2] / "docs" / "distributions-and-paths.md").read_text(encoding="utf-8")
QUICK = ("--window", "14", "--hidden-size", "8", "--steps", "4", "--members", "1", "--folds", "1")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_commands_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name, seed in (("demand.csv", 0), ("newer.csv", 1)):
        frame_of(wave(90, seed)).write_csv(name)
    frame_of(np.random.default_rng(0).poisson(3, 90)).write_csv("orders.csv")
    commands = [shlex.split(line) for line in blocks("sh")[0].splitlines()]
    assert [words[1] for words in commands] == ["forecast", "predict", "forecast", "forecast"]
    for words in commands:
        ran = run(capsys, *words[1:], *(QUICK if words[1] == "forecast" else ()))
        assert (ran.code, ran.err) == (0, ""), words
    assert len(pl.read_csv("out/demand/paths.csv")) == len(pl.read_csv("newer-paths.csv")) == 200 * 7
    orders = pl.read_csv("out/orders/paths.csv")["value"]
    assert len(orders) == 50 * 7
    assert (orders == orders.round()).all()
    assert not Path("out/student/paths.csv").exists()


def test_the_python_runs():
    (code,) = blocks("python")
    names: dict = {"frame": frame_of(wave(90))}
    exec(code.replace('head="student")', 'head="student", steps=4, members=1, refit=False)'), names)
    assert names["paths"].shape == (1, 500, 7)
    assert names["week"].shape == (3, 1)
    assert 0 <= names["above"][0] <= 1


def test_it_names_every_head_and_what_the_commands_have():
    assert len(PAGE.splitlines()) <= 90
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(HEADS)
    for option in re.findall(r"(?<![-|])--([a-z][a-z-]*)", PAGE):
        assert option in ("paths-out", "only", "data") or option.replace("-", "_") in Job.__dataclass_fields__, option
