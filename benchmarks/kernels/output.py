"""Rows as tables for people, as lines for grep, and as JSON."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.kernels.rows import Row

CONSOLE = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


def line(row: Row) -> str:
    """One row as `key=value` words."""
    words = ["row", row.dtype, row.mode, row.cell, row.size]
    if row.ours is None:
        return " ".join([*words, "FAIL", str(row.fault)])
    words += [f"ours_ms={1e3 * row.ours:.3f}", f"rounds={row.rounds}", f"gflop={row.gflop:.3f}"]
    words += [f"peak_share={'-' if row.share is None else f'{row.share:.3f}'}"]
    for name, rival in row.rivals.items():
        words += [
            f"{name}_ms={1e3 * rival.seconds:.3f}",
            f"{name}_ratio={rival.ratio:.2f}({rival.low:.2f}–{rival.high:.2f})",
            f"{name}_variant={rival.variant.replace(' ', '-')}",
        ]
    best = row.best()
    words += [f"best={best[0]} ratio={best[1].ratio:.2f}"] if best else []
    words.append("LOST" if row.lost else "ok")
    return " ".join(words) + "".join(
        f" | {name}: {note}" for name, note in row.notes.items() if note != "no such layer"
    )


def table(rows: list[Row], rivals: tuple[str, ...], backend: str) -> Table:
    """Rows of one dtype and mode. Times in ms; a ratio above 1 means that ours is faster."""
    first = rows[0]
    mode = "forward + backward" if first.mode == "training" else "forward"
    made = Table(
        "cell",
        "B×T×I×H",
        f"ours ({backend})",
        *rivals,
        "best/ours",
        "quartiles",
        "eager/ours",
        "peak",
        "",
        title=f"{mode}, {first.dtype}: ms; sgemm peak {first.peak:.0f} GFLOP/s".replace(
            "sgemm", "sgemm" if first.dtype == "float32" else "dgemm"
        ),
        title_justify="left",
        box=None,
    )
    for row in rows:
        if row.ours is None:
            made.add_row(
                row.cell, row.size, "[red]FAIL[/red]", *("" for _ in rivals), "", "", "", "", "[red]FAIL[/red]"
            )
            continue
        best = row.best()
        eager = row.rivals.get("eager")
        made.add_row(
            row.cell,
            row.size,
            _ms(row.ours),
            *(_ms(row.rivals[n].seconds) if n in row.rivals else _short(row.notes.get(n, "")) for n in rivals),
            f"{best[1].ratio:.2f} {best[0]}" if best else "",
            f"{best[1].low:.2f}–{best[1].high:.2f}" if best else "",
            f"{eager.ratio:.1f}" if eager else "",
            "—" if row.share is None else f"{100 * row.share:.0f} %",
            "[yellow]lost[/yellow]" if row.lost else "",
        )
    return made


def save(path: Path, facts: dict[str, str], peaks: dict[str, str], rows: list[Row], further: list[dict]) -> None:
    """Everything so far, as JSON."""
    found = [asdict(r) | {"share": r.share} for r in rows]
    path.write_text(json.dumps({"machine": facts, "peaks": peaks, "rows": found, "further": further}, indent=1))


def _ms(seconds: float) -> str:
    ms = 1e3 * seconds
    return f"{ms:.3f}" if ms < 1 else f"{ms:.2f}" if ms < 100 else f"{ms:.0f}"


def _short(note: str) -> str:
    return "wrong" if note.startswith("wrong") else "—"
