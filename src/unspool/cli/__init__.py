"""The command line: one file per command, no logic. `unspool --help` loads neither torch nor polars."""

from unspool.cli.app import main

__all__ = ["main"]
