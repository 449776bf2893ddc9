"""Classical results, run again: `python -m benchmarks.reproductions --data DIR [--only NAME] [--seeds N]`.

Each run is kept in a file as soon as it is done, and is not repeated; Ctrl-C ends the run that is going on, which is
then not kept. Everything together takes many hours; `--list` runs nothing and prints what there is.
"""

import os
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import typer
from rich.console import Console

from benchmarks.reproductions.row import Row
from benchmarks.reproductions.rows import ROWS
from benchmarks.reproductions.store import Store
from benchmarks.reproductions.table import make_markdown, make_settings, make_table
from unspool.atomic import write_file
from unspool.cli.progress import Progress
from unspool.errors import SettingError, UnspoolError

CONSOLE = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 240)


def main(
    data: Annotated[
        Path | None, typer.Option(help="The folder that holds polyphonic/; rows that need it wait.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Row, or rows as in 'adding-*'; repeat it.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Runs of each row, instead of its own number.")] = None,
    out: Annotated[Path, typer.Option(help="The file of finished runs.")] = Path("out/reproductions.json"),
    markdown: Annotated[Path | None, typer.Option(help="Also write the tables there, as Markdown.")] = None,
    list_rows: Annotated[bool, typer.Option("--list", help="Print rows and finished runs; run nothing.")] = False,
) -> None:
    """Run what has not been run, and print the table."""
    torch.set_num_threads(1)
    try:
        rows = _chosen(only or [])
        store = Store(out)
        if list_rows:
            for row in rows:
                CONSOLE.print(f"{row.name:<28} {len(store.all_of(row))} of {row.seeds} runs done   aim: {row.aim}")
        else:
            for row in rows:
                _run(row, store, data, seeds or row.seeds)
    except UnspoolError as error:
        CONSOLE.print(f"error: {error.message}" + (f"\nhint:  {error.hint}" if error.hint else ""), markup=False)
        raise typer.Exit(2) from None
    CONSOLE.print(make_table(store))
    CONSOLE.print(make_settings(store))
    if markdown is not None:
        write_file(markdown, make_markdown(store))


def _chosen(only: list[str]) -> list[Row]:
    rows = [row for row in ROWS if not only or any(fnmatch(row.name, name) for name in only)]
    if not rows:
        raise SettingError(f"no row is called {', '.join(only)}", hint=", ".join(row.name for row in ROWS))
    return rows


def _run(row: Row, store: Store, data: Path | None, seeds: int) -> None:
    for seed in range(seeds):
        if store.find(row, seed) is not None:
            continue
        with Progress(CONSOLE) as progress:
            try:
                record = row.run(seed, data, [progress])
            except UnspoolError as error:
                CONSOLE.print(f"{row.name}: not run: {error.message}", markup=False)
                return
        if record.get("stopped") == "interrupted":
            raise typer.Exit(130)
        store.add(row, seed, record)
        said = "solved" if record["solved"] else "not solved"
        CONSOLE.print(
            f"{row.name} seed {seed}: {said}, {record['sequences']:,} sequences, error {record['error']}, "
            f"{record['seconds']:.0f} s"
        )


if __name__ == "__main__":
    typer.run(main)
