"""`unspool explain`: what the forecast of a saved model rests on; and the same in the report of a job."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cli.running import Ran, files, run
from tests.forecast.samples import frame_of, wave
from unspool.forecast import Forecaster


@pytest.fixture
def model(done: tuple[Path, Ran]) -> Path:
    return done[0] / "out" / "model"


@pytest.fixture
def table(done: tuple[Path, Ran]) -> Path:
    return done[0] / "table.csv"


def test_on_the_screen(model: Path, table: Path, capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "explain", model, table)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("It rests ") == 2
    assert "on the last 7\u00a0days" in ran.out
    for words in ("s0", "s1", "at rest", "last value", "days 8 to 14 back", "5\u00a0days ahead", "forecast"):
        assert words in ran.out, words
    assert f"unspool inspect {model} {table}" in ran.out


def test_as_in_python(model: Path, table: Path, capsys: pytest.CaptureFixture[str]):
    found = json.loads(run(capsys, "explain", model, table, "--series", "s1", "--ahead", "2,5", "--json").out)
    (one,) = found["explanation"]
    (wanted,) = Forecaster.load(model).explain(pl.read_csv(table, try_parse_dates=True), ahead=[2, 5]).series[1:]
    assert (one["series"], one["ahead"], one["times"]) == ("s1", [2, 5], ["2020-03-22", "2020-03-25"])
    np.testing.assert_allclose(one["window"]["attribution"], wanted.attribution, atol=1e-5)
    np.testing.assert_allclose(one["window"]["gradient"], wanted.gradient, atol=1e-5)
    assert found["files"] == {}


def test_the_folder_is_the_same_again(
    model: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        ran = run(capsys, "explain", model, table, "--out", "one")
        assert (ran.code, ran.err) == (0, "")
    one = files(tmp_path / "first" / "one")
    assert one == files(tmp_path / "second" / "one")
    assert set(one) == {"report.html", "explanation.json", "explanation.csv"}
    assert pl.read_csv(tmp_path / "first" / "one" / "explanation.csv").columns[:3] == ["unique_id", "ahead", "source"]
    page = one["report.html"].decode()
    assert "In the mean of 2 series, the forecast rests" in page
    assert "The recurrence carries gradients over" in page
    assert json.loads(one["explanation.json"])[0]["drivers"][0]["name"] == "calendar"


def test_the_report_and_the_metrics_of_a_job_say_it(done: tuple[Path, Ran]):
    page = (done[0] / "out" / "report.html").read_text()
    assert 'id="rests"' in page
    assert page.count('<p class="rests"') == 2
    assert "unspool inspect out/model table.csv" in page
    assert "In the mean of 2 series, the forecast rests" in done[1].out
    told = json.loads((done[0] / "out" / "metrics.json").read_text())["explanation"]
    assert [one["series"] for one in told] == ["s0", "s1"]
    shares = [part["share"] for part in (*told[0]["past"], *told[0]["drivers"])]
    assert sum(shares) == pytest.approx(1)
    forecast = pl.read_csv(done[0] / "out" / "forecast.csv")
    assert told[1]["forecast"][-1] == pytest.approx(forecast["forecast"][-1], rel=1e-5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--series", "s11"), "there is no series 's11'"),
        (("--ahead", "6"), "step 6 is not among those forecast"),
        (("--ahead", "first"), "the steps ahead 'first' are not whole numbers"),
        (("--ahead", ","), "no step ahead is named"),
    ],
)
def test_a_fault_is_one_line(
    words: tuple[str, str], said: str, model: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    ran = run(capsys, "explain", model, table, *words, "--out", tmp_path / "out")
    assert ran.code == 2
    assert ran.err.startswith(f"error: {said}")
    assert ran.err.count("\n") == 2
    assert files(tmp_path) == {}


def test_other_data_and_a_folder_that_is_not_its_own(
    model: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    frame_of(wave(40), wave(40, seed=1)).rename({"y": "sales"}).write_csv(tmp_path / "other.csv")
    ran = run(capsys, "explain", model, tmp_path / "other.csv")
    assert (ran.code, ran.err.splitlines()[0].endswith("the model was made for other columns")) == (2, False)
    assert "has no column 'y'" in ran.err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    ran = run(capsys, "explain", model, table, "--out", tmp_path / "mine", "--overwrite")
    assert ran.code == 2
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_a_dozen_of_many_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    frame_of(*(wave(60, seed=k) for k in range(14))).write_csv(tmp_path / "many.csv")
    fitted = Forecaster(horizon=3, network="segment", window=14, hidden_size=8, steps=4, members=1, highway=False)
    fitted.fit(pl.read_csv(tmp_path / "many.csv", try_parse_dates=True)).save(tmp_path / "model")
    ran = run(capsys, "explain", tmp_path / "model", tmp_path / "many.csv")
    assert ran.out.count("It rests ") == 12
    assert "2 other series are not shown; name one with --series" in ran.out
    ran = run(capsys, "explain", tmp_path / "model", tmp_path / "many.csv", "--series", "s13", "--series", "s2")
    assert ran.out.count("It rests ") == 2
    assert "not shown" not in ran.out
