"""Figures of the dynamics lens: `python -m benchmarks.dynamics`, or one part: `python -m benchmarks.dynamics lyapunov`.

Every module here that has a `main` is a part; `--help` after its name lists its options.
"""

import importlib
import pkgutil

import typer

from benchmarks import dynamics

PARTS = {
    m.name: importlib.import_module(f"{dynamics.__name__}.{m.name}").main
    for m in pkgutil.iter_modules(dynamics.__path__)
    if m.name != "__main__"
}
app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def every(context: typer.Context) -> None:
    """Run the part that is named, or all of them."""
    if context.invoked_subcommand is None:
        app([], standalone_mode=False) if not PARTS else [context.invoke(main) for main in PARTS.values()]


for name, main in PARTS.items():
    app.command(name)(main)

if __name__ == "__main__":
    app()
