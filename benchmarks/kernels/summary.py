"""The families of the gates: geometric means and the lowest row."""

from collections.abc import Callable, Iterable

from rich.table import Table

from benchmarks.kernels.rows import Against, Row, geometric_mean

CLASSICAL = ("lstm", "gru", "elman")


def summary(rows: list[Row]) -> tuple[Table, list[str]]:
    """The summary of rows of one dtype and mode, as a table and as lines for grep."""
    title = f"{rows[0].mode}, {rows[0].dtype}"
    made = Table(
        "family", "mean", "lowest row", "figure", "", title=f"summary: {title}", title_justify="left", box=None
    )
    lines: list[str] = []

    def add(family: str, found: list[tuple[float, Row]], figure: str, mean_gate: float, row_gate: float) -> None:
        if not found:
            return
        mean = geometric_mean([value for value, _ in found])
        low, row = min(found, key=lambda pair: pair[0])
        verdict = ("met" if mean >= mean_gate and low >= row_gate else "MISSED") if figure else ""
        made.add_row(family, f"{mean:.2f}", f"{low:.2f} {row.cell} {row.size}", figure, verdict)
        where = f"lowest={low:.2f} at={row.cell}/{row.size}"
        lines.append(
            f"summary {rows[0].dtype} {rows[0].mode} {family.replace(' ', '-')} mean={mean:.2f} {where} {verdict}"
        )

    training = rows[0].mode == "training"
    classical = "gate ≥ 2 in the mean, ≥ 1.0 each" if training else ""
    add(
        "LSTM over torch.nn",
        _ratios(rows, ("lstm",), lambda r: r.rivals.get("torch.nn")),
        "gate ≥ 1.0 in the mean, ≥ 0.9 each; aim 1.3" if training else "",
        1.0,
        0.9,
    )
    add("LSTM over its best rival", _ratios(rows, ("lstm",), _best), "", 0, 0)
    add("GRU and Elman over their best rival", _ratios(rows, ("gru", "elman"), _best), classical, 2.0, 1.0)
    others = sorted({r.cell for r in rows} - set(CLASSICAL))
    add(
        "other cells over the eager loop",
        _ratios(rows, others, lambda r: r.rivals.get("eager")),
        "gate ≥ 8 in the mean",
        8.0,
        0.0,
    )
    add(
        "other cells over the best of the others",
        _ratios(rows, others, lambda r: _best(r, ("eager",))),
        "gate ≥ 2.5 in the mean",
        2.5,
        0.0,
    )
    shares = [(r.share, r) for r in rows if r.stages == 1 and r.share is not None and _wide(r)]
    add("share of peak, B ≥ 32, H ≥ 128, one stage", shares, "aim ≥ 0.65", 0.65, 0.0)
    failed = [r for r in rows if r.ours is None]
    if failed:
        made.add_row("FAILED", str(len(failed)), ", ".join(f"{r.cell} {r.size}" for r in failed), "0", "MISSED")
        lines.append(f"summary {rows[0].dtype} {rows[0].mode} failed={len(failed)} MISSED")
    return made, lines


def _ratios(rows: list[Row], cells: Iterable[str], pick: Callable[[Row], Against | None]) -> list[tuple[float, Row]]:
    wanted = set(cells)
    return [(rival.ratio, row) for row in rows if row.cell in wanted and (rival := pick(row)) is not None]


def _best(row: Row, but: tuple[str, ...] = ()) -> Against | None:
    best = row.best(but)
    return best[1] if best else None


def _wide(row: Row) -> bool:
    batch, _, _, units = (int(n) for n in row.size.split("x"))
    return batch >= 32 and units >= 128
