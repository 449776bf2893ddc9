"""`unspool draw MODEL`: a network compressed and unrolled, as SVG, drawn from the module itself."""

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str,
    typer.Argument(
        help="The folder of a saved model; or a setup: one-to-one, one-to-many, many-to-one, many-to-one-pooled, "
        "many-to-many, fed-back, encoder-decoder, encoder-decoder-attention.",
        show_default=False,
    ),
]
CellName = Annotated[str, typer.Option("--cell", help="The cell of a setup: a name, or FILE.py:NAME.")]
Layers = Annotated[int, typer.Option("--layers", min=1, help="Layers of a setup.")]
Both = Annotated[bool, typer.Option("--bidirectional", help="A setup that also runs backwards.")]
Residual = Annotated[bool, typer.Option("--residual", help="Layers that add their input to their output.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="The file; by default the model's name with .svg.", show_default=False)
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")]


def draw(
    model: Model,
    cell: CellName = "elman",
    layers: Layers = 1,
    bidirectional: Both = False,
    residual: Residual = False,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw a network, compressed and unrolled, into an SVG file."""
    from unspool.atomic import write_file
    from unspool.errors import OutputError
    from unspool.nn.setups import SETUPS, small_setup
    from unspool.report.drawing import draw as drawn
    from unspool.report.drawing.saved import saved_network

    file = out or Path(f"{Path(model).resolve().name if model not in SETUPS else model}.svg")
    if file.exists() and not overwrite:
        raise OutputError(f"'{file}' is there already", hint="--overwrite, or another --out")
    if model in SETUPS or not Path(model).exists():
        network = small_setup(model, cell, layers=layers, bidirectional=bidirectional, residual=residual)
    else:
        network = saved_network(Path(model))
    write_file(file, drawn(network))
    print(file)
