"""`unspool show CELL`: the page and what was traced from it."""

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="A cell, or FILE.py:NAME.", show_default=False)]
Plan = Annotated[bool, typer.Option("--plan", help="Also how it runs over time: before, inside and after the loop.")]


def show(name: Name, plan: Plan = False) -> None:
    """Print a cell's page and the graph traced from it."""
    from rich.console import Console
    from rich.syntax import Syntax

    from unspool.cells import find_cell
    from unspool.ir import print_graph

    cell = find_cell(name)
    console = Console(highlight=False, markup=False)
    page = cell.page.rstrip()
    # Colour is for a terminal; into a pipe or a file the page goes as it is, uncut.
    coloured = Syntax(page, "python", theme="ansi_dark", background_color="default", word_wrap=True)
    console.print(coloured if console.is_terminal else page, soft_wrap=not console.is_terminal)
    console.print(f"\ngraph\n{print_graph(cell.graph)}", soft_wrap=True)
    if plan:
        from unspool.passes import make_plan, print_plan

        console.print(f"\nplan\n{print_plan(make_plan(cell.graph))}", soft_wrap=True)
