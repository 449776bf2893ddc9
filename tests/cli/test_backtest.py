"""`unspool backtest`: metrics and a report, without a final fit."""

import json
from pathlib import Path

import pytest

from tests.cli.running import SMALL, Ran, files, run
from unspool.cli.job import Job
from unspool.cli.run import forecaster_of


def backtest(capsys: pytest.CaptureFixture[str], table: Path, *words: object) -> Ran:
    return run(capsys, "backtest", table, "--horizon", 5, *SMALL, *words)


def test_two_outputs(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ran = backtest(capsys, table, "--folds", 2, "--out", tmp_path / "out")
    assert ran.code == 0
    assert sorted(files(tmp_path / "out")) == ["metrics.json", "report.html"]
    assert "Backtest, 2 folds" in ran.out


def test_json(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ran = backtest(capsys, table, "--folds", 1, "--out", tmp_path / "out", "--json")
    found = json.loads(ran.out)
    assert "forecast" not in found
    assert found["metrics"] == json.loads((tmp_path / "out" / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("words", "cutoffs"),
    [
        (("--folds", 2), ["2020-03-10", "2020-03-15"]),
        (("--folds", 2, "--step", 3), ["2020-03-12", "2020-03-15"]),
        (("--folds", 1, "--gap", 2), ["2020-03-13"]),
        (("--folds", 2, "--sliding", 60), ["2020-03-10", "2020-03-15"]),
        (("--folds", 2, "--no-refit"), ["2020-03-10", "2020-03-15"]),
        ((), ["2020-03-05", "2020-03-10", "2020-03-15"]),
    ],
)
def test_the_folds_are_those_asked_for(
    words: tuple[object, ...], cutoffs: list[str], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = json.loads(backtest(capsys, table, *words, "--out", tmp_path / "out", "--json").out)
    assert [fold["cutoff"] for fold in found["metrics"]["folds"]] == cutoffs


def test_without_folds_there_is_nothing_to_do(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    before = files(tmp_path)
    ran = backtest(capsys, table, "--folds", 0, "--out", tmp_path / "out")
    assert ran.code == 2
    assert ran.err.startswith("error: folds is 0\nhint:  ")
    assert files(tmp_path) == before


@pytest.mark.parametrize("refit", [True, False])
def test_refit_is_of_the_folds(refit: bool, tmp_path: Path):
    """The forecaster decides by the size of the data whether a fit ends with one on all of them."""
    assert forecaster_of(Job(file=tmp_path / "table.csv", horizon=1, refit=refit)).refit is None
