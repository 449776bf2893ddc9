"""An explanation as numbers: at rest, what each source adds, the forecast."""

from collections.abc import Sequence

from unspool.forecast.explanation import Explained
from unspool.report.explanation.words import aligned, sources
from unspool.report.numbers import count, percent
from unspool.report.tables import Cell, Table


def source_table(one: Explained, noun: str) -> Table:
    """A row for each source and a column for each step ahead; the columns sum to the forecast."""
    columns = ("", "Share", *(f"{count(step, noun)} ahead" for step in one.ahead))
    rows = [_row("at rest", "", aligned(one.rest.tolist(), one))]
    for source in sources(one, noun):
        rows.append(_row(source.name, percent(source.share), aligned(source.added.tolist(), one, signed=True)))
    rows.append(_row("left unexplained", "", aligned(one.unexplained.tolist(), one, signed=True)))
    rows.append(_row("forecast", "", aligned(one.forecast.tolist(), one)))
    caption = f"{one.id}: what is added from rest to the forecast, by integrated gradients"
    return Table(caption, columns, tuple(rows))


def _row(name: str, share: str, numbers: Sequence[str]) -> tuple[Cell, ...]:
    return (Cell(name), Cell(share), *map(Cell, numbers))
