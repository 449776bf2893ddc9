"""`unspool forecast`: five outputs, the same bytes for the same seed, and Ctrl-C."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cli.running import SMALL, Ran, files, run, run_apart
from tests.forecast.samples import CtrlC, frame_of, wave
from unspool.cli import progress
from unspool.forecast import Forecaster

MGU = Path(__file__).parents[1] / "forecast" / "mgu_page.py"


def test_five_outputs(done: tuple[Path, Ran]):
    out = done[0] / "out"
    assert sorted(p.name for p in out.iterdir()) == [
        "forecast.csv",
        "forecast.parquet",
        "metrics.json",
        "model",
        "report.html",
    ]
    assert sorted(p.name for p in (out / "model").iterdir()) == ["model.json", "weights.safetensors"]
    assert [p.name for p in done[0].iterdir() if p.name.startswith(".")] == []


def test_the_forecast_follows_the_data(done: tuple[Path, Ran]):
    table = pl.read_csv(done[0] / "out" / "forecast.csv")
    assert table.columns[:3] == ["unique_id", "ds", "forecast"]
    assert table["unique_id"].to_list() == ["s0"] * 5 + ["s1"] * 5
    assert table["ds"].to_list()[:5] == [f"2020-03-{day}" for day in range(21, 26)]
    quantiles = table.select(pl.col("^q.*$")).to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert np.array_equal(table["forecast"].to_numpy(), table["q0.5"].to_numpy())
    parquet = pl.read_parquet(done[0] / "out" / "forecast.parquet")
    assert parquet.schema["ds"] == pl.Date
    assert np.allclose(parquet["forecast"].to_numpy(), table["forecast"].to_numpy())


def test_metrics(done: tuple[Path, Ran]):
    metrics = json.loads((done[0] / "out" / "metrics.json").read_text())
    assert {"overall", "by_step", "folds", "coverage", "skill"} <= metrics.keys()
    assert {"unspool", "last_value", "seasonal_naive", "drift", "mean", "ridge"} == metrics["overall"].keys()
    assert [fold["number"] for fold in metrics["folds"]] == [1, 2]
    assert len(metrics["by_step"]["unspool"]["mae"]) == 5


def test_what_a_person_reads(done: tuple[Path, Ran]):
    said = done[1].out
    for words in (
        "2 series of 80 steps, daily, 2020-01-01 to 2020-03-20",
        "ridge",
        "skill",
        "best baseline",
        "report.html",
    ):
        assert words in said, words
    assert "Traceback" not in done[1].err


def test_the_same_seed_gives_the_same_bytes(done: tuple[Path, Ran], tmp_path: Path):
    shutil.copy(done[0] / "table.csv", tmp_path)
    words = ("forecast", "table.csv", "--horizon", "5", "--folds", "2", "--out", "out", *SMALL)
    assert run_apart(tmp_path, *words).code == 0
    one, two = files(done[0] / "out"), files(tmp_path / "out")
    assert one.keys() == two.keys()
    for name, content in one.items():
        assert content == two[name], name


def test_another_seed_gives_another_forecast(
    done: tuple[Path, Ran], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    run(capsys, "forecast", done[0] / "table.csv", "--horizon", 5, "--folds", 0, "--seed", 1, "--out", out, *SMALL)
    one, two = (pl.read_csv(p / "forecast.csv")["forecast"] for p in (out, done[0] / "out"))
    assert not np.allclose(one.to_numpy(), two.to_numpy())


def test_the_report_states_a_command_that_does_it_again(done: tuple[Path, Ran]):
    from unspool.cli.job import Job
    from unspool.cli.output import _command

    job = Job(
        file=Path("a b.csv"),
        horizon=3,
        target="my y",
        highway=False,
        refit=False,
        overwrite=True,
        hidden_size=8,
        sliding=50,
    )
    words = shlex.split(_command(job, "forecast"))
    assert words[:3] == ["unspool", "forecast", "a b.csv"]
    assert _parsed(words[2:]) == job
    assert "--horizon" in (done[0] / "out" / "report.html").read_text()


def _parsed(words: list[str]):
    """The job that the command line makes of the words."""
    import typer

    from unspool.cli.job import Job, takes_job

    caught: list[Job] = []

    def catch(job: Job) -> None:
        caught.append(job)

    app = typer.Typer()
    app.command()(takes_job(catch))
    app(words, standalone_mode=False)
    return caught[0]


def test_json_stands_alone_on_standard_output(table: Path, tmp_path: Path):
    words = ("forecast", "table.csv", "--horizon", "5", "--folds", "1", "--json", "--out", "out", *SMALL)
    ran = run_apart(tmp_path, *words)
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert len(found["forecast"]) == 5
    assert found["metrics"]["folds"][0]["number"] == 1
    assert Path(found["files"]["forecast"]) == Path("out/forecast.csv")


def test_a_cell_of_ones_own(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """… and its model forecasts without the page."""
    page = Path(shutil.copy(MGU, tmp_path / "mine.py"))
    words = ("--horizon", 5, "--folds", 0, *SMALL, "--cell", f"{page}:mgu", "--out", tmp_path / "out")
    assert run(capsys, "forecast", table, *words).code == 0
    page.unlink()
    ran = run(capsys, "predict", tmp_path / "out" / "model", table, "--out", tmp_path / "again.csv")
    assert ran.code == 0
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "out" / "forecast.csv").read_bytes()


def test_overwrite_replaces_the_whole_folder(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    (out / "model").mkdir(parents=True)
    (out / "forecast.csv").write_text("old")
    (out / "model" / "model.json").write_text("old")
    ran = run(capsys, "backtest", table, "--horizon", 5, "--folds", 1, *SMALL, "--out", out, "--overwrite")
    assert ran.code == 0
    assert sorted(files(out)) == ["metrics.json", "report.html"]


def test_bad_series_can_be_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    frame_of(wave(80), [7.0] * 80).write_csv(tmp_path / "table.csv")
    words = ("forecast", tmp_path / "table.csv", "--horizon", 5, "--folds", 0, *SMALL, "--out", tmp_path / "out")
    ran = run(capsys, *words, "--skip-bad-series")
    assert ran.code == 0
    assert "s1: left out, it is constant (7)" in ran.out
    assert set(pl.read_csv(tmp_path / "out" / "forecast.csv")["unique_id"]) == {"s0"}


def test_names_that_look_like_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    frame = frame_of(wave(80), wave(80, seed=1)).rename({"unique_id": "[/id]", "y": "[bold]y"})
    frame.with_columns(pl.col("[/id]") + "[/red]").write_csv(tmp_path / "[a].csv")
    words = (
        "--series",
        "[/id]",
        "--target",
        "[bold]y",
        "--horizon",
        5,
        "--folds",
        1,
        *SMALL,
        "--out",
        tmp_path / "out",
    )
    ran = run(capsys, "forecast", tmp_path / "[a].csv", *words)
    assert ran.code == 0
    ran = run(capsys, "predict", tmp_path / "out" / "model", tmp_path / "[a].csv")
    assert ran.code == 0
    assert "s0[/red]" in ran.out


@pytest.mark.parametrize("title", ["fitting", "fold 1/2", "fold 2/2"])
def test_ctrl_c_keeps_what_there_is_and_says_so(
    title: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    pressed = CtrlC(title, 3)
    for name in ("on_start", "on_step"):
        monkeypatch.setattr(progress.Progress, name, lambda self, *args, name=name: getattr(pressed, name)(*args))
    monkeypatch.setattr(progress.Progress, "on_epoch", lambda *_: None)
    monkeypatch.setattr(progress.Progress, "on_end", lambda *_: None)
    ran = run(capsys, "forecast", table, "--horizon", 5, "--folds", 2, *SMALL, "--out", tmp_path / "out")
    assert ran.code == 0
    assert "note: interrupted" in ran.out
    assert len(pl.read_csv(tmp_path / "out" / "forecast.csv")) == 5
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert len(metrics.get("folds", [])) == {"fitting": 0, "fold 1/2": 0, "fold 2/2": 1}[title]
    assert Forecaster.load(tmp_path / "out" / "model").horizon == 5


def test_ctrl_c_before_anything_was_learned(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(progress.Progress, "on_start", CtrlC("fitting", 0).on_start)
    before = files(tmp_path)
    ran = run(capsys, "forecast", table, "--horizon", 5, *SMALL, "--out", tmp_path / "out")
    assert (ran.code, ran.err) == (130, "interrupted: nothing was written\n")
    assert files(tmp_path) == before
