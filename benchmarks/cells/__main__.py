"""All cells on five tasks with equal numbers of parameters: `python -m benchmarks.cells --data DIR`.

Each run is kept in a file as soon as it is done, and is not repeated while the cell's page (but for its words) and the
task's settings stay as they are; Ctrl-C loses the run that is going on. All cells come with seed 0 and one rate first,
then with the other rate, then with further seeds. `--seeds 0` runs nothing, and prints the table.
"""

import os
import sys
from itertools import product
from pathlib import Path
from typing import Annotated

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import typer
from rich.console import Console

from benchmarks.cells.run import page_hash, run_trial
from benchmarks.cells.store import RESULTS, Store
from benchmarks.cells.table import make_markdown, refresh
from benchmarks.cells.trials import LAST_RATE, RATES, TRIALS, Trial, task_of
from unspool import Cell, find_cell
from unspool.cells import built_in
from unspool.errors import SettingError, UnspoolError

CONSOLE = Console(highlight=False, markup=False, soft_wrap=True, width=None if sys.stdout.isatty() else 240)


def main(
    data: Annotated[Path | None, typer.Option(help="The folder that holds ett/ and tsc/; two tasks need it.")] = None,
    cells: Annotated[
        list[str] | None, typer.Option(help="A cell, or FILE.py:NAME; repeat it. All built-in ones.")
    ] = None,
    tasks: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(TRIALS)}; repeat it. All.")] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each, from seed 0 on.")] = 2,
    only_missing: Annotated[bool, typer.Option(help="Leave out what has been run, or run it again.")] = True,
    out: Annotated[Path, typer.Option(help="The file of finished runs.")] = RESULTS,
    markdown: Annotated[Path | None, typer.Option(help="Write the table there, between its markers.")] = None,
) -> None:
    """Run what has not been run, and print the table."""
    torch.set_num_threads(1)
    try:
        chosen = [find_cell(name) for name in cells] if cells else list(built_in().values())
        trials = [_trial(name) for name in tasks or TRIALS]
        store = Store(out)
        for seed in range(seeds):
            for rate in (*RATES, LAST_RATE) if seed == 0 else (None,):
                for cell, trial in product(chosen, trials):
                    if rate != LAST_RATE or store.broke_down(cell.name, trial.name):
                        peak = rate or store.rate(cell.name, trial.name)
                        _run(cell, trial, seed, peak, store, data, only_missing)
        CONSOLE.print(make_markdown(store))
        if markdown is not None:
            refresh(markdown, store)
    except UnspoolError as error:
        CONSOLE.print(f"error: {error.message}" + (f"\nhint:  {error.hint}" if error.hint else ""))
        raise typer.Exit(2) from None


def _trial(name: str) -> Trial:
    if name not in TRIALS:
        raise SettingError(f"there is no task '{name}'", hint=f"there are {', '.join(TRIALS)}")
    return TRIALS[name]


def _run(
    cell: Cell, trial: Trial, seed: int, rate: float | None, store: Store, data: Path | None, only_missing: bool
) -> None:
    if rate is None:
        return  # of a seed after 0, which did not run
    before = store.find(cell.name, trial.name, seed, rate)
    if only_missing and before is not None and before["page"] == page_hash(cell):
        return
    try:
        record = run_trial(cell, trial, task_of(trial, data), seed, rate)
    except Exception as error:  # whatever it is, the other cells are still measured
        CONSOLE.print(f"{cell.name} on {trial.name}: not run: {type(error).__name__}: {error}")
        return
    store.add(record)
    CONSOLE.print(
        f"{cell.name} on {trial.name}, seed {seed}, rate {rate:g}: score {record['score']}, validation loss "
        f"{record['validation']}, H = {record['hidden_size']}, {record['cpu_seconds']:.1f} CPU s"
    )


if __name__ == "__main__":
    typer.run(main)
