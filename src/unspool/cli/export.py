"""`unspool export MODEL`: a fitted model as an ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from unspool.cli.arguments import Json

Model = Annotated[Path, typer.Argument(help="Folder model/ that `unspool forecast` wrote.", show_default=False)]
Out = Annotated[Path, typer.Option(help="The file to write.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")]


def export(model: Model, out: Out = Path("model.onnx"), overwrite: Overwrite = False, json: Json = False) -> None:
    """Write a fitted model as ONNX, which runs without unspool: values in, calibrated quantiles out.

    The file is run in onnxruntime beside our own forecast, on made-up series, and only written if they agree.
    """
    from unspool.cli.output import print_json
    from unspool.forecast import Forecaster

    done = Forecaster.load(model).export(out, overwrite=overwrite)
    if json:
        found = {"file": str(done.path), "operations": done.operations, "bytes": done.size}
        print_json(found | {"difference": done.difference, "description": done.description})
        return
    given = ", ".join(f"{one['name']} {one['shape']}".replace("'", "") for one in done.description["inputs"])
    (output,) = done.description["outputs"]
    typer.echo(f"{done.path}: {done.size / 1024:,.0f} KiB, {done.operations} operations")
    typer.echo(f"reads {given}")
    typer.echo(f"gives {output['name']} {output['shape']}".replace("'", ""))
    if done.difference is None:
        typer.echo("not compared: onnxruntime is not installed (pip install 'unspool[export]')")
    else:
        typer.echo(f"in onnxruntime it differs from our forecast by {done.difference:.1g} of a series' spread at most")
