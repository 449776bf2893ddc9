"""Tables and a fitted model that the tests of the commands share."""

from pathlib import Path

import pytest

from tests.cli.running import SMALL, Ran, run_apart
from tests.forecast.samples import frame_of, wave


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """80 days of one series."""
    path = tmp_path / "table.csv"
    frame_of(wave(80)).write_csv(path)
    return path


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """The folder in which `unspool forecast` has run on two series, into out/, and what it said."""
    folder = tmp_path_factory.mktemp("done")
    frame_of(wave(80), 20 + 3 * wave(80, seed=1)).write_csv(folder / "table.csv")
    words = ("forecast", "table.csv", "--horizon", "5", "--folds", "2", "--out", "out", *SMALL)
    ran = run_apart(folder, *words)
    assert ran.code == 0, ran.err
    return folder, ran
