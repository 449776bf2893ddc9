"""`unspool predict MODEL FILE`: forecast newer data with a saved model."""

from pathlib import Path
from typing import Annotated

import typer

from unspool.cli.arguments import File, Future, Json, Overwrite, Skip

Model = Annotated[Path, typer.Argument(help="Folder model/ that `unspool forecast` wrote.", show_default=False)]
Paths = Annotated[int, typer.Option(help="Paths to draw of each series, of an autoregressive network.")]
PathsTable = Annotated[Path | None, typer.Option(help="CSV or Parquet file for the paths.", show_default=False)]
Table = Annotated[Path | None, typer.Option("--out", help="CSV or Parquet file to write; the screen by default.")]


def predict(
    model: Model,
    file: File,
    future: Future = None,
    out: Table = None,
    paths: Paths = 0,
    paths_out: PathsTable = None,
    overwrite: Overwrite = False,
    skip_bad_series: Skip = False,
    json: Json = False,
) -> None:
    """Forecast newer data with a fitted model. Nothing is fitted: it takes a moment."""
    from unspool.cli.output import check_table, forecast_rows, print_json, write_table
    from unspool.cli.tables import forecast_view
    from unspool.errors import SettingError
    from unspool.forecast import Forecaster
    from unspool.forecast.output import forecast_table, path_times, paths_table

    if bool(paths) != bool(paths_out):
        raise SettingError("--paths and --paths-out go together", hint="--paths 100 --paths-out paths.csv")
    target = check_table(out, overwrite) if out else None
    drawn = check_table(paths_out, overwrite) if paths_out else None
    forecaster = Forecaster.load(model)
    forecaster.set_params(on_bad_series="skip" if skip_bad_series else "error")
    panel = forecaster.read(file, future)
    forecast = forecaster.forecast(panel, paths=paths)
    table = forecast_table(forecast, panel)
    if target:
        write_table(target, table, panel, forecast.times)
    if drawn:
        write_table(drawn, paths_table(forecast, panel), panel, path_times(forecast))
    unseen = [finding.message for finding in forecaster.model_.coding.unseen(panel)]
    if json:
        found = {"forecast": forecast_rows(table, panel, forecast), "file": str(out) if out else None}
        found |= {"paths": str(drawn)} if drawn else {}
        print_json(found | ({"findings": unseen} if unseen else {}))
        return
    for message in unseen:
        typer.echo(f"found: {message}")
    if drawn:
        typer.echo(f"{drawn}: {paths} paths of each series")
    if target:
        typer.echo(f"{target}: {len(table)} rows")
    else:
        forecast_view(table)
