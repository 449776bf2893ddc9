"""A fitted model as a folder: `model.json` and `weights.safetensors`. Reading it executes nothing.

The cell is saved as its step graph, so a model with a user's own cell needs nobody's Python to load.
"""

import json
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError

from unspool.atomic import check_folder, new_folder
from unspool.errors import ModelError, UnspoolError
from unspool.forecast.fitting import FittedModel, Recipe
from unspool.forecast.model import ForecastModel, ModelSettings
from unspool.forecast.record import from_record
from unspool.forecast.result import TrainingLog
from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.panel import Columns, Panel
from unspool.forecast.tables.zones import is_known
from unspool.forecast.windows import Scales
from unspool.ir import graph_from_json, graph_to_json
from unspool.lang import Cell
from unspool.train import Epoch, TrainSettings

FORMAT = 1
FILES = frozenset({"model.json", "weights.safetensors"})


@dataclass(frozen=True)
class SavedModel:
    """What a folder gives back: the model, and the columns and frequency it was made for."""

    model: FittedModel
    columns: Columns
    frequency: Frequency


def save_model(path: str | PathLike[str], model: FittedModel, panel: Panel) -> None:
    """Write `model` to the new folder `path`.

    Raises:
        OutputError: the folder exists or cannot be written.
    """
    with new_folder(check_folder(path, FILES, overwrite=False), FILES) as folder:
        write_model(folder, model, panel)


def write_model(folder: Path, model: FittedModel, panel: Panel) -> None:
    """Write the two files into `folder`. The bytes depend on the model alone: no time, no machine."""
    recipe = model.recipe
    record = {
        "format": FORMAT,
        "kind": "unspool forecast model",
        "columns": panel.columns.to_json(),
        "frequency": panel.frequency.to_json(),
        "settings": recipe.model.to_json(),
        "cell": graph_to_json(recipe.cell.graph),
        "train": asdict(recipe.train),
        "fit": {k: getattr(recipe, k) for k in _FIT},
        "members": len(model.members),
        "series": list(model.ids),
        "centre": model.scales.centre.tolist(),
        "spread": model.scales.spread.tolist(),
        "shifts": model.shifts,
        "valid_error": model.valid_error,
        "epochs": [{k: v for k, v in asdict(e).items() if k != "seconds"} for e in model.log.epochs],
        "best": model.log.best,
        "stopped": model.log.stopped,
    }
    (folder / "model.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    weights = {
        f"{number}.{name}": value.contiguous()
        for number, member in enumerate(model.members)
        for name, value in member.state_dict().items()
    }
    # Not save_file: its file can be read by nobody else.
    (folder / "weights.safetensors").write_bytes(safetensors.torch.save(weights))


