"""`unspool task`: the list, a run with its verdict, and what is refused in one line."""

import json

import pytest

from tests.cli.running import run
from unspool.tasks import TASKS

QUICK = ("--hidden-size", 4, "--batch-size", 8, "--steps", 3)


def test_the_list_names_every_task_with_its_source_and_criterion(capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "task", "--json")
    assert ran.code == 0
    found = {entry["task"]: entry for entry in json.loads(ran.out)}
    assert list(found) == list(TASKS)
    assert all(entry["source"] and entry["criterion"] and entry["summary"] for entry in found.values())
    table = run(capsys, "task")
    assert table.code == 0
    assert all(name in table.out for name in TASKS)


def test_a_run_says_whether_it_solved_the_task(capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "task", "adding", "--length", 20, "--cell", "gru", *QUICK)
    assert ran.code == 0, ran.err
    assert "criterion: of the last 2,000 training sequences" in ran.out
    assert "not solved after 24 sequences in 3 updates" in ran.out
    assert "gru, 4 units" in ran.out


def test_a_run_as_json(capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "task", "copy_memory", "--length", 3, "--sequences", 20, "--batch-size", 8, "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert (found["task"], found["solved"], found["updates"], found["length"]) == ("copy-memory", False, 3, 3)
    assert found["error"] > 0
    again = json.loads(
        run(capsys, "task", "copy_memory", "--length", 3, "--sequences", 20, "--batch-size", 8, "--json").out
    )
    assert {**found, "seconds": 0} == {**again, "seconds": 0}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ading",), "did you mean adding"),
        (("adding", "--length", "3"), "length is 3"),
        (("adding", "--cell", "lstn"), "lstn"),
        (("adding", "--length", "999999999999"), "at most 1,000,000"),
        (("long-lag-2c", "--length", "999999"), "at most 10,000"),
        (("adding", "--hidden-size", "0"), "hidden_size is 0"),
        (("adding", "--learning-rate", "-1"), "learning_rate is -1"),
        (("adding", "--sequences", "9", "--steps", "9"), "--sequences and --steps"),
        (("adding", "--seed", "-1"), "seed -1"),
        (("adding", "--start", "warm"), "warm"),
        (("adding", "--data", "."), "reads no data"),
        (("jsb-chorales",), "needs the file JSB_Chorales.mat"),
        (("jsb-chorales", "--data", "nowhere"), "'nowhere' does not exist"),
    ],
)
def test_one_clear_line(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "task", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.startswith("error: ")
    assert "Traceback" not in ran.err
    assert len(ran.err.strip().splitlines()) <= 2
