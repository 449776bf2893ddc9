"""`unspool tune` finds settings, hands them to `unspool forecast`, and goes on where it was."""

import json
import shlex
from pathlib import Path

import pytest

from tests.cli.running import files, run

pytest.importorskip("optuna")

QUICK = ("--horizon", 5, "--steps", 10, "--validation", 10, "--folds", 1)


def test_what_is_found_is_a_forecast_to_run(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "tuned"
    ran = run(capsys, "tune", table, *QUICK, "--trials", 3, "--over", "learning_rate,hidden_size,highway", "--out", out)
    assert ran.code == 0, ran.err
    assert "3 trials, 0 broken off" in ran.out
    record = json.loads((out / "best.json").read_text())
    assert record["command"] in ran.out
    losses = [trial["loss"] for trial in record["trials"]]
    assert record["best"]["loss"] == min(losses)
    assert f"with the usual settings {losses[0]:.4f}" in ran.out
    words = shlex.split(record["command"])[1:]
    assert words[:2] == ["forecast", str(table)]
    forecast = run(capsys, *words, "--members", 1, "--folds", 1, "--out", tmp_path / "forecast")
    assert forecast.code == 0, forecast.err
    again = run(
        capsys,
        "tune",
        table,
        *QUICK,
        "--trials",
        4,
        "--over",
        "learning_rate,hidden_size,highway",
        "--out",
        out,
        "--json",
    )
    assert again.code == 0, again.err
    assert json.loads(again.out)["trials"][:3] == record["trials"]
    refused = run(capsys, "tune", table, *QUICK, "--trials", 4, "--over", "cell", "--out", out)
    assert refused.code == 2
    assert "of another search" in refused.err


def test_the_held_back_horizons_are_not_seen(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Other values after the cutoff change nothing."""
    words = (*QUICK, "--trials", 1, "--over", "learning_rate", "--json")
    losses = []
    for name in ("a", "b"):
        lines = table.read_text().splitlines()
        if name == "b":
            lines[-5:] = [line.split(",")[0] + ",1000" for line in lines[-5:]]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
        ran = run(capsys, "tune", tmp_path / f"{name}.csv", *words, "--out", tmp_path / name)
        losses.append(json.loads(ran.out)["best"]["loss"])
    assert losses[0] == losses[1]


BAD = [
    (("--trials", 0), "trials is 0"),
    (("--folds", -1), "folds is -1"),
    (("--over", "colour"), "'colour' is nothing to search"),
    (("--over", "num_layers", "--network", "dilated"), "has a layer for each dilation"),
    (("--over", ","), "',' is nothing to search"),
    (("--cells", "gru,grue"), "unknown cell 'grue'"),
    (("--cells", ","), "there is no cell to choose"),
    (("--network", "deep"), "unknown network 'deep'"),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=[m for _, m in BAD])
def test_nonsense_is_named_and_nothing_is_written(
    words: tuple[object, ...], message: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    before = files(tmp_path)
    ran = run(capsys, "tune", table, *QUICK, *words, "--out", tmp_path / "out")
    assert (ran.code, ran.err.count("\n")) == (2, 2)
    assert message in ran.err
    assert files(tmp_path) == before


def test_a_folder_of_somebody_elses_is_refused(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("mine")
    ran = run(capsys, "tune", table, *QUICK, "--out", tmp_path / "out")
    assert ran.code == 2
    assert "letter.txt" in ran.err


def test_a_network_that_is_fed_its_forecast_has_no_highway_to_search(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ("tune", table, *QUICK[:2], "--steps", 2, *QUICK[4:], "--network", "autoregressive", "--cells", "elman")
    ran = run(capsys, *words, "--trials", 1, "--out", tmp_path / "tuned")
    assert (ran.code, ran.err) == (0, "")
    assert "highway" not in json.loads((tmp_path / "tuned/best.json").read_text())["command"]
    ran = run(capsys, *words, "--over", "highway", "--out", tmp_path / "none")
    assert ran.code == 2
    assert "has no highway to search" in ran.err