def load_model(path: str | PathLike[str]) -> SavedModel:
    """Read a folder that `save_model` wrote.

    Raises:
        ModelError: it is missing, incomplete, damaged, or of a newer version.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(f"no model folder '{folder}'", hint="give the folder model/ that `unspool forecast` wrote")
    missing = sorted(name for name in FILES if not (folder / name).is_file())
    if missing:
        inner = " (its folder model/ is one)" if (folder / "model" / "model.json").is_file() else ""
        raise ModelError(
            f"'{folder}' is not a complete model: {', '.join(missing)} missing", hint=f"fit it again{inner}"
        )
    record = _read_json(folder / "model.json")
    version = record.get("format")
    if record.get("kind") != "unspool forecast model" or not isinstance(version, int):
        raise ModelError(f"'{folder / 'model.json'}' is not the record of a model")
    if version > FORMAT:
        raise ModelError(
            f"'{folder}' was written by a newer version (format {version}; this one reads up to {FORMAT})",
            hint="upgrade unspool, or fit the model again",
        )
    try:
        weights = safetensors.torch.load_file(folder / "weights.safetensors")
        return _rebuild(record, weights)
    except ModelError as error:
        raise ModelError(f"'{folder}': {error.message}", error.hint) from None
    except (*_DAMAGE, UnspoolError, SafetensorError) as error:
        reason = f"{type(error).__name__} {error}".splitlines()[0]
        raise ModelError(f"'{folder}' is damaged: {reason}", hint="fit and save the model again") from None


_FIT = ("batch_size", "validation", "refit", "seed")

_DAMAGE = (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"""What numbers, names or shapes raise that no model of ours has."""


def _read_json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise ModelError(f"'{path}' is damaged: {error}", hint="fit and save the model again") from None
    if not isinstance(record, dict):
        raise ModelError(f"'{path}' is damaged: not an object", hint="fit and save the model again")
    return record


def _rebuild(record: dict[str, Any], weights: dict[str, torch.Tensor]) -> SavedModel:
    settings = ModelSettings.from_json(record["settings"])
    cell = Cell.from_graph(graph_from_json(record["cell"]))
    fit = {name: record["fit"][name] for name in _FIT}
    train = from_record(TrainSettings, record["train"], "training settings")
    recipe = Recipe(model=settings, cell=cell, train=train, members=int(record["members"]), **fit)
    frequency = _checked(Frequency.from_json(record["frequency"]), settings.features)
    ids = tuple(str(name) for name in record["series"])
    scales = Scales(np.array(record["centre"], dtype=np.float64), np.array(record["spread"], dtype=np.float64))
    shifts = np.array(record["shifts"], dtype=np.float64)
    if scales.centre.shape != (len(ids),) or scales.spread.shape != (len(ids),) or settings.series not in (0, len(ids)):
        raise ValueError("the scales do not fit the series")
    if not (np.isfinite([scales.centre, scales.spread]).all() and (scales.spread > 0).all()):
        raise ValueError("a scale is not a positive number")
    if shifts.shape != (settings.horizon, len(settings.levels)) or not np.isfinite(shifts).all():
        raise ValueError("the conformal shifts do not fit the horizon and the quantiles")
    if not 1 <= recipe.members <= len(weights) or settings.num_layers > len(weights):
        raise ValueError("it does not hold all weights")
    members = [_member(settings, cell, weights, f"{number}.") for number in range(recipe.members)]
    epochs = tuple(Epoch(**e, seconds=0.0) for e in record["epochs"])
    log = TrainingLog(epochs, int(record["best"]), str(record["stopped"]), settings.network, cell.name, 0.0)
    model = FittedModel(tuple(members), recipe, ids, scales, shifts.tolist(), log, float(record["valid_error"]))
    return SavedModel(model, Columns.from_json(record["columns"]), frequency)


def _member(settings: ModelSettings, cell: Cell, weights: dict[str, torch.Tensor], prefix: str) -> ForecastModel:
    # Copied, for a file's tensors lie at odd addresses, and products of those round differently.
    own = {k.removeprefix(prefix): v.to(torch.float32, copy=True) for k, v in weights.items() if k.startswith(prefix)}
    if not all(bool(v.isfinite().all()) for v in own.values()):
        raise ValueError("a weight is not a finite number")
    # Without memory until the shapes are known to fit: a record may state any size.
    with torch.device("meta"):
        member = ForecastModel(settings, cell)
    member.load_state_dict(own, assign=True)
    member.levels = torch.tensor(settings.levels)
    return member.eval()


def _checked(frequency: Frequency, features: tuple[str, ...]) -> Frequency:
    """The frequency if it counts forward and has the calendar features that the model reads."""
    if frequency.zone is not None and not is_known(frequency.zone):
        raise ValueError(f"its zone {frequency.zone!r} is not known")
    times = frequency.after(0, 3)
    if not (np.diff(times) > np.zeros(2, np.diff(times).dtype)).all() or frequency.season_length < 1:
        raise ValueError("its frequency does not count forward")
    frequency.features(times)
    if not set(features) <= set(frequency.feature_names):
        raise ValueError("its frequency does not fit its calendar features")
    return frequency
