"""`unspool tune FILE`: search for the settings of a forecast by validation loss."""

import shlex
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unspool.cli import arguments as a
from unspool.cli.job import Job

if TYPE_CHECKING:
    from unspool.forecast import Forecaster, Panel
    from unspool.forecast.recipe import Recipe
    from unspool.train import Callback
    from unspool.train.search import Found, Space, Tried

OURS = frozenset({"study.db", "best.json"})
KNOWN = ("learning_rate", "hidden_size", "num_layers", "dropout", "window", "cell", "highway", "network", "batch_size")
USUAL = KNOWN[:-2]

Trials = Annotated[int, typer.Option(help="Fits in all; those of an earlier search in --out count.")]
Over = Annotated[
    str | None, typer.Option(help=f"What is searched, with commas between: {', '.join(KNOWN)}.", show_default=False)
]
Cells = Annotated[str, typer.Option(help="Cells to choose among, with commas between.")]
Held = Annotated[
    int, typer.Option("--folds", help="Horizons at the end that are left for the backtest of `unspool forecast`.")
]


def tune(
    file: a.File,
    horizon: a.Horizon,
    trials: Trials = 30,
    over: Over = None,
    cells: Cells = "gru,lstm,mingru",
    folds: Held = 3,
    network: a.Network = "segment",
    normalisation: a.Normalisation = "auto",
    gap: a.Gap = 0,
    steps: a.Steps = None,
    validation: a.Validation = None,
    seed: a.Seed = 0,
    target: a.Target = "y",
    time: a.Time = "ds",
    series: a.SeriesColumn = None,
    frequency: a.FrequencyName = None,
    season_length: a.Season = None,
    skip_bad_series: a.Skip = False,
    out: a.Out = Path("out/tune"),
    overwrite: a.Overwrite = False,
    json: a.Json = False,
) -> None:
    """Search for settings of a forecast; fits that are worse than most are broken off. Needs the extra unspool\\[tune].

    Every trial is kept in study.db in the folder --out: the same command again goes on with the search. The newest
    horizons are held back, so that `unspool forecast` with what was found has an honest backtest.
    """
    from unspool.atomic import check_folder
    from unspool.cli.output import print_json
    from unspool.cli.tables import Screen
    from unspool.errors import SettingError
    from unspool.forecast import Forecaster
    from unspool.train.search import search

    for name, least, value in (("trials", 1, trials), ("folds", 0, folds)):
        if value < least:
            raise SettingError(f"{name} is {value}", hint=f"give {least} or more")
    check_folder(out, OURS, overwrite=True)
    fixed: dict[str, Any] = {
        "horizon": horizon, "network": network, "normalisation": normalisation, "gap": gap, "steps": steps,
        "validation": validation, "seed": seed, "target": target, "time": time, "frequency": frequency,
        "season_length": season_length,
    }  # fmt: skip
    skip = "skip" if skip_bad_series else "error"
    forecaster = Forecaster(**fixed, series=series or "unique_id", on_bad_series=skip)
    screen = Screen(quiet=json)
    panel = forecaster.read(file)
    screen.data(file.name, panel)
    early = panel.before(forecaster.plan_folds(panel, folds)[0].train_end.tolist()) if folds else panel
    space, first = space_of(_names(over, network), _recipe(forecaster, early), cells)
    if overwrite:
        (out / "study.db").unlink(missing_ok=True)
    found = search(
        _objective(forecaster, early),
        space,
        first,
        storage=out / "study.db",
        trials=trials,
        about={"data": _digest(early), **fixed},
        seed=seed,
        tell=lambda tried, best: screen.console.print(_line(tried, best), markup=False),
    )
    words = fixed | {"series": series, "skip_bad_series": skip_bad_series or None}
    record = _write(out, found, _command(file, words, found))
    if json:
        print_json(record)
    else:
        _show(screen.console.print, found, record, out)


