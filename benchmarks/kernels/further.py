"""Two smaller tables: growth in T and B, and the time of one step at B = 1."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from rich.table import Table

from benchmarks.kernels.case import DTYPES, MODES, Size, make_case
from benchmarks.kernels.oracle import truth
from benchmarks.kernels.output import CONSOLE, line
from benchmarks.kernels.rows import Row, Setting, checked, measure
from benchmarks.kernels.timing import interleave

LONG = tuple(Size(8, t, 3, 32) for t in (100, 1000, 10_000, 100_000))
WIDE = tuple(Size(b, 96, 8, 64) for b in (64, 256, 1024, 4096))
ALONE = Size(1, 512, 16, 128)
AIMS = {"lstm": 2.7, "gru": 2.2}


def growth(cells: Sequence[str], setting: Setting) -> tuple[list[dict[str, Any]], int]:
    """Time along T to 100,000 and along B to 4096, checked like every row; linear means a constant last column.

    Returns:
        what was found, and how many rows failed.
    """
    found: list[dict[str, Any]] = []
    for title, sizes, per, unit in (
        ("growth in T (B = 8, I = 3, H = 32)", LONG, lambda s: s.steps, "µs per step"),
        ("growth in B (T = 96, I = 8, H = 64)", WIDE, lambda s: s.batch, "µs per sequence"),
    ):
        made = Table("cell", "mode", "B×T×I×H", "ms", unit, "of the first", title=title, title_justify="left", box=None)
        for cell in cells:
            _grow(made, found, cell, sizes, per, setting)
        CONSOLE.print(made)
    return found, sum(entry["fault"] is not None for entry in found)


def _grow(
    made: Table,
    found: list[dict[str, Any]],
    cell: str,
    sizes: Sequence[Size],
    per: Callable[[Size], int],
    setting: Setting,
) -> None:
    first: dict[str, float] = {}
    for size in sizes:
        case = make_case(cell, size, torch.float32)
        wanted = truth(case)
        for mode in MODES:
            entry: dict[str, Any] = {"table": "growth", "cell": cell, "mode": mode, "size": str(size)}
            own = checked(case, mode, wanted, setting.backend)
            found.append(entry | {"fault": own if isinstance(own, str) else None})
            if isinstance(own, str):
                CONSOLE.print(f"growth {cell} {mode} {size} FAIL {own}", markup=False)
                made.add_row(cell, mode, str(size), "FAIL")
                continue
            seconds = float(np.median(interleave([own.call], setting.seconds)[0]))
            each = 1e6 * seconds / per(size)
            relative = each / first.setdefault(mode, each)
            found[-1] |= {"seconds": seconds, "each_us": each, "of_first": relative}
            CONSOLE.print(
                f"growth {cell} {mode} {size} ms={1e3 * seconds:.3f} each_us={each:.3f} of_first={relative:.2f}"
            )
            made.add_row(cell, mode, str(size), f"{1e3 * seconds:.2f}", f"{each:.2f}", f"{relative:.2f}")


def single(peak: float, setting: Setting) -> list[Row]:
    """LSTM and GRU, forward, one sequence of 512 steps, H = 128: microseconds per step."""
    rows = []
    title = f"one sequence, forward, float32, {ALONE}: µs per step"
    made = Table(
        "cell", f"ours ({setting.backend})", *setting.rivals, "aim", title=title, title_justify="left", box=None
    )
    for cell, aim in AIMS.items():
        case = make_case(cell, ALONE, DTYPES["float32"])
        row = measure(case, "forward", truth(case), peak, setting)
        rows.append(row)
        CONSOLE.print(f"single {line(row)}", markup=False)
        each = {n: f"{1e6 * r.seconds / ALONE.steps:.2f}" for n, r in row.rivals.items()}
        own = "FAIL" if row.ours is None else f"{1e6 * row.ours / ALONE.steps:.2f}"
        made.add_row(cell, own, *(each.get(n, "—") for n in setting.rivals), f"≤ {aim}")
    CONSOLE.print(made)
    return rows
