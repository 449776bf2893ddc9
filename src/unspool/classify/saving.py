"""A fitted classifier as a folder: `model.json` and `weights.safetensors`. Reading it executes nothing."""

from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from unspool.atomic import check_folder, new_folder
from unspool.classify.fitting import FittedModel, Recipe
from unspool.classify.model import ClassificationModel, ModelSettings
from unspool.classify.scaling import Scaling
from unspool.classify.sequences import Columns
from unspool.ir import graph_from_json, graph_to_json
from unspool.lang import Cell
from unspool.nn import saved
from unspool.nn.saved import FILES, members_weights, read_model, rebuilt
from unspool.train import Epoch, Fitted, TrainSettings

FORMAT = 1
KIND = "unspool classification model"

_FIT = ("batch_size", "members", "folds", "smoothing", "noise", "balanced", "seed")
_TRAIN = ("steps", "learning_rate", "weight_decay", "clip", "validations", "patience")


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
    saved.write_model(folder, KIND, FORMAT, record, members_weights(model.members))


def load_model(path: str | PathLike[str]) -> tuple[FittedModel, Columns | None]:
    """Read a folder that `save_model` wrote: the model, and the columns of the table it was fitted to.

    Raises:
        ModelError: it is missing, incomplete, damaged, of another kind or of a newer version.
    """
    return read_model(path, KIND, FORMAT, "unspool classify train", _rebuild)


def _rebuild(record: dict[str, Any], weights: dict[str, Tensor]) -> tuple[FittedModel, Columns | None]:
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
    members = tuple(rebuilt(lambda: ClassificationModel(settings, cell), weights, f"{k}.") for k in range(len(logs)))
    model = FittedModel(members, recipe, classes, channels, scaling, temperature, validation, logs)
    return model, columns
