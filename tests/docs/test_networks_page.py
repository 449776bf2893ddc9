"""The commands of docs/networks.md do what the page says, and it names every network and its options."""

import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from tests.cli.running import run
from tests.forecast.samples import frame_of, wave
from unspool.forecast import Forecaster
from unspool.forecast.networks import NETWORKS

PAGE = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
FAST = (
    "--window",
    14,
    "--hidden-size",
    8,
    "--steps",
    3,
    "--members",
    1,
    "--validation",
    14,
    "--folds",
    0,
    "--no-highway",
)


def test_the_commands_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    frame_of(wave(90), 3 * wave(90, seed=1)).write_csv("sales.csv")
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for words in map(shlex.split, block.splitlines()):
        ran = run(capsys, *words[1:], *FAST)
        assert (ran.code, ran.err) == (0, ""), words
        out = Path(words[words.index("--out") + 1]) if "--out" in words else Path("out/forecast")
        assert len(pl.read_csv(out / "forecast.csv")) == 28
    drawn = run(capsys, "draw", "out/dilated/model", "--out", "dilated.svg")
    assert (drawn.code, drawn.err) == (0, "")
    assert "gru (t−7)" in Path("dilated.svg").read_text(encoding="utf-8")
    assert Forecaster.load("out/dilated/model").dilations == (1, 7)
    assert Forecaster.load("out/seq2seq/model").log is True


def test_it_names_every_network_and_options_that_there_are():
    from unspool.cli.job import Job

    for name in NETWORKS:
        assert f"networks/{name}.py" in PAGE
    for option in re.findall(r"(?<![-|])--(?:no-)?([a-z][a-z-]*)", PAGE):
        assert option.replace("-", "_") in Job.__dataclass_fields__, option
