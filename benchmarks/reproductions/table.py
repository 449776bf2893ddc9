"""The table of reproductions, as far as it has been run."""

import math

from rich import box
from rich.table import Table
from rich.text import Text

from benchmarks.reproductions.row import Row, median_error, median_sequences
from benchmarks.reproductions.rows import ROWS
from benchmarks.reproductions.store import Store

COLUMNS = ("experiment", "runs", "solved", "sequences", "error", "published", "aim", "met", "time", "CPU")


def make_table(store: Store) -> Table:
    """A line per row that has a finished run; failures are in it."""
    table = Table(
        *COLUMNS,
        box=box.SIMPLE_HEAD,
        title="Reproductions",
        title_justify="left",
        caption="Medians over the runs, in brackets the range. Time and CPU: of all runs together.",
        caption_justify="left",
    )
    for row in ROWS:
        if store.all_of(row):
            table.add_row(*map(Text, _cells(row, store)))
    return table


def make_settings(store: Store) -> Table:
    """How each of those rows was trained."""
    table = Table("experiment", "settings", box=box.SIMPLE_HEAD)
    for row in ROWS:
        if store.all_of(row):
            table.add_row(Text(row.what), Text(", ".join(f"{k} {v}" for k, v in row.settings.items())))
    return table


def make_markdown(store: Store) -> str:
    """The same two tables for a page."""
    done = [row for row in ROWS if store.all_of(row)]
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(_cells(row, store)) + " |" for row in done]
    lines += ["", "| experiment | seeds | settings |", "|---|---|---|"]
    for row in done:
        seeds = [record["seed"] for record in store.all_of(row)]
        shown = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} … {seeds[-1]}"
        settings = ", ".join(f"{k} {v}" for k, v in row.settings.items()) or "the command's defaults"
        lines.append(f"| {row.what} | {shown} | {settings} |")
    return "\n".join(lines) + "\n"


def _cells(row: Row, store: Store) -> tuple[str, ...]:
    records = store.all_of(row)
    sequences = [r["sequences"] for r in records]
    errors = [math.inf if r["error"] is None else r["error"] for r in records]
    middle = median_sequences(records)
    met = "yes" if row.is_met(records) else "no"
    if len(records) < row.seeds:
        met += f" ({len(records)} of {row.seeds} run)"
    return (
        row.what,
        str(len(records)),
        f"{sum(r['solved'] for r in records)}",
        ("unsolved" if math.isinf(middle) else f"{middle:,.0f}") + f" ({min(sequences):,} … {max(sequences):,})",
        f"{median_error(records):.4g} ({min(errors):.4g} … {max(errors):.4g}) {row.unit}",
        row.published,
        row.aim,
        met,
        _duration(sum(r["seconds"] for r in records)),
        _duration(sum(r["cpu_seconds"] for r in records)),
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
