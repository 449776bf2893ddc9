"""The table of docs/choosing-a-cell.md, from the finished runs alone: it trains nothing."""

import statistics
from collections.abc import Mapping
from pathlib import Path

from benchmarks.cells.run import Record
from benchmarks.cells.store import Store
from benchmarks.cells.trials import TRIALS, Trial
from unspool.atomic import write_file
from unspool.errors import DataError

BEGIN, END = "<!-- table: python -m benchmarks.cells --seeds 0 --markdown -->", "<!-- end of table -->"
COST = "adding"
"""The task whose sizes, speed and memory are shown."""
BEST = 3
"""So many scores of each task are printed in bold."""
FAILED = "failed"


def make_markdown(store: Store) -> str:
    """A line per cell that has a run, by mean rank over the tasks; a cell with a task missing comes last."""
    cells = store.cells()
    runs = {(cell, task): store.chosen(cell, task) for cell in cells for task in TRIALS}
    means = {key: _mean(records) for key, records in runs.items()}
    ranks = {task: _ranks({cell: means[cell, task] for cell in cells}, trial) for task, trial in TRIALS.items()}
    mean_ranks = {
        c: statistics.mean(r[c] for r in ranks.values()) for c in cells if all(c in r for r in ranks.values())
    }
    ordered = sorted(cells, key=lambda c: (mean_ranks.get(c, float("inf")), c))
    titles = ["cell", *(t.title for t in TRIALS.values()), "rank", "H", "steps/s", "bytes", "seeds"]
    lines = ["| " + " | ".join(titles) + " |", "|---" + "|---:" * (len(titles) - 1) + "|"]
    baselines = [t.baseline for t in TRIALS.values()]
    lines.append("| *no network* | " + " | ".join(f"*{b}*" if b else "" for b in baselines) + " |" + " |" * 5)
    for cell in ordered:
        scores = [_score(runs[cell, task], trial, ranks[task].get(cell)) for task, trial in TRIALS.items()]
        rank = f"{mean_ranks[cell]:.1f}" if cell in mean_ranks else ""
        lines.append(f"| {cell} | " + " | ".join([*scores, rank, *_cost(runs, cell)]) + " |")
    return "\n".join(lines) + "\n"


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


def _mean(records: list[Record]) -> float | None:
    """Of the scores; None where there is no run, or one failed."""
    scores = [r["score"] for r in records]
    return statistics.mean(scores) if scores and None not in scores else None


def _ranks(means: Mapping[str, float | None], trial: Trial) -> dict[str, float]:
    """Cell → place, 1 the best, equal scores sharing theirs; cells that failed share the last places."""
    sign = -1 if trial.in_percent else 1
    known = {cell: sign * mean if mean is not None else float("inf") for cell, mean in means.items()}
    values = list(known.values())
    return {c: sum(v < own for v in values) + (sum(v == own for v in values) + 1) / 2 for c, own in known.items()}


def _score(records: list[Record], trial: Trial, rank: float | None) -> str:
    """Mean ± half the range over seeds; in bold if it is one of the best."""
    if not records:
        return ""
    scores = [r["score"] for r in records if r["score"] is not None]
    if len(scores) < len(records):
        return f"{FAILED} {len(records) - len(scores)}/{len(records)}"
    text = _number(statistics.mean(scores), trial)
    if len(scores) > 1:
        text += f" ± {_number((max(scores) - min(scores)) / 2, trial)}"
    return f"**{text}**" if rank is not None and rank <= BEST else text


def _number(value: float, trial: Trial) -> str:
    if trial.in_percent:
        return f"{value:.1f}"
    return f"{value:.4f}".removeprefix("0") if value < 10 else f"{value:.0f}"


def _cost(runs: Mapping[tuple[str, str], list[Record]], cell: str) -> list[str]:
    """Units, thousands of steps per CPU second, bytes per step, and the seeds of every task."""
    records = runs[cell, COST]
    counts = sorted({len(runs[cell, task]) for task in TRIALS})
    seeds = "–".join(map(str, counts[:: max(1, len(counts) - 1)]))
    if not records:
        return ["", "", "", seeds]
    first = records[0]
    units = f"{first['layers']} × {first['hidden_size']}" if first["layers"] > 1 else str(first["hidden_size"])
    speed = statistics.median(r["steps_per_second"] for r in records)
    return [units, f"{speed / 1000:.0f}k", str(first["bytes_per_step"]), seeds]
