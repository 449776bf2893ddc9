"""Which series a report draws when there are more than a reader can look at."""

from dataclasses import dataclass

from unspool.report.data import ReportData

MOST = 12


@dataclass(frozen=True)
class Selection:
    """Ids drawn, in the order of the selector, and how many are left out.

    Attributes:
        first: ids from the start of the table.
        worst: ids taken because the backtest found them hardest, the worst first.
        left_out: how many series are not drawn.
    """

    first: tuple[str, ...]
    worst: tuple[str, ...]
    left_out: int

    @property
    def ids(self) -> tuple[str, ...]:
        """All drawn."""
        return self.first + self.worst


def select_series(report: ReportData, most: int = MOST) -> Selection:
    """All series where there are at most `most`; else the first ones and the worst of the backtest, half and half."""
    ids = list(dict.fromkeys(name for name, _, _ in report.history))
    if len(ids) <= most:
        return Selection(tuple(ids), (), 0)
    known = set(ids)
    worst = [name for name in worst_ids(report) if name in known]
    first = ids[: most - min(len(worst), most // 2)]
    taken = set(first)
    hard = [name for name in worst if name not in taken][: most - len(first)]
    filler = [name for name in ids[len(first) :] if name not in set(hard)][: most - len(first) - len(hard)]
    return Selection((*first, *filler), tuple(hard), len(ids) - most)


def worst_ids(report: ReportData) -> list[str]:
    """`metrics["worst"]` as ids: a list of ids, a list of objects that name a series, or an object id → value."""
    if report.backtest is None:
        return []
    worst = report.backtest.metrics.get("worst", ())
    names = [next((entry[key] for key in ("series", "id") if key in entry), None) if isinstance(entry, dict) else entry
             for entry in worst]  # fmt: skip
    return list(dict.fromkeys(str(name) for name in names if name is not None))
