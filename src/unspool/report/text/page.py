"""The page about a language model as one HTML file."""

import math
import os
from dataclasses import replace
from typing import Any

from unspool.atomic import write_file
from unspool.report.html import render_page
from unspool.report.names import cell_name
from unspool.report.numbers import count
from unspool.report.text.colouring import coloured
from unspool.report.text.data import TextReport
from unspool.report.text.losses import loss_chart, symbol_noun
from unspool.report.text.tables import findings, unit_table
from unspool.text import FittedText, Tracking

MOST_UNITS = 6
MOST_SAMPLES = 5
HELD_LESS = 0.15
"""How much more than the untrained network's a correlation has to be before training is given the credit."""


def write_text(path: str | os.PathLike[str], report: TextReport) -> None:
    """Write the page at `path`, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_file(path, render_text(report))


def render_text(report: TextReport) -> str:
    """The page as text; the same report gives the same text."""
    model = report.model
    tracking = [t for t in report.units if t.tracks]
    content: dict[str, Any] = {
        "kind": "language model",
        "title": report.title,
        "summary": summary(model),
        "judgement": judgement(model),
        "facts": findings(model),
        "report": report,
        "samples": [replace(s, text=printable(s.text)) for s in _spread(list(model.samples), MOST_SAMPLES)],
        "noun": symbol_noun(model),
        "verdict": verdict(report),
        "unit_rows": unit_table(report),
        "drawn": [{"about": t, "words": _words(t, report), "pieces": coloured(t)} for t in tracking[:MOST_UNITS]],
    }
    for drawing in content["drawn"]:
        drawing["pieces"] = [replace(piece, text=printable(piece.text)) for piece in drawing["pieces"]]
    return render_page("text.html.j2", {"losses": loss_chart(model)}, content)


def printable(text: str) -> str:
    """The text with a dot for every character that no screen shows."""
    return "".join(c if c.isprintable() or c in "\n\t" else "·" for c in text)


def summary(model: FittedText) -> str:
    """What was learned from, by which network."""
    noun = symbol_noun(model)
    layers = f"{count(model.options.num_layers, 'layer')} of {model.options.hidden_size} {cell_name(model.cell.name)}"
    learned, held = model.symbols
    return f"{layers} units; {count(learned, noun)} to learn from, {count(held, noun)} held back to judge it by."


def judgement(model: FittedText) -> str:
    """The honest sentence."""
    if not model.best:
        return "Nothing was learned: no validation came out better than the first weights."
    noun, nats = symbol_noun(model), model.valid_nats
    train = model.epochs[model.best - 1].train_loss
    bits, guess = nats / math.log(2), math.log2(len(model.vocabulary))
    words = f"Text that it has not seen takes it {bits:.3f} bits per {noun}; guessing takes {guess:.2f}."
    if nats - train > 0.25 * train:
        words += " It does far better on the text that it learned from, so a larger one, or dropout, should help."
    return words


def verdict(report: TextReport) -> str:
    """What the units come to."""
    if not report.units:
        return "The text held back is too short, or has none of the properties that are looked for."
    tracking = [t for t in report.units if t.tracks]
    if not tracking:
        best = max(report.units, key=lambda t: abs(t.held))
        return (
            f"No single unit tracks any of the {len(report.units)} properties that were looked for: the best one, for "
            f"“{best.feature}”, reaches a correlation of {abs(best.held):.2f} on text that had no part in picking it."
        )
    before = {t.feature: abs(t.held) for t in report.untrained}
    owed = [t for t in tracking if abs(t.held) > before.get(t.feature, 0.0) + HELD_LESS]
    words = f"Single units follow {len(tracking)} of {len(report.units)} properties (|r| of at least 0.5). "
    if not report.untrained:
        return words.rstrip()
    if not owed:
        return words + "A network with random weights does so about as well: training did not make these."
    names = ", ".join(f"“{t.feature}”" for t in owed)
    rest = "; for the others a network with random weights does about as well" if len(owed) < len(tracking) else ""
    return words + f"Training is behind {names}{rest}."


def _words(t: Tracking, report: TextReport) -> str:
    """What a drawing shows."""
    size = "the size of " if t.magnitude else ""
    untrained = next((abs(u.held) for u in report.untrained if u.feature == t.feature), None)
    words = f"{size[:1].upper()}{size[1:]}{t.unit}: r = {t.held:+.2f}".replace("-", "−")
    words += f" with “{t.feature}” on this half of the text, which had no part in picking it"
    return words + (f"; {untrained:.2f} in size for the best unit of the untrained network." if untrained else ".")


def _spread(items: list[Any], most: int) -> list[Any]:
    """The first, the last, and some between, evenly."""
    if len(items) <= most:
        return items
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]
