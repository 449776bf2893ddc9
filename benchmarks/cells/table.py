"""The table of docs/choosing-a-cell.md, from the finished runs alone: it trains nothing."""

import math
import statistics
from collections.abc import Mapping
from pathlib import Path

from benchmarks.cells.run import Record
from benchmarks.cells.store import Store
from benchmarks.cells.trials import RATES, TRIALS, Trial
from unspool.atomic import write_file
from unspool.errors import DataError

BEGIN, END = "<!-- table: python -m benchmarks.cells --seeds 0 --markdown -->", "<!-- end of table -->"
COST = "adding"
"""The task whose sizes, speed and memory are shown."""
BEST = 3
"""A score is in bold if it is better than the baseline, and fewer cells than this are better by the task's grain."""
FAILED = "failed"

Runs = Mapping[tuple[str, str], list[Record]]


def make_markdown(store: Store) -> str:
    """A line per cell that has a run, by mean rank over the tasks; one that has not run on all of them comes last."""
    cells = store.cells()
    runs = {(cell, task): store.chosen(cell, task) for cell in cells for task in TRIALS}
    values = {task: _values(runs, cells, trial) for task, trial in TRIALS.items()}
    ranks = {cell: _rank(values, cell) for cell in cells}
    titles = ["cell", *(t.title for t in TRIALS.values()), "rank", "H", "steps/s", "bytes", "CPU s", "seeds"]
    none = ["*no network*", *(f"*{_number(t.baseline, t)}*" for t in TRIALS.values()), *[""] * 6]
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], none]
    for cell in sorted(cells, key=lambda c: (ranks[c] or math.inf, c)):
        scores = [_score(runs[cell, task], trial, values[task]) for task, trial in TRIALS.items()]
        rank = "" if ranks[cell] is None else f"{ranks[cell]:.1f}"
        lines.append([cell, *scores, rank, *_cost(runs, cell)])
    table = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    return f"{table}\n{_extent(store, runs)}\n"


def _extent(store: Store, runs: Runs) -> str:
    """How much has been run."""
    pairs = [key for key, records in runs.items() if records]
    rates = sum(all(store.find(*key, 0, rate) for rate in RATES) for key in pairs)
    seeds = sum(len(runs[key]) > 1 for key in pairs)
    return (
        f"Run so far: {len(pairs)} pairs of a cell and a task with seed 0, of them {rates} with both rates; "
        f"{seeds} with more than one seed."
    )


def refresh(page: Path, store: Store) -> None:
    """Write the table into a page, between its markers.

    Raises:
        DataError: the page has no such markers.
    """
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise DataError(f"'{page}' does not have the lines {BEGIN} and {END}, once each, in this order")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_file(page, f"{before}{BEGIN}\n\n{make_markdown(store)}\n{END}{after}")


def _values(runs: Runs, cells: list[str], trial: Trial) -> dict[str, float]:
    """Cell → what it is ranked by, less being better: mean score in grains, or the baseline where that is better."""
    found = {}
    for cell in cells:
        if scores := [r["score"] for r in runs[cell, trial.name]]:
            found[cell] = math.inf if None in scores else _grains(statistics.mean(scores), trial)
    return found


def _grains(score: float, trial: Trial) -> float:
    if trial.in_percent:
        return -round(max(score, trial.baseline) / trial.grain)
    return round(min(score, trial.baseline) / trial.grain)


def _rank(values: Mapping[str, Mapping[str, float]], cell: str) -> float | None:
    """Mean place over the tasks, 1 the best, equals sharing theirs; None where a task is missing."""
    if not all(cell in known for known in values.values()):
        return None
    places = []
    for known in values.values():
        better = sum(v < known[cell] for v in known.values())
        places.append(better + (sum(v == known[cell] for v in known.values()) + 1) / 2)
    return statistics.mean(places)


def _score(records: list[Record], trial: Trial, values: Mapping[str, float]) -> str:
    """Mean ± half the range over seeds; in bold if it is one of the best."""
    if not records:
        return ""
    scores = [r["score"] for r in records if r["score"] is not None]
    if len(scores) < len(records):
        return f"{FAILED} {len(records) - len(scores)} of {len(records)}"
    text = _number(statistics.mean(scores), trial)
    if len(scores) > 1:
        text += f" ± {_number((max(scores) - min(scores)) / 2, trial)}"
    own = values[records[0]["cell"]]
    is_best = own < _grains(trial.baseline, trial) and sum(v < own for v in values.values()) < BEST
    return f"**{text}**" if is_best else text


def _number(value: float, trial: Trial) -> str:
    if not trial.in_percent and value >= 10:
        return f"{value:.0e}"
    text = f"{value:.{trial.decimals}f}"
    return text.removeprefix("0") if trial.decimals > 1 else text


def _cost(runs: Runs, cell: str) -> list[str]:
    """Units, thousands of steps per CPU second, bytes per step, CPU seconds of five trainings, and seeds."""
    every = [runs[cell, task] for task in TRIALS]
    counts = sorted({len(records) for records in every})
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    total = f"{sum(statistics.mean(r['cpu_seconds'] for r in rs) for rs in every):.0f}" if all(every) else ""
    if not (records := runs[cell, COST]):
        return ["", "", "", total, seeds]
    first, speed = records[0], statistics.median(r["steps_per_second"] for r in records)
    units = f"{first['layers']} × {first['hidden_size']}" if first["layers"] > 1 else str(first["hidden_size"])
    return [units, f"{speed / 1000:.0f}k", f"{first['bytes_per_step']:,}", total, seeds]
