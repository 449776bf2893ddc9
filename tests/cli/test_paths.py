"""`--paths` and `--head`: paths beside the forecast, and what is refused."""

from pathlib import Path

import polars as pl
import pytest

from tests.cli.running import run
from tests.forecast.samples import frame_of, wave

QUICK = (
    *("--window", "14", "--hidden-size", "8", "--steps", "6", "--members", "1", "--validation", "10"),
    *("--batch-size", "16", "--horizon", "5", "--folds", "1"),
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the table, and out/ that a forecast with paths has written."""
    folder = tmp_path_factory.mktemp("paths")
    frame_of(wave(80), 20 + 3 * wave(80, seed=1)).write_csv(folder / "table.csv")
    with pytest.MonkeyPatch.context() as patch:
        from unspool.cli import main

        patch.setattr("sys.argv", ["unspool", *words(folder, "out")])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
    return folder


def words(folder: Path, out: str) -> list[str]:
    return ["forecast", str(folder / "table.csv"), "--paths", "3", *QUICK, "--out", str(folder / out)]


def test_paths_stand_beside_the_forecast(done: Path):
    paths, forecast = (pl.read_csv(done / f"out/{name}.csv") for name in ("paths", "forecast"))
    assert paths.columns == ["unique_id", "path", "ds", "value"]
    assert paths.equals(pl.read_csv(done / "out/paths.csv").sort("unique_id", "path", "ds"))
    assert paths.group_by("unique_id").len()["len"].to_list() == [15, 15]
    assert set(paths["path"]) == {1, 2, 3}
    assert set(paths["ds"]) == set(forecast["ds"])
    written = pl.read_parquet(done / "out/paths.parquet")
    assert written["value"].to_list() == paths["value"].to_list()
    assert '"network":"autoregressive"' in (done / "out/model/model.json").read_text().replace(" ", "").replace(
        "\n", ""
    )


def test_the_same_seed_gives_the_same_bytes(done: Path, capsys: pytest.CaptureFixture[str]):
    assert run(capsys, *words(done, "again")).code == 0
    for name in ("paths.csv", "paths.parquet", "forecast.csv", "metrics.json"):
        assert (done / "out" / name).read_bytes() == (done / "again" / name).read_bytes(), name


def test_predict_draws_the_same_paths(done: Path, capsys: pytest.CaptureFixture[str]):
    out = done / "drawn.csv"
    ran = run(capsys, "predict", done / "out/model", done / "table.csv", "--paths", 3, "--paths-out", out)
    assert (ran.code, ran.err) == (0, "")
    assert "drawn.csv: 3 paths of each series" in ran.out
    assert out.read_bytes() == (done / "out/paths.csv").read_bytes()


def test_the_saved_network_is_drawn(done: Path, capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "draw", done / "out", "--out", done / "network.svg")
    assert (ran.code, ran.err) == (0, "")
    assert "the forecast fed back" in (done / "network.svg").read_text()


REFUSED = {
    "paths of another network": ("--paths 3 --network segment", "network 'segment'", "--network autoregressive"),
    "fewer than no paths": ("--paths -1", "paths is -1", ""),
    "lags that are none": ("--network autoregressive --lags a", "lags 'a' are not whole numbers", "--lags 24,168"),
    "a gap": ("--network autoregressive --gap 3", "a gap of 3 breaks it", "longer horizon"),
    "uneven times": ("--network autoregressive --uneven --cell ctrnn", "'autoregressive' counts on equal steps", ""),
    "a head that is none": ("--head gaussian", "unknown head 'gaussian'", "normal"),
    "parts of counts": ("--head negative_binomial", "which is not a whole number", "tweedie"),
    "paths of a file alone": ("PREDICT --paths 3", "--paths and --paths-out go together", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str, done: Path, capsys: pytest.CaptureFixture[str]):
    options, says, hint = REFUSED[case]
    if options.startswith("PREDICT "):
        ran = run(capsys, "predict", done / "out/model", done / "table.csv", *options.split()[1:])
    else:
        ran = run(capsys, "forecast", done / "table.csv", *QUICK, "--out", done / "refused", *options.split())
    lines = ran.err.splitlines()
    assert ran.code == 2
    assert lines[0].startswith("error: ")
    assert says in lines[0]
    assert hint in "".join(lines[1:])
    assert len(lines) <= 2
    assert not (done / "refused").exists()


def test_a_backtest_has_none_and_a_negative_count_is_named(done: Path, capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "backtest", done / "table.csv", *QUICK, "--paths", 3, "--out", done / "refused")
    assert ran.code == 2
    assert "no paths" in ran.err
    values = [3.0, 1.0, 4.0, 2.0] * 20
    values[41] = -1.0
    frame_of(values).write_csv(done / "counts.csv")
    for head in ("negative_binomial", "tweedie"):
        ran = run(capsys, "forecast", done / "counts.csv", *QUICK, "--head", head, "--out", done / "refused")
        assert ran.code == 2
        assert "'y' is -1 at 2020-02-11, which is negative" in ran.err
    assert not (done / "refused").exists()
