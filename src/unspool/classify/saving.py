"""A fitted classifier as a folder: `model.json` and `weights.safetensors`. Reading it executes nothing."""

import json
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError

from unspool.atomic import check_folder, new_folder
from unspool.classify.fitting import FittedModel, Recipe
from unspool.classify.model import ClassificationModel, ModelSettings
from unspool.classify.scaling import Scaling
from unspool.classify.sequences import Columns
from unspool.errors import ModelError, UnspoolError
from unspool.ir import graph_from_json, graph_to_json
from unspool.lang import Cell
from unspool.train import Epoch, Fitted, TrainSettings

FORMAT = 1
KIND = "unspool classification model"
FILES = frozenset({"model.json", "weights.safetensors"})

_FIT = ("batch_size", "members", "folds", "smoothing", "noise", "balanced", "seed")
_TRAIN = ("steps", "learning_rate", "weight_decay", "clip", "validations", "patience")

_DAMAGE = (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"""What numbers, names or shapes raise that no model of ours has."""


def save_model(path: str | PathLike[str], model: FittedModel, columns: Columns | None) -> None:
    """Write `model` to the new folder `path`.

    Raises:
        OutputError: the folder exists or cannot be written.
    """
    with new_folder(check_folder(path, FILES, overwrite=False), FILES) as folder:
        write_model(folder, model, columns)


def write_model(folder: Path, model: FittedModel, columns: Columns | None) -> None:
    """Write the two files into `folder`. The bytes depend on the model alone: no time, no machine."""
    recipe, scaling = model.recipe, model.scaling
    record = {
        "format": FORMAT,
        "kind": KIND,
        "classes": list(model.classes),
        "channels": list(model.channels),
        "columns": None if columns is None else asdict(columns),
        "settings": recipe.model.to_json(),
        "cell": graph_to_json(recipe.cell.graph),
        "train": {name: getattr(recipe.train, name) for name in _TRAIN},
        "fit": {name: getattr(recipe, name) for name in _FIT},
        "centre": scaling.centre.tolist(),
        "spread": scaling.spread.tolist(),
        "masked": list(scaling.masked),
        "temperature": model.temperature,
        "validation": model.validation,
        "fits": [
            {
                "epochs": [{k: v for k, v in asdict(e).items() if k != "seconds"} for e in log.epochs],
                "best": log.best,
                "stopped": log.stopped,
            }
            for log in model.logs
        ],
    }
    (folder / "model.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    weights = {
        f"{number}.{name}": value.contiguous()
        for number, member in enumerate(model.members)
        for name, value in member.state_dict().items()
    }
    # Not save_file: its file can be read by nobody else.
    (folder / "weights.safetensors").write_bytes(safetensors.torch.save(weights))


def load_model(path: str | PathLike[str]) -> tuple[FittedModel, Columns | None]:
    """Read a folder that `save_model` wrote: the model, and the columns of the table it was fitted to.

    Raises:
        ModelError: it is missing, incomplete, damaged, of another kind or of a newer version.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(
            f"no model folder '{folder}'", hint="give the folder model/ that `unspool classify train` wrote"
        )
    missing = sorted(name for name in FILES if not (folder / name).is_file())
    if missing:
        inner = f"; its folder is '{folder / 'model'}'" if (folder / "model" / "model.json").is_file() else ""
        raise ModelError(
            f"'{folder}' is not a model: {', '.join(missing)} missing", hint=f"give a folder model/{inner}"
        )
    record = _read_json(folder / "model.json")
    kind, version = record.get("kind"), record.get("format")
    if kind != KIND or not isinstance(version, int):
        what = f"of another kind: {kind}" if isinstance(kind, str) else "not the record of a model"
        command = (
            "`unspool predict` reads it" if kind == "unspool forecast model" else "give the folder of a classifier"
        )
        raise ModelError(f"'{folder / 'model.json'}' is {what}", hint=command)
    if version > FORMAT:
        raise ModelError(
            f"'{folder}' was written by a newer version (format {version}; this one reads up to {FORMAT})",
            hint="upgrade unspool, or fit the model again",
        )
    try:
        return _rebuild(record, safetensors.torch.load_file(folder / "weights.safetensors"))
    except ModelError as error:
        raise ModelError(f"'{folder}': {error.message}", error.hint) from None
    except (*_DAMAGE, UnspoolError, SafetensorError) as error:
        reason = f"{type(error).__name__} {error}".splitlines()[0]
        raise ModelError(f"'{folder}' is damaged: {reason}", hint="fit and save the model again") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise ModelError(f"'{path}' is damaged: {error}", hint="fit and save the model again") from None
    if not isinstance(record, dict):
        raise ModelError(f"'{path}' is damaged: not an object", hint="fit and save the model again")
    return record


def _rebuild(record: dict[str, Any], weights: dict[str, torch.Tensor]) -> tuple[FittedModel, Columns | None]:
    settings = ModelSettings.from_json(record["settings"])
    cell = Cell.from_graph(graph_from_json(record["cell"]))
    train = TrainSettings(**{name: record["train"][name] for name in _TRAIN})
    recipe = Recipe(model=settings, cell=cell, train=train, **{name: record["fit"][name] for name in _FIT})
    classes = tuple(str(name) for name in record["classes"])
    channels = tuple(str(name) for name in record["channels"])
    masked = tuple(int(k) for k in record["masked"])
    scaling = Scaling(np.array(record["centre"], np.float64), np.array(record["spread"], np.float64), masked)
    if scaling.centre.shape != (len(channels),) or scaling.spread.shape != (len(channels),):
        raise ValueError("the scales do not fit the channels")
    if not (np.isfinite([scaling.centre, scaling.spread]).all() and (scaling.spread > 0).all()):
        raise ValueError("a scale is not a positive number")
    if not set(masked) <= set(range(len(channels))) or scaling.size != settings.features:
        raise ValueError("the network does not fit the channels")
    if len(set(classes)) != len(classes) or len(classes) != settings.classes:
        raise ValueError("the network does not fit the classes")
    temperature = float(record["temperature"])
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError("the temperature is not a positive number")
    logs = tuple(
        Fitted(tuple(Epoch(**e, seconds=0.0) for e in log["epochs"]), int(log["best"]), str(log["stopped"]), 0.0)
        for log in record["fits"]
    )
    if not 1 <= len(logs) <= len(weights):
        raise ValueError("it does not hold all weights")
    validation = {str(name): float(value) for name, value in record["validation"].items()}
    columns = None if record["columns"] is None else Columns(**{k: str(v) for k, v in record["columns"].items()})
    members = tuple(_member(settings, cell, weights, f"{number}.") for number in range(len(logs)))
    model = FittedModel(members, recipe, classes, channels, scaling, temperature, validation, logs)
    return model, columns


def _member(settings: ModelSettings, cell: Cell, weights: dict[str, torch.Tensor], prefix: str) -> ClassificationModel:
    # Copied, for a file's tensors lie at odd addresses, and products of those round differently.
    own = {k.removeprefix(prefix): v.to(torch.float32, copy=True) for k, v in weights.items() if k.startswith(prefix)}
    if not all(bool(v.isfinite().all()) for v in own.values()):
        raise ValueError("a weight is not a finite number")
    # Without memory until the shapes are known to fit: a record may state any size.
    with torch.device("meta"):
        member = ClassificationModel(settings, cell)
    member.load_state_dict(own, assign=True)
    return member.eval()
