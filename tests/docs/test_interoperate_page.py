"""The commands and the Python of docs/interoperate.md do what the page says."""

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.cli.running import run
from unspool.datasets import load_co2

PAGE = (Path(__file__).parents[2] / "docs" / "interoperate.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_a_model_as_onnx(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    for module in ("onnxruntime", "onnxscript"):
        pytest.importorskip(module, reason="the extra `export` is not installed")
    monkeypatch.chdir(tmp_path)
    weeks = load_co2().tail(330)
    weeks.filter(weeks["date"] != weeks["date"][-5]).write_csv("co2.csv")
    install, *commands = [shlex.split(line) for line in blocks("sh")[0].splitlines()]
    assert install == ["pip", "install", "unspool[export]"]
    assert [words[1] for words in commands] == ["forecast", "export", "predict"]
    more = (
        *("--network", "direct", "--cell", "lstm", "--hidden-size", 8),
        *("--steps", 6, "--members", 1, "--folds", 0),
    )
    ran = [run(capsys, *words[1:], *extra) for words, extra in zip(commands, (more, (), ["--json"]), strict=True)]
    assert [(one.code, one.err) for one in ran] == [(0, "")] * 3
    assert re.search(r"differs from our forecast by \de-0[678] of a series' spread at most", ran[1].out)
    wanted = json.loads(ran[2].out)["forecast"]
    printed = io.StringIO()
    names: dict = {}
    with contextlib.redirect_stdout(printed):
        exec(blocks("python")[0], names)
    levels = [key for key in wanted[0] if key.startswith("q")]
    ours = np.array([[row[level] for level in levels] for row in wanted])
    assert np.isnan(names["past"]).any()
    assert np.abs(names["quantiles"][0] - ours).max() < 1e-4
    lines = [line for line in printed.getvalue().splitlines() if line[:1].isdigit()]
    assert [line.split()[0] for line in lines] == [row["date"] for row in wanted]
    assert [float(line.split()[1]) for line in lines] == pytest.approx([row["forecast"] for row in wanted], abs=1e-4)


def test_sktime():
    pytest.importorskip("sktime", reason="the extra `sktime` is not installed")
    code = blocks("python")[1].replace("seed=1", "seed=1, steps=4, members=1, network='segment', refit=False")
    names: dict = {}
    exec(code, names)
    assert [str(period) for period in names["forecast"].index] == ["1961-01", "1961-02", "1961-03", "1961-12"]
    assert names["intervals"].shape == (4, 2)
