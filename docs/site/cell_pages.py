"""The page of each cell of the library, and the table of all of them, from the code."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from groups import GROUPS, Group, group_of

from unspool.cells import built_in
from unspool.lang import Cell
from unspool.lang.prose import Prose, prose_of
from unspool.nn import Recurrent
from unspool.passes.facts import UNITS, StepFacts, facts_of, further_sizes
from unspool.report.drawing.step import draw_step
from unspool.report.mathematics import equations_html

STEPS = 3
"""Of an unrolled drawing."""


def navigation() -> list[Any]:
    """The cells' part of the navigation: the table, then the groups."""
    return ["cells/index.md", *({group.title: [f"cells/{c.name}.md" for c in group.cells]} for group in _grouped())]


@cache
def cell_pages() -> dict[str, str]:
    """Name → Markdown of every page."""
    pages = {f"cells/{name}.md": _page(cell) for name, cell in built_in().items()}
    return pages | {"cells/index.md": _index()}


def _page(cell: Cell) -> str:
    prose = prose_of(cell)
    return "\n\n".join(
        [
            f"---\ntitle: {cell.name}\nhide: [toc]\n---",
            f"# {_escaped(prose.title)}",
            equations_html(cell),
            *_paragraphs(prose),
            "## The step, compressed",
            _figure(draw_step(cell.graph), "compressed"),
            "Lines that meet in a function are added first; a − or ÷ stands where one is subtracted or divides. "
            "Vectors that are only added (biases) are left out. Grey boxes are products that need no state: they are "
            "computed for all steps at once, before the loop. Blue lines are states, before the step and after it.",
            f"## Unrolled over {STEPS} steps",
            _figure(draw_step(cell.graph, STEPS), "unrolled"),
            "## In numbers",
            _fact_table(cell, facts_of(cell.graph)),
            "## Use it",
            _use(cell),
            "## The page",
            f"````python\n{cell.page.rstrip()}\n````",
            f"`unspool show {cell.name} --plan --adjoint` prints what is derived from it.",
        ]
    )


def _paragraphs(prose: Prose) -> Iterator[str]:
    """The prose as Markdown; what to choose the cell for stands out."""
    yield _linked(_escaped(f"{prose.paper} {prose.equals}"))
    yield re.sub(r"^State:", "**State:**", _linked(_escaped(prose.state)))
    if prose.start:
        yield _linked(_escaped(prose.start))
    yield f'!!! tip ""\n    {_linked(_escaped(prose.choose))}'


def _escaped(text: str) -> str:
    """Plain text as Markdown; what is in backquotes stays."""
    parts = text.split("`")
    return "`".join(re.sub(r"([*_<\[\]\\|])", r"\\\1", p) if k % 2 == 0 else p for k, p in enumerate(parts))


def _linked(text: str) -> str:
    """Numbers of arXiv become links."""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5}(?:v\d+)?)", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


def _figure(svg: str, kind: str) -> str:
    return f'<div class="drawing {kind}" data-search-exclude>\n{svg.strip()}\n</div>'


def _fact_table(cell: Cell, facts: StepFacts) -> str:
    matrices = f", {facts.matrices} matrices" if facts.matrices > facts.products else ""
    others = further_sizes(cell.graph, UNITS)
    rows = {
        "states": _states(facts),
        "learned parameters": f"{facts.formula} = {facts.count():,} where I = H = {UNITS}",
        "fixed": f"{facts.count(fixed=True):,}" if facts.fixed else "",
        "products per step": f"{facts.products}{matrices}" if facts.products else "none: all of them leave the loop",
        "stages per step": str(facts.stages),
        "scan": f"{', '.join(facts.scans)}: no loop over steps is needed" if facts.scans else "no",
        f"kept for training, I = H = {UNITS}": f"{_kept(cell):,} bytes per step and sequence, float32",
        "other sizes in these numbers": ", ".join(f"{letter} = {size}" for letter, size in others.items()),
    }
    inputs = ", ".join(f"{v.name} [{v.size}]" if v.size else f"{v.name}, a number per step" for v in cell.graph.inputs)
    table = (f"| {name} | {value} |" for name, value in rows.items() if value)
    return "\n".join([f"| reads | {inputs} |", "|---|---|", *table])


def _states(facts: StepFacts) -> str:
    return ", ".join(f"{v.name} [{v.size}]" for v in facts.states)


@cache
def _kept(cell: Cell) -> int:
    return Recurrent(cell, UNITS, UNITS, sizes=further_sizes(cell.graph, UNITS), device="meta").saved_bytes_per_step()


def _use(cell: Cell) -> str:
    sizes = [f'"{letter}": {size}' for letter, size in further_sizes(cell.graph, UNITS).items()]
    given = f", sizes={{{', '.join(sizes)}}}" if sizes else ""
    asked = [f'"{v.name}": torch.rand(8, 100)' for v in cell.graph.number_inputs if v.default is None]
    per_step = f", per_step={{{', '.join(asked)}}}" if asked else ""
    call = [
        "```python",
        "import torch",
        "",
        "from unspool.nn import Recurrent",
        "",
        f'layer = Recurrent("{cell.name}", input_size=3, hidden_size={UNITS}{given})',
        f"output, final_state = layer(torch.randn(8, 100, 3){per_step})  # [B, T, H]; a state for each of the page's",
        "```",
    ]
    command = ["", "```sh", f"unspool forecast sales.csv --target sales --horizon 12 --cell {cell.name}", "```"]
    return "\n".join([*call, *([] if sizes or asked else command)])


def _index() -> str:
    rows = [
        "---\nhide: [toc]\n---",
        "# The cells",
        f"{len(built_in())} cells, each one page of equations, from which everything else is derived. Groups and "
        f"numbers are read off the equations: learned parameters where I = H = {UNITS} (other sizes H/2, 4 blocks), "
        "products and stages of the loop per step, bytes that training keeps per step and sequence.",
    ]
    for group in _grouped():
        head = "| cell | | states | learned | products | stages | kept |\n|---|---|---|--:|--:|--:|--:|"
        rows += [f"## {group.title}", group.text, "\n".join([head, *(_row(cell) for cell in group.cells)])]
    return "\n\n".join(rows)


def _row(cell: Cell) -> str:
    facts = facts_of(cell.graph)
    values = (_states(facts), f"{facts.count():,}", facts.products, facts.stages, f"{_kept(cell):,}")
    return f"| [{cell.name}]({cell.name}.md) | {_escaped(prose_of(cell).title)} | {' | '.join(map(str, values))} |"


def _grouped() -> list[Group]:
    found = {group.title: group for group in GROUPS}
    members: dict[str, list[Cell]] = {title: [] for title in found}
    for cell in built_in().values():
        members[group_of(cell.graph).title].append(cell)
    return [found[title].having(tuple(cells)) for title, cells in members.items() if cells]
