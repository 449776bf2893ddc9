"""`unspool draw WHAT`: a network, or a cell's step, compressed and unrolled, as SVG, drawn from itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from unspool.lang import Cell

What = Annotated[
    str,
    typer.Argument(
        help="The folder of a saved model; a cell, or FILE.py:NAME; or a setup: one-to-one, one-to-many, many-to-one, "
        "many-to-one-pooled, many-to-many, fed-back, encoder-decoder, encoder-decoder-attention.",
        show_default=False,
    ),
]
CellName = Annotated[str, typer.Option("--cell", help="The cell of a setup: a name, or FILE.py:NAME.")]
Layers = Annotated[int, typer.Option("--layers", min=1, help="Layers of a setup.")]
Both = Annotated[bool, typer.Option("--bidirectional", help="A setup that also runs backwards.")]
Residual = Annotated[bool, typer.Option("--residual", help="Layers that add their input to their output.")]
Unrolled = Annotated[bool, typer.Option("--unrolled", help="A cell over several steps, not one with its feedback.")]
Steps = Annotated[int, typer.Option("--steps", min=2, max=12, help="Of a cell that is unrolled.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="The file; by default the name of what is drawn.", show_default=False)
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")]


def draw(
    what: What,
    cell: CellName = "elman",
    layers: Layers = 1,
    bidirectional: Both = False,
    residual: Residual = False,
    unrolled: Unrolled = False,
    steps: Steps = 3,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw a network, or the step of a cell, into an SVG file."""
    from unspool.atomic import write_file
    from unspool.cells import built_in
    from unspool.errors import OutputError, SettingError
    from unspool.nn.setups import SETUPS, small_setup
    from unspool.report.drawing import draw as drawn
    from unspool.report.drawing.saved import saved_network
    from unspool.report.drawing.step import draw_step

    is_cell = what not in SETUPS and (what in built_in() or not Path(what).is_dir())
    page = _found(what) if is_cell else None
    file = out or Path(f"{page.name if page else what if what in SETUPS else Path(what).resolve().name}.svg")
    if file.exists() and not overwrite:
        raise OutputError(f"'{file}' is there already", hint="--overwrite, or another --out")
    if page is not None:
        svg = draw_step(page.graph, steps if unrolled else 1)
    elif unrolled:
        raise SettingError(f"--unrolled is for a cell; the drawing of '{what}' shows both pictures")
    elif what in SETUPS:
        svg = drawn(small_setup(what, cell, layers=layers, bidirectional=bidirectional, residual=residual))
    else:
        svg = drawn(saved_network(Path(what)))
    write_file(file, svg)
    print(file)


def _found(what: str) -> "Cell":
    """The cell called `what`.

    Raises:
        SettingError: there is nothing of this name.
        CellError: its file is missing or has no such cell.
    """
    from unspool.cells import find_cell
    from unspool.errors import CellError, SettingError
    from unspool.nn.setups import SETUPS

    try:
        return find_cell(what)
    except CellError as error:
        if ".py" in what:
            raise
        hint = f"setups: {', '.join(SETUPS)}; {error.hint}"
        raise SettingError(f"there is no setup, cell or folder '{what}'", hint=hint) from None
