"""The page on choosing a cell: its table is what the finished runs give, and those are of networks of one size."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.cells.network import Network, fitting_size
from benchmarks.cells.run import page_hash
from benchmarks.cells.store import RESULTS, Store
from benchmarks.cells.table import BEGIN, END, make_markdown, refresh
from benchmarks.cells.trials import BUDGET, LAST_RATE, RATES, TRIALS

from unspool.cells import built_in
from unspool.errors import DataError
from unspool.lang import Cell
from unspool.tasks import find_task

PAGE = Path(__file__).parents[2] / "docs" / "choosing-a-cell.md"
PAGES = list(built_in().values())


def record(cell: str, task: str = "adding", *, seed: int = 0, rate: float = RATES[0], **more: Any) -> dict[str, Any]:
    numbers = {"score": 0.1, "validation": 0.1, "cpu_seconds": 2.0, "steps_per_second": 400_000, "bytes_per_step": 400}
    sizes = {"hidden_size": 8, "layers": 1, "page": "p", "settings": TRIALS[task].settings}
    return {"cell": cell, "task": task, "seed": seed, "rate": rate} | numbers | sizes | more


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs.jsonl")


def test_the_table_is_what_the_runs_give():
    text = PAGE.read_text(encoding="utf-8")
    shown = text.split(BEGIN)[1].split(END)[0].strip()
    command = "python -m benchmarks.cells --seeds 0 --markdown docs/choosing-a-cell.md"
    assert shown == make_markdown(Store(RESULTS)).strip(), f"run {command}"
    assert command in text


def test_the_page_is_short_and_names_cells_that_it_has_measured():
    text = PAGE.read_text(encoding="utf-8")
    prose = text.split(BEGIN)[0] + text.split(END)[1]
    assert len(prose.splitlines()) <= 75
    named = {name for name in re.findall(r"`(\w+)`", prose) if name in built_in()}
    assert named <= set(Store(RESULTS).cells())


def test_a_refreshed_page_keeps_its_words(tmp_path: Path, store: Store):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    store.add(record("gru"))
    for _ in range(2):
        refresh(page, store)
        assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\n\n{make_markdown(store)}\n{END}\nafter\n"
    page.write_text(f"{END}\n{BEGIN}\n", encoding="utf-8")
    with pytest.raises(DataError, match="in this order"):
        refresh(page, store)


def test_the_rate_is_chosen_on_validation_sequences_of_seed_0(store: Store):
    store.add(record("gru", validation=0.2, score=0.01))
    store.add(record("gru", rate=RATES[1], validation=0.1, score=0.05))
    store.add(record("gru", rate=RATES[0], seed=1, validation=0.001, score=0.001))
    assert store.rate("gru", "adding") == RATES[1]
    assert [r["score"] for r in store.chosen("gru", "adding")] == [0.05]
    store.add(record("gru", rate=RATES[1], seed=1, score=0.15))
    line = next(line for line in make_markdown(store).splitlines() if line.startswith("| gru"))
    assert ".1000 ± .0500" in line
    assert "1 pairs of a cell and a task with seed 0, of them 1 with both rates; 1 with more than one seed" in (
        make_markdown(store)
    )


def test_a_training_that_broke_down(store: Store):
    for rate in RATES:
        assert not store.broke_down("gru", "adding")
        store.add(record("gru", rate=rate, validation=None, score=None))
    assert store.broke_down("gru", "adding")
    assert "failed 1 of 1" in make_markdown(store)
    store.add(record("gru", rate=LAST_RATE))
    assert store.rate("gru", "adding") == LAST_RATE


def test_runs_are_kept_and_the_newest_counts(store: Store):
    store.add(record("gru", score=0.3))
    store.add(record("gru", score=0.2, page="q"))
    store.add(record("lstm", settings="of another day"))
    with store.path.open("ab") as file:
        file.write(b'{"cell": "gru", "ta')  # killed while it wrote
    again = Store(store.path)
    found = again.find("gru", "adding", 0, RATES[0])
    assert found is not None
    assert (found["score"], found["page"]) == (0.2, "q")
    assert again.cells() == ["gru"]
    again.add(record("elman"))
    assert [json.loads(line)["cell"] for line in store.path.read_text().splitlines()] == ["gru", "gru", "lstm", "elman"]


def test_a_file_of_something_else_is_refused(tmp_path: Path):
    path = tmp_path / "runs.jsonl"
    path.write_text("cell,task\n", encoding="utf-8")
    with pytest.raises(DataError, match="no file of runs"):
        Store(path)


def test_ranks_and_bold_by_hand(store: Store):
    """a, b, d equal on all tasks, c worse but on one where it is as good as no network, which a fifth, e, is not."""
    for task, trial in TRIALS.items():
        good, bad = (99.0, 50.0) if trial.in_percent else (0.0, trial.baseline / 2)
        for cell, score in {"a": good, "b": good, "c": bad, "d": good, "e": None}.items():
            store.add(record(cell, task, score=score))
    lines = [[part.strip() for part in line.split("|")[1:-1]] for line in make_markdown(store).splitlines()[3:-2]]
    assert [(line[0], line[6]) for line in lines] == [
        ("a", "2.0"),
        ("b", "2.0"),
        ("d", "2.0"),
        ("c", "4.0"),
        ("e", "5.0"),
    ]
    assert lines[0][1] == "**.0000**"
    assert lines[3][1] == ".0833"
    assert lines[4][1] == "failed 1 of 1"


def test_what_is_worse_than_no_network_ranks_as_none(store: Store):
    for task, trial in TRIALS.items():
        for cell, by in {"a": 1.0, "b": 1.5}.items():
            store.add(record(cell, task, score=trial.baseline / by if trial.in_percent else trial.baseline * by))
    lines = make_markdown(store).splitlines()[3:-2]
    assert [line.split("|")[7].strip() for line in lines] == ["1.5", "1.5"]
    assert "**" not in "".join(lines)


@pytest.mark.parametrize("cell", PAGES, ids=lambda c: c.name)
def test_networks_are_as_large_as_the_budget_allows(cell: Cell):
    task = find_task("copy-memory", length=100)
    size = fitting_size(cell, task.input_size, task.output_size, BUDGET)
    network = Network(cell, task, size)
    learned = sum(p.numel() for p in network.recurrence.parameters())
    counted = learned or sum(b.numel() for b in network.recurrence.buffers())
    assert size.parameters == counted + sum(p.numel() for p in network.readout.parameters())
    assert 0.85 * BUDGET < size.parameters <= BUDGET


def test_a_page_is_known_by_its_code_not_by_its_words():
    gru = built_in()["gru"]
    reworded = Cell(gru.name, gru.graph, gru.page.replace("Choose it", "Take it"))
    changed = Cell(gru.name, gru.graph, gru.page.replace("(1 - z)", "(2 - z)"))
    assert page_hash(reworded) == page_hash(gru) != page_hash(changed)


def test_a_number_per_step_that_must_be_given_is_1():
    cell = next(c for c in PAGES if any(v.default is None for v in c.graph.number_inputs))
    task = find_task("copy-memory", length=5)
    network = Network(cell, task, fitting_size(cell, task.input_size, task.output_size, BUDGET))
    batch = task.draw(2)
    ones = {v.name: torch.ones(batch.x.shape[:2]) for v in cell.graph.number_inputs if v.default is None}
    output, _ = network.recurrence(batch.x, per_step=ones)
    torch.testing.assert_close(network(batch), network.readout(output))
