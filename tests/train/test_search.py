"""The search finds what is best, breaks off what is not, and goes on after it was killed."""

import multiprocessing
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from tests.train.samples import kill
from unspool.errors import DataError, ModelError, OutputError, SettingError
from unspool.train import Callback, Epoch, Fitted
from unspool.train.search import Found, Range, Space, search

pytest.importorskip("optuna")

SPACE: Space = {"x": Range(-4.0, 4.0), "n": Range(1, 9, log=True), "word": ("good", "bad")}
FIRST = {"x": 3.0, "n": 5, "word": "good"}


def parabola(values: dict[str, Any], callback: Callback, epochs: int = 6) -> float:
    """What a fit would do: its loss falls to (x − 1)², and 100 more where the word is bad."""
    loss = (values["x"] - 1) ** 2 + 0.01 * values["n"] + 100 * (values["word"] == "bad")
    callback.on_start("trying", epochs)
    for number in range(1, epochs + 1):
        callback.on_epoch(nn.Identity(), Epoch(number, 0.0, loss + 1 / number, 1.0, 0.0))
    callback.on_end(Fitted((), 0, "finished", 0.0))
    return loss


def go(folder: Path, trials: int, objective: Any = parabola, about: Any = None, space: Space = SPACE, seed: int = 0):
    return search(
        objective, space, FIRST, storage=folder / "study.db", trials=trials, about=about or {"data": 1}, seed=seed
    )


def test_it_begins_with_what_is_usual_finds_what_is_better_and_breaks_off_the_rest(tmp_path: Path):
    finished: list[float] = []

    def counted(values: dict[str, Any], callback: Callback) -> float:
        finished.append(parabola(values, callback))
        return finished[-1]

    found = go(tmp_path, 16, counted)
    assert len(found.trials) == 16
    assert (found.trials[0].values, found.trials[0].loss) == (FIRST, pytest.approx(4.05))
    assert found.best is not None
    assert found.best.loss == min(finished) < 1
    assert found.best.values["word"] == "good"
    assert all(1 <= trial.values["n"] <= 9 and isinstance(trial.values["n"], int) for trial in found.trials)
    broken = [trial for trial in found.trials if trial.loss is None]
    assert len(finished) == 16 - len(broken) < 16
    assert all(trial.number >= 5 for trial in broken)


def test_the_same_seed_tries_the_same(tmp_path: Path):
    first, again, other = (go(tmp_path / name, 3, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert first == again
    assert first != other


def dies(folder: Path, at: int) -> None:
    count = 0

    def objective(values: dict[str, Any], callback: Callback) -> float:
        nonlocal count
        count += 1
        if count == at:
            kill()
        return parabola(values, callback)

    go(folder, 6, objective)


@pytest.mark.parametrize("at", [1, 4])
def test_killed_it_goes_on_with_what_was_tried(at: int, tmp_path: Path):
    child = multiprocessing.get_context("forkserver").Process(target=dies, args=(tmp_path, at))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    found = go(tmp_path, 5)
    assert len(found.trials) == 5
    assert FIRST in [trial.values for trial in found.trials]
    assert go(tmp_path, 5, lambda *_: pytest.fail("nothing is left to try")) == found


def test_ctrl_c_ends_it_with_what_there_is(tmp_path: Path):
    def pressed(values: dict[str, Any], callback: Callback) -> float:
        if len(seen) == 3:
            callback.on_end(Fitted((), 0, "interrupted", 0.0))
        seen.append(values)
        return parabola(values, callback)

    seen: list[Any] = []
    found = go(tmp_path, 5, pressed)
    assert (len(found.trials), found.interrupted) == (3, True)
    assert len(go(tmp_path, 4).trials) == 4


def test_settings_that_do_not_fit_the_data_are_passed_over(tmp_path: Path):
    def objective(values: dict[str, Any], callback: Callback) -> float:
        raise DataError("too few points")

    found = go(tmp_path, 3, objective)
    assert [trial.loss for trial in found.trials] == [None] * 3
    assert found.best is None
    assert Found((), False).best is None


def test_another_search_is_refused(tmp_path: Path):
    go(tmp_path, 1)
    with pytest.raises(SettingError, match="of another search: data was 1 and is 2"):
        go(tmp_path, 2, about={"data": 2})
    with pytest.raises(SettingError, match=r"n was 'Range\(low=1, .*' and is None"):
        go(tmp_path, 2, space={"x": SPACE["x"], "word": SPACE["word"]})


def test_a_file_that_is_no_search_is_refused(tmp_path: Path):
    (tmp_path / "study.db").write_text(
        "a letter to my mother, longer than the header of a database, a hundred bytes" * 3
    )
    with pytest.raises(ModelError, match=r"is no search: .*not a database"):
        go(tmp_path, 1)
    with pytest.raises(OutputError, match="cannot write"):
        search(parabola, SPACE, FIRST, storage=tmp_path / "study.db" / "deeper" / "x.db", trials=1, about={})


def test_without_optuna_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(SettingError, match="optuna is not installed") as caught:
        go(tmp_path, 1)
    assert caught.value.hint == "pip install 'unspool[tune]'"
