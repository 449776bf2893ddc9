"""The `unspool` command: its subcommands, and how an error reaches a person."""

import os
import sys
import warnings
from typing import Annotated

import typer

from unspool.cli.backtest import backtest
from unspool.cli.cells import cells
from unspool.cli.classify import classify
from unspool.cli.draw import draw
from unspool.cli.explain import explain
from unspool.cli.export import export
from unspool.cli.forecast import forecast
from unspool.cli.inspect import inspect
from unspool.cli.predict import predict
from unspool.cli.show import show
from unspool.cli.task import task
from unspool.cli.text import text
from unspool.cli.tune import tune
from unspool.errors import UnspoolError

app = typer.Typer(
    name="unspool",
    help="Recurrent networks from one page of equations: forecast, classify, write text, look inside.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(forecast)
app.command()(backtest)
app.command()(predict)
app.command()(explain)
app.command()(export)
app.command()(tune)
app.add_typer(classify, name="classify")
app.add_typer(text, name="text")
app.command()(task)
app.command()(inspect)
app.command()(draw)
app.command()(cells)
app.command()(show)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"unspool {version('unspool')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    del version


INTERRUPTED = 130
"""What Typer makes of Ctrl-C."""


def main() -> None:
    """Run a command. A fault of the user's is one clear line, a hint, and exit code 2; nothing is half-written."""
    # The libraries underneath warn about their own affairs; what a user must know is said by the command.
    warnings.simplefilter("ignore")
    # Before torch is loaded: on a machine that is busy otherwise, the small products of a forecast take ten times as
    # long on several threads, which wait for each other, and on an idle one not half as long. Set it to have more.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        app()
    except UnspoolError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint:  {error.hint}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("interrupted: nothing was written", file=sys.stderr)
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"'{error.filename}': " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
