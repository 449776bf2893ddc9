"""The commands and the Python of docs/covariates.md do what the page says."""

import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from tests.cli.running import SMALL, run
from tests.forecast.covariates import driven

PAGE = (Path(__file__).parents[2] / "docs" / "covariates.md").read_text(encoding="utf-8")


def stores(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two shops' sales, and what is known of the days after."""
    parts, ahead = [], []
    for k, region in enumerate(("north", "south")):
        table, future = driven(seed + k, length=90)
        parts.append(table.with_columns(store=pl.lit(f"s{k}"), region=pl.lit(region), visitors=pl.col("y") * 3))
        ahead.append(future.with_columns(store=pl.lit(f"s{k}")))
    return pl.concat(parts), pl.concat(ahead)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_commands_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names = (("sales.csv", "future.csv"), ("newer.csv", "newer-future.csv"))
    for seed, (table, future) in enumerate(names):
        for name, frame in zip((table, future), stores(seed), strict=True):
            frame.write_csv(name)
    commands = [shlex.split(line, comments=True) for line in blocks("sh")[0].splitlines()]
    assert [words[1] for words in commands] == ["forecast", "predict", "backtest"]
    for words in commands:
        ran = run(capsys, *words[1:], *(SMALL if words[1] != "predict" else ()))
        assert (ran.code, ran.err) == (0, ""), words
    assert len(pl.read_csv("out/sales/forecast.csv")) == 2 * 7


def test_the_python_runs():
    (code,) = blocks("python")
    code = code.replace('series="store")', 'series="store", steps=4, members=1, network="segment", refit=False)')
    (frame, future), (newer, newer_future) = stores(0), stores(1)
    names: dict = {"frame": frame, "future": future, "newer": newer, "newer_future": newer_future}
    exec(code, names)
    assert len(names["forecast"]) == len(names["later"]) == 2 * 7
    assert set(names["scores"]["overall"]) > {"unspool", "ridge"}


def test_it_is_short_and_names_what_the_commands_have():
    assert len(PAGE.splitlines()) <= 90
    from unspool.cli.job import Job

    for option in re.findall(r"(?<![-|])--(?:no-)?([a-z][a-z-]*)", PAGE):
        assert option.replace("-", "_") in Job.__dataclass_fields__, option
