"""`unspool task [NAME]`: the classical experiments, listed, or one of them run."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from unspool.tasks import Outcome

Name = Annotated[str | None, typer.Argument(help="Which; without it they are listed.", show_default=False)]
CellName = Annotated[str | None, typer.Option("--cell", help="A cell (`unspool cells`), or your own: FILE.py:NAME.")]
Hidden = Annotated[int | None, typer.Option("--hidden-size", help="Units.")]
Layers = Annotated[int | None, typer.Option("--num-layers", help="Layers.")]
Length = Annotated[int | None, typer.Option(help="T, the length or the lag, as the task's paper has it.")]
Seed = Annotated[int, typer.Option(help="Of first weights and sequences: same seed, same machine, same run.")]
Sequences = Annotated[int | None, typer.Option(help="Training sequences at most.")]
Steps = Annotated[int | None, typer.Option(help="Updates at most, instead of --sequences.")]
Batch = Annotated[int | None, typer.Option("--batch-size", help="Sequences per update.")]
Rate = Annotated[float | None, typer.Option("--learning-rate", help="Of Adam.")]
Start = Annotated[
    str | None, typer.Option(help="First recurrent weights: plain, chrono, forget, orthogonal, identity.")
]
Data = Annotated[Path | None, typer.Option(help="Folder or .mat file, for polyphonic music.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print what was found as JSON, and nothing else.")]


def task(
    name: Name = None,
    cell: CellName = None,
    hidden_size: Hidden = None,
    num_layers: Layers = None,
    length: Length = None,
    seed: Seed = 0,
    sequences: Sequences = None,
    steps: Steps = None,
    batch_size: Batch = None,
    learning_rate: Rate = None,
    start: Start = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Run a classical experiment until its paper's criterion is met; without a name, list them.

    What is not given is as it worked best on validation sequences, of what was tried. Solved or not, the exit code is
    0.
    """
    if name is None:
        _list(json=json)
        return
    from rich.console import Console
    from rich.text import Text

    from unspool.cli.output import print_json
    from unspool.cli.progress import Progress
    from unspool.errors import SettingError
    from unspool.tasks import find_task, run_task
    from unspool.tasks.record import outcome_to_json, verdict
    from unspool.tasks.run import check_settings

    if sequences is not None and steps is not None:
        raise SettingError("--sequences and --steps say the same in two ways", hint="give one of them")
    found = find_task(name, length=length, data=data)
    given = {"cell": cell, "hidden_size": hidden_size, "num_layers": num_layers, "batch_size": batch_size}
    given |= {"learning_rate": learning_rate, "start": start, "sequences": sequences}
    settings = replace(found.settings, **{k: v for k, v in given.items() if v is not None})
    if steps is not None:
        settings = replace(settings, sequences=steps * settings.batch_size)
    check_settings(settings)
    found.draw(1, seed=seed)
    console = Console(quiet=json, highlight=False, soft_wrap=True)
    console.print(Text(f"{found.name}: {found.summary}", style="bold"))
    console.print(Text(f"source: {found.source}"))
    console.print(Text(f"criterion: {found.criterion.text}"))
    with Progress(console) as progress:
        outcome = run_task(found, settings, seed=seed, callbacks=[progress])
    if json:
        print_json(outcome_to_json(outcome))
        return
    console.print(Text(_network(outcome)))
    console.print(Text(verdict(outcome), style="green" if outcome.solved else "yellow"))
    if found.published:
        console.print(Text(f"published: {found.published}"))


def _network(outcome: "Outcome") -> str:
    settings = outcome.settings
    return (
        f"{settings.cell}, {settings.hidden_size} units, {outcome.parameters:,} parameters; batches of "
        f"{settings.batch_size}, rate {settings.learning_rate:g}, seed {outcome.seed}; {outcome.seconds:.1f} s"
    )


def _list(*, json: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from unspool.cli.output import print_json
    from unspool.tasks import TASKS, find_task
    from unspool.tasks.record import task_to_json

    tasks = [find_task(name) for name in TASKS]
    if json:
        print_json([task_to_json(found) for found in tasks])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("task", "what it tests", "source", "solved when"):
        table.add_column(column)
    for found in tasks:
        table.add_row(*map(Text, (found.name, found.summary, found.source, found.criterion.text)))
    Console(highlight=False).print(table)
