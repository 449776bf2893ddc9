"""The tables of the page about a language model, and the figures under its heading."""

import math

from unspool.report.headline import Fact
from unspool.report.numbers import MISSING, count
from unspool.report.tables import Cell, Table
from unspool.report.text.data import TextReport
from unspool.report.text.losses import symbol_noun
from unspool.text import FittedText


def findings(model: FittedText) -> list[Fact]:
    """What a reader in a hurry takes away, on the page and in the terminal."""
    noun, nats = symbol_noun(model), model.valid_nats
    if not math.isfinite(nats):
        return []
    return [
        Fact(f"Bits per {noun}", f"{nats / math.log(2):.3f}", "on the text held back"),
        Fact(f"Nats per {noun}", f"{nats:.4f}", f"of {math.log(len(model.vocabulary)):.2f} for guessing"),
        Fact("Perplexity", f"{math.exp(nats):.2f}", f"of {len(model.vocabulary)} {noun}s"),
        Fact("Weights", count(weights(model), "number").split("\u00a0")[0], "in the network"),
    ]


def weights(model: FittedText) -> int:
    """Numbers that were learned."""
    return sum(p.numel() for p in model.network.parameters())


def unit_table(report: TextReport) -> Table | None:
    """Every property that the text has, its best unit, and how well it holds."""
    if not report.units:
        return None
    before = {t.feature: t.held for t in report.untrained}
    rows = tuple(
        (
            Cell(t.feature),
            Cell(f"|{t.unit}|" if t.magnitude else str(t.unit)),
            Cell(_signed(t.picked)),
            Cell(_signed(t.held), best=t.tracks),
            Cell(f"{t.chance:.2f}"),
            Cell(f"{abs(before[t.feature]):.2f}" if t.feature in before else MISSING),
        )
        for t in report.units
    )
    head = ("What of the text", "Best unit", "r where picked", "r on the other half", "|r| by chance", "|r| untrained")
    return Table("Correlation of the best unit with each property; • holds on the other half", head, rows)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
