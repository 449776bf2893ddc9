"""The commands and the Python of docs/uneven-time.md do what the page says."""

import re
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cli.running import run

PAGE = (Path(__file__).parents[2] / "docs" / "uneven-time.md").read_text(encoding="utf-8")
FAST = ("--window", 14, "--hidden-size", 8, "--steps", 5, "--members", 1, "--validation", 10)


def rows(count: int, seed: int, start: float = 0.0) -> pl.DataFrame:
    times = start + np.random.default_rng(seed).exponential(size=count).cumsum()
    return pl.DataFrame({"t": times, "y": np.sin(times)})


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_commands_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    rows(90, seed=0).write_csv("visits.csv")
    rows(40, seed=1, start=100).write_csv("newer.csv")
    commands = [shlex.split(line, comments=True) for line in blocks("sh")[0].splitlines()]
    assert [words[1] for words in commands] == ["forecast", "predict", "backtest"]
    for words in commands:
        ran = run(capsys, *words[1:], *(FAST if words[1] != "predict" else ()))
        assert (ran.code, ran.err) == (0, ""), words
    assert len(pl.read_csv("out/visits/forecast.csv")) == 6


def test_the_python_runs():
    (code,) = (block for block in blocks("python") if "Forecaster" in block)
    code = code.replace("uneven=True,", "uneven=True, steps=4, members=1, window=14, hidden_size=8, refit=False,")
    frame = rows(90, seed=0)
    last = frame["t"][-1]
    names = {"frame": frame, "times": np.array([last + np.cumsum([0.1, 0.5, 1, 1, 2, 3])])}
    exec(code, names)
    assert len(names["regular"]) == 6
    assert np.array_equal(names["other"].times, names["times"])


def test_it_is_short_and_names_what_the_commands_have():
    assert len(PAGE.splitlines()) <= 80
    from unspool.cli.job import Job

    for option in re.findall(r"(?<![-|])--(?:no-)?([a-z][a-z-]*)", PAGE):
        assert option.replace("-", "_") in Job.__dataclass_fields__, option
