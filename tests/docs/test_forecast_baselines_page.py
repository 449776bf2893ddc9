"""The commands and the Python of docs/forecast-baselines.md do what the page says."""

import json
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from tests.cli.running import SMALL, run
from tests.forecast.samples import frame_of, wave
from unspool.cli.job import Job
from unspool.forecast.evaluation.statistical import METHODS, SECONDS
from unspool.forecast.tables.ingest import panel_from_file

PAGE = (Path(__file__).parents[2] / "docs" / "forecast-baselines.md").read_text(encoding="utf-8")

installed = pytest.mark.skipif(find_spec("statsforecast") is None, reason="the extra `baselines` is not installed")


def sales() -> pl.DataFrame:
    return frame_of(wave(60), wave(60, seed=1)).rename({"unique_id": "store"})


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


@installed
def test_the_commands_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    sales().write_csv("sales.csv")
    install, *commands = [shlex.split(line, comments=True) for line in block("sh").splitlines()]
    assert install == ["pip", "install", "unspool[baselines]"]
    assert [words[1] for words in commands] == ["backtest", "forecast"]
    for words in commands:
        ran = run(capsys, *words[1:], *SMALL, "--baseline-seconds", 900)
        assert (ran.code, ran.err) == (0, ""), words
        assert all(method in ran.out for method in METHODS)
        metrics = json.loads((Path(words[-1]) / "metrics.json").read_text())
        assert tuple(metrics["rivals"]) == METHODS
        assert "of other baselines" in (Path(words[-1]) / "report.html").read_text(encoding="utf-8")


@installed
def test_the_python_runs(capsys: pytest.CaptureFixture[str]):
    fast = "network='segment', window=14, hidden_size=8, steps=4, members=1, validation=10, refit=False"
    code = block("python").replace('series="store"', f'series="store", {fast}')
    exec(code.replace('"statistical"', '"statistical", baseline_seconds=900'), {"frame": sales()})
    assert float(capsys.readouterr().out.split()[0]) > 0


def test_the_entry_on_the_page_is_read(tmp_path: Path):
    (line,) = re.findall(r'`(\{"start".*?\})`', PAGE)
    (tmp_path / "data.json").write_text(line + "\n", encoding="utf-8")
    (series,) = panel_from_file(tmp_path / "data.json", frequency="1d", on_bad_series="error").series
    assert series.id == "a"


def test_it_is_short_and_names_what_the_commands_have():
    assert len(PAGE.splitlines()) <= 60
    assert f"{SECONDS:g} seconds" in PAGE
    for option in re.findall(r"(?<![-|])--(?:no-)?([a-z][a-z-]*)", PAGE):
        assert option.replace("-", "_") in Job.__dataclass_fields__, option
