"""`unspool classify train` and `predict`: the files, the screen, JSON, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.classify.samples import csv_text, easy, ts_text, write
from tests.cli.running import Ran, files, run, run_apart
from unspool.classify import SequenceClassifier

SMALL = ("--pool", "mean", "--hidden-size", "8", "--members", "2", "--steps", "40", "--batch-size", "8")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """A folder in which `classify train` has run, into out/, and what it said."""
    folder = tmp_path_factory.mktemp("classify")
    write(folder, "train.ts", ts_text(easy(8)))
    write(folder, "test.ts", ts_text(easy(4, seed=1)))
    words = ("classify", "train", "train.ts", "--test", "test.ts", "--learning-rate", "0.02", "--out", "out", *SMALL)
    ran = run_apart(folder, *words)
    assert (ran.code, ran.err) == (0, ""), ran.err
    return folder, ran


def refused(ran: Ran, says: str) -> None:
    """An error line, perhaps a hint, and nothing else."""
    lines = ran.err.splitlines()
    assert ran.code == 2, ran
    assert lines[0].startswith("error: "), ran.err
    assert says in lines[0], ran.err
    assert len(lines) <= 2, ran.err
    assert ran.out == ""


def test_the_files(done: tuple[Path, Ran]):
    out = done[0] / "out"
    assert sorted(files(out)) == [
        *("metrics.json", "model", "model/model.json", "model/weights.safetensors"),
        *("predictions.csv", "predictions.parquet", "report.html"),
    ]
    table = pl.read_csv(out / "predictions.csv", infer_schema_length=None, schema_overrides={"series": pl.String})
    assert table.columns == ["series", "label", "predicted", "p_flat", "p_rising", "p_wave"]
    assert pl.read_parquet(out / "predictions.parquet").equals(table)
    assert len(table) == 12
    np.testing.assert_allclose(table.select(pl.sum_horizontal("p_flat", "p_rising", "p_wave")).to_numpy(), 1)
    metrics = json.loads((out / "metrics.json").read_text())
    right = float(np.mean(table["label"].to_numpy() == table["predicted"].to_numpy()))
    assert metrics["overall"]["unspool"]["accuracy"] == right
    assert right > 0.8


def test_the_screen(done: tuple[Path, Ran]):
    said = done[1].out
    assert "train.ts: 24 sequences of 8 to 15 steps, 2 channels, 3 classes" in said
    for words in ("this classifier", "commonest class", "nearest neighbour", "regression on statistics"):
        assert words in said
    assert "It names the right class of" in said


def test_predict_gives_the_predictions_of_then(done: tuple[Path, Ran], tmp_path: Path):
    ran = run_apart(tmp_path, "classify", "predict", done[0] / "out/model", done[0] / "test.ts", "--out", "p.csv")
    assert (ran.code, ran.err, ran.out) == (0, "", "p.csv: 12 rows\n")
    assert (tmp_path / "p.csv").read_bytes() == (done[0] / "out/predictions.csv").read_bytes()


def test_predict_without_labels(done: tuple[Path, Ran], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    test = easy(4, seed=1)
    wanted = SequenceClassifier.load(done[0] / "out/model").predict(test)
    bare = write(tmp_path, "bare.ts", ts_text(test, labelled=False))
    table = write(tmp_path, "bare.csv", csv_text(test, labelled=False))
    for path in (bare, table):
        found = json.loads(run(capsys, "classify", "predict", done[0] / "out/model", path, "--json").out)
        assert [row["predicted"] for row in found["predictions"]] == wanted.tolist()
        assert "label" not in found["predictions"][0]
    assert "p_rising" in run(capsys, "classify", "predict", done[0] / "out/model", bare).out


def test_a_table_with_names_of_its_own_and_a_part_held_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = csv_text(easy(8)).replace("unique_id,ds,label", "case,t,class")
    path = write(tmp_path, "t.csv", text)
    names = ("--series", "case", "--time", "t", "--label", "class", "--channel", "x1", "--channel", "x0")
    small = (*SMALL, "--steps", "3", "--hold-out", "0.5", "--class-weight", "balanced", "--one-direction")
    ran = run(capsys, "classify", "train", path, *names, *small, "--out", tmp_path / "out", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["metrics"]["scored_on"] == "sequences held out"
    assert found["metrics"]["overall"]["unspool"]["sequences"] == 12
    record = json.loads((tmp_path / "out/model/model.json").read_text())
    assert (record["channels"], record["fit"]["balanced"]) == (["x1", "x0"], True)
    assert record["settings"]["bidirectional"] is False
    # the model knows the names: newer data need none of them
    newer = run(capsys, "classify", "predict", tmp_path / "out/model", path, "--json")
    assert len(json.loads(newer.out)["predictions"]) == 24
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "<span>--channel</span> <span>x1</span> <span>--channel</span> <span>x0</span>" in page
    assert "<span>--one-direction</span>" in page


def test_the_same_command_the_same_bytes(done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str], tmp_path: Path):
    for name in ("a", "b"):
        words = (*SMALL, "--steps", "2", "--out", tmp_path / "out", "--overwrite")
        assert run(capsys, "classify", "train", done[0] / "train.ts", *words).code == 0
        (tmp_path / "out").rename(tmp_path / name)
    assert files(tmp_path / "a") == files(tmp_path / "b")


ONE_CLASS = replace(easy(4), labels=("flat",) * 12)
LONELY = easy(4).take([0, 1, 3, 4, 2])
BAD: dict[str, tuple[str, str]] = {
    "empty": ("", "train.ts is empty"),
    "one class": (ts_text(ONE_CLASS), "all 12 sequences have the label 'flat'"),
    "one of a class": (ts_text(LONELY), "class 'wave' has 1 sequence"),
    "no labels": (ts_text(easy(4), labelled=False), "has no labels"),
    "a broken header": ("@problemName x\nnonsense\n@data\n1:a\n", "train.ts, line 2: 'nonsense'"),
    "a broken value": (ts_text(easy(4)).replace("0.", "0.x", 1), "train.ts, line 5: step"),
    "a length of zero": (ts_text(easy(4)) + ":1,2:flat\n", "has a channel of length 0"),
    "channels that differ": (ts_text(easy(4)) + "1,2:flat\n", "has 1 channel where 2 are expected"),
    "infinity": (ts_text(easy(4)) + "1,inf:1,2:flat\n", "step 2 is infinite"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_sequences(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text, says = BAD[case]
    before = files(tmp_path)
    path = write(tmp_path, "train.ts", text)
    refused(run(capsys, "classify", "train", path, *SMALL, "--out", tmp_path / "out"), says)
    assert files(tmp_path).keys() == before.keys() | {"train.ts"}


def test_bad_test_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    train, other = easy(4), replace(easy(4), labels=("odd", *(easy(4).labels or ())[1:]))
    words = ("classify", "train", write(tmp_path, "train.ts", ts_text(train)), *SMALL, "--out", tmp_path / "out")
    cases = [
        (ts_text(other), "test.ts, sequence '1': no sequence trained on has the label 'odd'"),
        (ts_text(easy(4, channels=1)), "test.ts has 1 channels, train.ts has 2"),
        (ts_text(train, labelled=False), "test.ts has no labels to compare with"),
    ]
    for text, says in cases:
        refused(run(capsys, *words, "--test", write(tmp_path, "test.ts", text)), says)
    refused(run(capsys, *words, "--test", tmp_path / "none.ts"), "none.ts does not exist")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--label", "kind"), "has no column 'kind' (label)"),
        (("--channel", "x9"), "has no column 'x9' (channel)"),
        (("--pool", "max"), "unknown pool 'max'"),
        (("--cell", "grru"), "grru"),
        (("--members", "0"), "members is 0"),
        (("--hold-out", "1"), "held out is 1"),
    ],
)
def test_bad_options(words: tuple[str, ...], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write(tmp_path, "t.csv", csv_text(easy(4)))
    refused(run(capsys, "classify", "train", path, "--out", tmp_path / "out", *words), says)
    assert not (tmp_path / "out").exists()


def test_an_output_that_exists(done: tuple[Path, Ran], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder, _ = done
    refused(run(capsys, "classify", "train", folder / "train.ts", "--out", folder / "out"), "exists")
    write(tmp_path, "p.csv", "old")
    words = ("classify", "predict", folder / "out/model", folder / "test.ts", "--out", tmp_path / "p.csv")
    refused(run(capsys, *words), "exists")
    assert (tmp_path / "p.csv").read_text() == "old"


def test_a_model_of_another_kind(tmp_path: Path, done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str]):
    test = done[0] / "test.ts"
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.json").write_text('{"format": 1, "kind": "unspool forecast model"}')
    (folder / "weights.safetensors").write_bytes(b"")
    refused(run(capsys, "classify", "predict", folder, test), "of another kind: unspool forecast model")
    refused(run(capsys, "classify", "predict", tmp_path / "none", test), "no model folder")
    one = write(tmp_path, "one.ts", ts_text(easy(2, channels=1)))
    refused(run(capsys, "classify", "predict", done[0] / "out/model", one), "has 1 channels; the model was fitted to 2")
