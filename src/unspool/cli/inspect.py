"""`unspool inspect MODEL`: a network as a dynamical system, on a page."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unspool.cli.arguments import Json, Overwrite, Skip

if TYPE_CHECKING:
    from torch import Tensor

    from unspool.dynamics.inspection.inspection import Inspection
    from unspool.nn import Recurrent

FILES = frozenset({"report.html", "inspection.json"})
STEPS = 1000
OUT = Path("out/inspect")

Model = Annotated[
    Path,
    typer.Argument(
        help="Folder model/ that `unspool forecast` wrote; with --torch, a .safetensors file.", show_default=False
    ),
]
Data = Annotated[
    Path | None,
    typer.Argument(
        help="What it is to run on: a table as for `unspool predict`; with --torch, a .npy [T, I] or [B, T, I], or a "
        "CSV with a column per input. Without it the input is held at rest.",
        show_default=False,
    ),
]
Elsewhere = Annotated[
    bool, typer.Option("--torch", help="MODEL holds the weights of a network trained elsewhere.", show_default=False)
]
CellName = Annotated[
    str | None, typer.Option("--cell", help="With --torch: its cell (`unspool cells`), or FILE.py:NAME.")
]
Prefix = Annotated[
    str | None, typer.Option(help="With --torch: what stands before the layer's keys, where there are several layers.")
]
Needed = Annotated[int | None, typer.Option(help="Steps back that the task needs; of a forecaster its window.")]
Steps = Annotated[int, typer.Option(help="Steps to measure along.")]
Exponents = Annotated[int | None, typer.Option(help="Lyapunov exponents; all, or the largest 64.")]
Seed = Annotated[int, typer.Option(help="Same seed, same machine: same bytes.")]
Out = Annotated[Path, typer.Option(help="Folder for the page.")]


def inspect(
    model: Model,
    data: Data = None,
    torch: Elsewhere = False,
    cell: CellName = None,
    prefix: Prefix = None,
    needed: Needed = None,
    steps: Steps = STEPS,
    exponents: Exponents = None,
    seed: Seed = 0,
    skip_bad_series: Skip = False,
    out: Out = OUT,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Look inside a network: how far back it can learn from, what limits it, what to try.

    Writes report.html and inspection.json to the folder --out.
    """
    from unspool.atomic import check_folder
    from unspool.cli.output import print_json
    from unspool.dynamics.inspection.as_json import inspection_to_json
    from unspool.dynamics.inspection.inspection import inspect as look
    from unspool.errors import SettingError

    if seed < 0:
        raise SettingError(f"seed is {seed}", hint="give a whole number from 0 on")
    folder = check_folder(out, FILES, overwrite=overwrite)
    if torch:
        subject = _elsewhere(model, data, cell, prefix)
    elif cell or prefix:
        raise SettingError(
            "--cell and --prefix are for a network trained elsewhere", hint=f"--torch {model} --cell gru"
        )
    else:
        subject = _forecaster(model, data, skip_bad_series, steps)
    needed = subject.needed if needed is None else needed
    with _telling(quiet=json) as tell:
        found = look(subject.layer, subject.x, steps=steps, needed=needed, count=exponents, seed=seed, tell=tell)
    options = {"cell": cell, "prefix": prefix, "needed": needed if needed != subject.needed else None}
    options |= {"steps": steps if steps != STEPS else None, "exponents": exponents, "seed": seed or None}
    options |= {"out": out if out != OUT else None}
    words = ["unspool", "inspect", *["--torch"] * torch, str(model), *[str(data)] * bool(data)]
    words += [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]
    record = inspection_to_json(found)
    written = _write(folder, found, record, subject, shlex.join(words))
    if json:
        print_json({**record, "files": written})
    else:
        _show(found, subject, written)


@dataclass(frozen=True)
class _Subject:
    """What is looked at: a layer, its inputs, how far back it needs to reach; and words for it."""

    layer: "Recurrent"
    x: "Tensor | None"
    needed: int | None
    title: str
    course: str


