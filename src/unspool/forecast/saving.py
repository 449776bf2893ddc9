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
from unspool.errors import CellError, ModelError
from unspool.forecast.fitting import FittedModel, Recipe
from unspool.forecast.frequency import Frequency
from unspool.forecast.model import ForecastModel, ModelSettings
from unspool.forecast.panel import Columns, Panel
from unspool.forecast.result import TrainingLog
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
    with new_folder(check_folder(path, FILES, overwrite=False)) as folder:
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
    safetensors.torch.save_file(weights, folder / "weights.safetensors")


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
    except (KeyError, TypeError, ValueError, RuntimeError, CellError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"'{folder}' is damaged: {reason}", hint="fit and save the model again") from None


_FIT = ("batch_size", "validation", "refit", "seed")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"'{path}' is damaged: {error}", hint="fit and save the model again") from None
    if not isinstance(record, dict):
        raise ModelError(f"'{path}' is damaged: not an object", hint="fit and save the model again")
    return record


def _rebuild(record: dict[str, Any], weights: dict[str, torch.Tensor]) -> SavedModel:
    settings = ModelSettings.from_json(record["settings"])
    cell = Cell.from_graph(graph_from_json(record["cell"]))
    fit = {name: record["fit"][name] for name in _FIT}
    recipe = Recipe(model=settings, cell=cell, train=TrainSettings(**record["train"]), members=record["members"], **fit)
    ids = tuple(str(name) for name in record["series"])
    scales = Scales(np.array(record["centre"], dtype=np.float64), np.array(record["spread"], dtype=np.float64))
    shifts = np.array(record["shifts"], dtype=np.float64)
    if scales.centre.shape != (len(ids),) or scales.spread.shape != (len(ids),) or not np.all(scales.spread > 0):
        raise ValueError("the scales do not fit the series")
    if shifts.shape != (settings.horizon, len(settings.levels)) or not np.isfinite(shifts).all():
        raise ValueError("the conformal shifts do not fit the horizon and the quantiles")
    members = []
    for number in range(int(record["members"])):
        member = ForecastModel(settings, cell)
        prefix = f"{number}."
        member.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
        members.append(member.eval())
    if not members:
        raise ValueError("it holds no weights")
    epochs = tuple(Epoch(**e, seconds=0.0) for e in record["epochs"])
    log = TrainingLog(epochs, int(record["best"]), str(record["stopped"]), settings.network, cell.name, 0.0)
    model = FittedModel(tuple(members), recipe, ids, scales, shifts.tolist(), log, float(record["valid_error"]))
    return SavedModel(
        model, Columns.from_json(record["columns"]), Frequency.from_json(record["frequency"])
    )
