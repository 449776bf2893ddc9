"""`unspool cells`: what every cell costs, where it comes from, and when to choose it."""

import json as jsons
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from unspool.lang import Cell
    from unspool.lang.prose import Prose
    from unspool.passes.facts import StepFacts

    Row = tuple[str, StepFacts, Prose]

Words = Annotated[
    list[str] | None,
    typer.Argument(
        help="Only cells that have all of these words in their name, their title or their page's text.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="All facts and full texts as JSON, and nothing else.")]

COLUMNS = ("cell", "states", "products", "stages", "parameters", "scan", "paper")
NUMBERS = frozenset({"products", "stages", "parameters"})
NARROWEST = 60
"""Characters in a line of text, however narrow the screen is."""

LEGEND = (
    "products: by matrices, per step of the loop, a stack counted once; with 0 no unit sees another",
    "stages: parts of a step that wait for each other",
    "parameters: learned, at I = H = {units}; other sizes are H/2, and blocks 4",
    "scan: states whose steps need not wait for each other",
    "`unspool show NAME` prints a cell's page",
)


def cells(words: Words = None, json: Json = False) -> None:
    """List the cells: what each costs and when to choose it."""
    from unspool.cells import built_in, installed, unusable
    from unspool.errors import CellError
    from unspool.passes.facts import UNITS

    wanted = [word.lower() for word in words or ()]
    shelves = {"": _rows(built_in(), wanted), "of installed packages": _rows(installed(), wanted)}
    if wanted and not any(shelves.values()):
        raise CellError(f"no cell is about {' and '.join(words or ())}", hint="`unspool cells` lists them all")
    broken = {} if wanted else unusable()
    if json:
        found = {heading: [_as_json(*row) for row in rows] for heading, rows in shelves.items()}
        record = {"sizes": {"I": UNITS, "H": UNITS}, "cells": found[""], "installed": found["of installed packages"]}
        record["unusable"] = {name: error.message for name, error in broken.items()}
        sys.stdout.write(jsons.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    _print(console, shelves)
    console.print("\n" + "\n".join(LEGEND).format(units=UNITS), style="dim")
    for name, error in broken.items():
        console.print(f"\nnot usable: {name}: {error.message}", style="yellow")


def _rows(known: "dict[str, Cell]", words: list[str]) -> "list[Row]":
    from unspool.lang.prose import prose_of
    from unspool.passes.facts import facts_of

    rows = ((name, facts_of(cell.graph), prose_of(cell)) for name, cell in known.items())
    return [row for row in rows if all(word in _searched(*row) for word in words)]


def _searched(name: str, facts: "StepFacts", prose: "Prose") -> str:
    return f"{name}\n{prose.text}\n{'scan' if facts.scans else ''}".lower()


def _print(console: "Console", shelves: "dict[str, list[Row]]") -> None:
    from rich.text import Text

    lines = {heading: [_columns(*row) for row in rows] for heading, rows in shelves.items()}
    table = [COLUMNS, *(line for part in lines.values() for line in part)]
    widths = [max(len(line[k]) for line in table) for k in range(len(COLUMNS))]
    console.print(Text(_line(COLUMNS, widths), style="bold"))
    for heading, rows in shelves.items():
        if heading and rows:
            console.print(Text(f"\n{heading}", style="bold"))
        for line, (_, _, prose) in zip(lines[heading], rows, strict=True):
            console.print(Text(_line(line, widths)))
            for text in filter(None, (prose.title, prose.choose)):
                width = max(NARROWEST, console.width)
                wrapped = textwrap.fill(text, width, initial_indent="    ", subsequent_indent="    ")
                console.print(Text(wrapped, style="dim"))


def _line(columns: Iterable[str], widths: list[int]) -> str:
    parts = zip(COLUMNS, columns, widths, strict=True)
    return "  ".join(f"{text:>{w}}" if name in NUMBERS else f"{text:<{w}}" for name, text, w in parts).rstrip()


def _columns(name: str, facts: "StepFacts", prose: "Prose") -> tuple[str, ...]:
    sizes = dict.fromkeys(s.size for s in facts.states)
    states = " ".join(f"{' '.join(s.name for s in facts.states if s.size == size)} [{size}]" for size in sizes)
    scan = "all" if facts.is_scan else " ".join(facts.scans) or "–"
    numbers = (str(facts.products), str(facts.stages), f"{facts.count():,}")
    return (name, states, *numbers, scan, prose.cite or str(prose.year or "–"))


def _as_json(name: str, facts: "StepFacts", prose: "Prose") -> dict[str, Any]:
    from unspool.passes.facts import UNITS, further_sizes

    return {
        "name": name,
        "title": prose.title,
        "states": [{"name": s.name, "size": s.size} for s in facts.states],
        "inputs_per_step": list(facts.numbers),
        "products": facts.products,
        "matrices": facts.matrices,
        "stages": facts.stages,
        "parameters": {"formula": facts.formula, "learned": facts.count(), "fixed": facts.count(fixed=True)},
        "further_sizes": further_sizes(facts.graph, UNITS),
        "scans": list(facts.scans),
        "is_scan": facts.is_scan,
        **{
            key: getattr(prose, key) for key in ("year", "cite", "arxiv", "paper", "equals", "state", "start", "choose")
        },
        "equations": list(prose.equations),
    }
