"""`--baselines statistical` on the command line where it cannot be had: one clear line, before anything is read."""

from pathlib import Path

import pytest

from tests.cli.running import SMALL, run
from tests.forecast.samples import frame_of, wave
from unspool.forecast.evaluation import statistical


@pytest.mark.parametrize("command", ["forecast", "backtest"])
def test_without_the_extra(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(statistical, "find_spec", lambda name: None)
    ran = run(capsys, command, "absent.csv", "--horizon", 5, "--baselines", "statistical")
    assert (ran.code, ran.out) == (2, "")
    assert "AutoETS, AutoARIMA and AutoTheta are not installed" in ran.err
    assert "pip install 'unspool[baselines]'" in ran.err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--baselines", "statistics"], "unknown baselines 'statistics'"),
        (["--baselines", "statistical", "--baseline-seconds", "0"], "baseline_seconds is 0"),
        (["--baselines", "statistical", "--cell", "lem", "--uneven"], "the rows are at uneven times"),
    ],
)
def test_what_is_refused(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(statistical, "find_spec", lambda name: object())
    frame_of(wave(60)).write_csv("a.csv")
    ran = run(capsys, "backtest", "a.csv", "--horizon", 5, *(SMALL if "--uneven" not in options else ()), *options)
    assert ran.code == 2
    assert said in ran.err
    assert len(ran.err.strip().splitlines()) <= 2