def _forecaster(model: Path, data: Path | None, skip: bool, steps: int) -> _Subject:
    from unspool.errors import ModelError
    from unspool.forecast import Forecaster
    from unspool.forecast.core import recurrent_core
    from unspool.forecast.ensemble import lead_of, models_of

    if model.is_file():
        raise ModelError(f"'{model}' is a file, not the folder of a forecaster", hint=f"--torch {model} --cell gru")
    forecaster = Forecaster.load(model)
    forecaster.set_params(on_bad_series="skip" if skip else "error")
    lead, of = lead_of(forecaster.model_), len(models_of(forecaster.model_))
    core = recurrent_core(forecaster.model_, forecaster.read(data) if data else None, steps)
    noun, members = forecaster.frequency_.noun, len(lead.members)
    said = [f"The network that counts most in an ensemble of {of}." if of > 1 else ""]
    said += [f"The first of {members} members." if members > 1 else ""]
    said.append(f"A step is {f'{core.per_step} {noun}s' if core.per_step > 1 else f'a {noun}'}.")
    if data:
        said.append(f"It ran over {core.windows} windows of {data.name}, laid end to end, {core.reads} steps each.")
    else:
        said.append(
            "No data were given, so its input was held at rest, as of a series that stays at its mean: this is what "
            "the network does left to itself, not what it does at work."
        )
    title = f"{forecaster.columns_.target}: what its network remembers"
    return _Subject(core.layer, core.x, core.reads, title, " ".join(filter(None, said)))


def _elsewhere(path: Path, data: Path | None, cell: str | None, prefix: str | None) -> _Subject:
    from unspool.dynamics.inspection.inputs import inputs_from_file
    from unspool.dynamics.inspection.weights import layer_from_file
    from unspool.errors import SettingError

    if cell is None:
        raise SettingError(
            "--torch needs --cell: weights do not tell it", hint="--cell gru; `unspool cells` lists them"
        )
    layer = layer_from_file(path, cell, prefix=prefix)
    x = inputs_from_file(data, layer.input_size) if data else None
    course = (
        f"It ran over {data.name}."
        if data
        else "No inputs were given, so they are zero: this is what the network does left to itself."
    )
    return _Subject(layer, x, None, f"{path.name}: what it remembers", course)


def _write(folder: Path, found: "Inspection", record: dict, subject: _Subject, command: str) -> dict[str, str]:
    from importlib.metadata import version

    from unspool.atomic import new_folder
    from unspool.cli.output import dumps
    from unspool.report.inspection import InspectionReport, render_inspection

    settings = {"cell": found.cell, "measured along": f"{found.sequences} × {found.steps} steps"}
    versions = {name: version(name) for name in ("unspool", "torch", "numpy", "scipy")}
    page = render_inspection(InspectionReport(subject.title, found, subject.course, command, settings, versions))
    with new_folder(folder, FILES) as draft:
        (draft / "report.html").write_text(page, encoding="utf-8")
        (draft / "inspection.json").write_text(dumps(record), encoding="utf-8")
    return {"report": str(folder / "report.html"), "inspection": str(folder / "inspection.json")}


@contextmanager
def _telling(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A line on a terminal that says what is being looked at."""
    from rich.console import Console

    console = Console(quiet=quiet, stderr=True)
    with console.status("reading") as status:
        yield lambda name: status.update(f"looking at: {name}")


def _show(found: "Inspection", subject: _Subject, written: dict[str, str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from unspool.report.inspection.tables import findings

    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(subject.title, style="bold"))
    console.print(Text(subject.course))
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    table.add_column("")
    for fact in findings(found):
        table.add_row(*map(Text, (fact.name, fact.value, fact.detail)))
    console.print(table)
    console.print(Text(str(found.diagnosis)))
    if found.certificate is not None:
        console.print(Text(found.certificate.verdict))
    for name, why in found.missing.items():
        console.print(Text(f"note: no {name}: {why}", style="yellow"))
    console.print()
    for what, path in written.items():
        console.print(Text(f"{what:<10} {path}"))
