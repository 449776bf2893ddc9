"""`unspool show CELL`: the page, what was traced from it, and what is made of that."""

from typing import Annotated, Literal

import typer

Name = Annotated[str, typer.Argument(help="A cell, or FILE.py:NAME.", show_default=False)]
Plan = Annotated[
    bool,
    typer.Option("--plan", help="Also how it runs over time: before, in and after the loop, and what it saves."),
]
Adjoint = Annotated[bool, typer.Option("--adjoint", help="Also its gradients: the equations of the backward sweep.")]
Code = Annotated[bool, typer.Option("--code", help="Also the LLVM code of the time loops, forward and backward.")]
Dtype = Annotated[Literal["float32", "float64"], typer.Option("--dtype", help="The number type of the code.")]
Assembly = Annotated[bool, typer.Option("--assembly", help="Also the machine code for this processor, all of it.")]


def show(
    name: Name,
    plan: Plan = False,
    adjoint: Adjoint = False,
    code: Code = False,
    assembly: Assembly = False,
    dtype: Dtype = "float32",
) -> None:
    """Print a cell's page, the graph traced from it, and what the compiler makes of it."""
    from rich.console import Console
    from rich.syntax import Syntax

    from unspool.cells import find_cell
    from unspool.ir import print_graph

    console = Console(highlight=False, markup=False)

    def coloured(text: str, language: str) -> None:
        # Colour is for a terminal; into a pipe or a file the text goes as it is, uncut.
        shown = Syntax(text, language, theme="ansi_dark", background_color="default", word_wrap=True)
        console.print(shown if console.is_terminal else text, soft_wrap=not console.is_terminal)

    def section(title: str, text: str) -> None:
        console.print(f"\n{title}\n{text}", soft_wrap=True)

    cell = find_cell(name)
    coloured(cell.page.rstrip(), "python")
    section("graph", print_graph(cell.graph))
    if not (plan or adjoint or code or assembly):
        return
    from unspool.passes import as_run, make_plan, print_adjoint, print_plan

    planned = make_plan(as_run(cell.graph))
    if plan:
        section("plan", print_plan(planned))
    if adjoint:
        section("adjoint", print_adjoint(planned))
    if code or assembly:
        from unspool.backends.llvm import SweepKernel
        from unspool.backends.llvm.listing import listing
        from unspool.passes.print_names import reading

        told = reading(planned)
        sweeps = (("forward", told.commented.forward), ("adjoint", told.commented.adjoint))
        for language, machine in (("llvm", False), ("gas", True)):
            for which, sweep in sweeps:
                if assembly if machine else code:
                    kernel = SweepKernel(sweep, dtype, is_adjoint=which == "adjoint")
                    section(f"{'assembly' if machine else 'code'}, {which}", "")
                    coloured(listing(kernel, machine=machine).rstrip(), language)
