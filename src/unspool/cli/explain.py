"""`unspool explain MODEL FILE`: which past steps and covariates the forecast of a saved model rests on."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unspool.cli.arguments import File, Future, Json, Overwrite, Skip
from unspool.cli.predict import Model

if TYPE_CHECKING:
    from unspool.forecast import Explanation, Forecaster, Panel

FILES = frozenset({"report.html", "explanation.json", "explanation.csv"})
MOST = 12
"""Series that are explained where none is named."""

Names = Annotated[list[str] | None, typer.Option("--series", help="A series to explain; repeat it. The first dozen.")]
Ahead = Annotated[str | None, typer.Option(help="Steps ahead to explain: 1,24; the first, the last and two between.")]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder for report.html, explanation.json and explanation.csv.", show_default=False),
]


def explain(
    model: Model,
    file: File,
    future: Future = None,
    series: Names = None,
    ahead: Ahead = None,
    skip_bad_series: Skip = False,
    out: Out = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Say which past steps and covariates a forecast rests on. Nothing is fitted: it takes a moment.

    With --out it writes report.html, explanation.json and explanation.csv to that folder.
    """
    from unspool.atomic import check_folder
    from unspool.cli.arguments import read_steps
    from unspool.cli.output import print_json
    from unspool.forecast import Forecaster

    folder = check_folder(out, FILES, overwrite=overwrite) if out else None
    steps = read_steps(ahead, "the steps ahead", "--ahead 1,24")
    forecaster = Forecaster.load(model)
    forecaster.set_params(on_bad_series="skip" if skip_bad_series else "error")
    panel = forecaster.read(file, future)
    names = series or [one.id for one in panel.series[:MOST]]
    explanation = forecaster.explain(panel, series=names, ahead=steps)
    options = [("future", future), *(("series", name) for name in series or []), ("ahead", ahead), ("out", out)]
    words = ["unspool", "explain", str(model), str(file)]
    words += [word for name, value in options if value is not None for word in (f"--{name}", str(value))]
    inspect = shlex.join(["unspool", "inspect", str(model), str(file)])
    written = _write(folder, forecaster, panel, explanation, shlex.join(words), inspect) if folder else {}
    if json:
        print_json({"explanation": explanation.to_json(), "files": written, "inspect": inspect})
        return
    left_out = 0 if series else len(panel.series) - len(names)
    _show(explanation, left_out)
    typer.echo(f"how far back the network itself can carry anything: {inspect}")
    for what, path in written.items():
        typer.echo(f"{what:<12} {path}")


def _write(
    folder: Path, forecaster: "Forecaster", panel: "Panel", explanation: "Explanation", command: str, inspect: str
) -> dict[str, str]:
    from dataclasses import replace
    from importlib.metadata import version

    from unspool.atomic import new_folder
    from unspool.cli.output import dumps
    from unspool.forecast.explanation import parts_of
    from unspool.forecast.explanation.reach import recurrent_reach
    from unspool.report.explanation import ExplanationReport, render_explanation

    parts = parts_of(forecaster.model_)
    longest = max(parts, key=lambda part: part.recipe.model.lookback)
    horizon = longest.recipe.model.horizon
    shown = {one.id for one in explanation.series}
    shorter = replace(panel, series=tuple(one for one in panel.series if one.id in shown))
    noun = f"{explanation.noun}{'s' if horizon > 1 else ''}"
    page = render_explanation(
        ExplanationReport(
            title=f"{panel.columns.target}: what its forecast rests on, {horizon} {noun} ahead",
            explanation=explanation,
            forecast=forecaster.forecast(shorter),
            reach=recurrent_reach(longest, shorter),
            window=longest.recipe.model.lookback,
            left_out=len(panel.series) - len(shown),
            inspect=inspect,
            command=command,
            settings={
                "cell": ", ".join(dict.fromkeys(part.recipe.cell.name for part in parts)),
                "network": ", ".join(dict.fromkeys(part.recipe.model.network for part in parts)),
                "members": str(sum(len(part.members) for part in parts)),
            },
            versions={name: version(name) for name in ("unspool", "torch", "numpy", "polars")},
        )
    )
    with new_folder(folder, FILES) as draft:
        (draft / "report.html").write_text(page, encoding="utf-8")
        (draft / "explanation.json").write_text(dumps(explanation.to_json()), encoding="utf-8")
        explanation.table().write_csv(draft / "explanation.csv")
    names = {"report": "report.html", "explanation": "explanation.json", "table": "explanation.csv"}
    return {what: str(folder / name) for what, name in names.items()}


def _show(explanation: "Explanation", left_out: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from unspool.report.explanation import rests_on
    from unspool.report.explanation.tables import source_table

    console = Console(highlight=False, soft_wrap=True)
    for one in explanation.series:
        console.print(Text(one.id, style="bold"))
        console.print(Text(rests_on(one, explanation.noun)))
        found = source_table(one, explanation.noun)
        view = Table(box=box.SIMPLE_HEAD)
        for place, column in enumerate(found.columns):
            view.add_column(Text(column), justify="right" if place else "left")
        for row in found.rows:
            view.add_row(*(Text(cell.text) for cell in row))
        needed = console.measure(view, options=console.options.update(max_width=1000)).maximum
        Console(highlight=False, width=max(console.width, needed)).print(view)
    if left_out:
        console.print(Text(f"{left_out} other series are not shown; name one with --series", style="yellow"))