def space_of(names: list[str], usual: "Recipe", cells: str) -> "tuple[Space, dict[str, Any]]":
    """What is searched, by name, and the usual values to begin with.

    Raises:
        SettingError, CellError: there is no cell, or one that is unknown.
    """
    from unspool.cells import find_cell
    from unspool.errors import SettingError
    from unspool.train.search import Range

    lookback, units = usual.model.lookback, usual.model.hidden_size
    choices = tuple(dict.fromkeys(name.strip() for name in cells.split(",") if name.strip()))
    if not choices:
        raise SettingError("there is no cell to choose", hint="for example --cells gru,lstm")
    for name in choices:
        find_cell(name)
    space: Space = {
        "learning_rate": Range(5e-4, 5e-2, log=True),
        "hidden_size": Range(min(8, units), max(128, units), log=True),
        "num_layers": Range(1, 3),
        "dropout": Range(0.0, 0.5),
        "window": tuple(sorted({max(2, lookback // 2), lookback, 2 * lookback})),
        "cell": choices,
        "highway": (True, False),
        "network": ("segment", "direct"),
        "batch_size": (16, 32, 64, 128, 256, 512),
    }
    first = {
        "learning_rate": usual.train.learning_rate,
        "hidden_size": units,
        "num_layers": usual.model.num_layers,
        "dropout": usual.model.dropout,
        "window": lookback,
        "cell": choices[0],
        "highway": usual.model.highway,
        "network": usual.model.network,
        "batch_size": usual.batch_size,
    }
    return {name: space[name] for name in names}, {name: first[name] for name in names}


def _barred(network: str) -> dict[str, str]:
    """What a named network has nothing of to search, and why."""
    from unspool.forecast.networks import FED

    found = {}
    if network == "dilated":
        found["num_layers"] = "network 'dilated' has a layer for each dilation"
    if network in FED:
        found["highway"] = f"network '{network}' has no highway to search"
    return found


def _names(over: str | None, network: str) -> list[str]:
    from unspool.errors import SettingError

    if over is None:
        # What `unspool forecast` has no option for could not be handed on to it.
        there = {field.name for field in fields(Job)} - set(_barred(network))
        return [name for name in USUAL if name in there]
    names = [name.strip().replace("-", "_") for name in over.split(",") if name.strip()]
    if unknown := [name for name in names if name not in KNOWN] or ([] if names else [over]):
        raise SettingError(f"'{unknown[0]}' is nothing to search", hint=f"it is one of: {', '.join(KNOWN)}")
    for name, why in _barred(network).items():
        if name in names and "network" not in names:
            raise SettingError(why, hint=f"leave {name} out of --over")
    return names


def _recipe(forecaster: "Forecaster", panel: "Panel") -> "Recipe":
    """What the forecaster would try first."""
    from unspool.forecast.options import candidates

    return next(iter(candidates(forecaster.options, panel).values()))


def _objective(forecaster: "Forecaster", panel: "Panel") -> "Callable[[dict[str, Any], Callback], float]":
    """Validation loss of a forecaster with other values, in units of each series' deviation."""
    from unspool.forecast import Forecaster
    from unspool.forecast.fitting import fit_model

    def loss(values: dict[str, Any], callback: "Callback") -> float:
        tried = Forecaster(**forecaster.get_params()).set_params(**values)
        return fit_model(panel, _recipe(tried, panel).alone, [callback]).valid_error

    return loss


def _digest(panel: "Panel") -> str:
    """SHA-256 of the values that are searched on."""
    from hashlib import sha256

    digest = sha256()
    for series in panel.series:
        digest.update(str(series.id).encode() + series.values.tobytes())
    return digest.hexdigest()


def _line(tried: "Tried", best: "Tried | None") -> str:
    loss = "broken off" if tried.loss is None else f"loss {tried.loss:.4f}"
    mark = "best" if best is not None and best.number == tried.number else ""
    return f"{tried.number:>4}  {loss:<12} {mark:<4}  {_options(tried.values)}"


def _options(values: dict[str, Any]) -> str:
    """As the command line takes them."""
    words: list[str] = []
    for name, value in values.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif value is not None:
            words += [f"--{option}", f"{value:.4g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)


def _command(file: Path, fixed: dict[str, Any], found: "Found") -> str | None:
    """The forecast with the best settings, in a line."""
    if found.best is None:
        return None
    usual = {field.name: field.default for field in fields(Job)}
    given = {name: value for name, value in (fixed | found.best.values).items() if value != usual.get(name)}
    given = {**given, **{name: value for name, value in found.best.values.items() if value is False}}
    return f"unspool forecast {shlex.quote(str(file))} {_options(given)}"


def _write(out: Path, found: "Found", command: str | None) -> dict[str, Any]:
    import json
    from dataclasses import asdict

    from unspool.atomic import write_file

    record = {
        "best": asdict(found.best) if found.best else None,
        "command": command,
        "interrupted": found.interrupted,
        "trials": [asdict(trial) for trial in found.trials],
    }
    write_file(out / "best.json", json.dumps(record, indent=1) + "\n")
    return record


def _show(say: Callable[..., None], found: "Found", record: dict[str, Any], out: Path) -> None:
    broken = sum(trial.loss is None for trial in found.trials)
    say(
        f"\n{len(found.trials)} trials, {broken} broken off{', interrupted' if found.interrupted else ''}", markup=False
    )
    if found.best is not None:
        first = found.trials[0].loss
        usual = f"; with the usual settings {first:.4f}" if first is not None else ""
        say(f"best: validation loss {found.best.loss:.4f}{usual}", markup=False)
        say(f"\n{record['command']}\n", markup=False)
    say(f"{'trials':<10} {out / 'study.db'}\n{'best':<10} {out / 'best.json'}", markup=False)
