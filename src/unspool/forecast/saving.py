"""A fitted model as a folder: `model.json` and `weights.safetensors`. Reading it executes nothing.

The cell is saved as its step graph, so a model with a user's own cell needs nobody's Python to load. An ensemble is of
a format of its own: what its members share, and a record for each of them.
"""

from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unspool.atomic import check_folder, new_folder
from unspool.errors import ModelError
from unspool.forecast.coding import Coding
from unspool.forecast.ensemble import AnyModel, Ensemble
from unspool.forecast.fitted import FittedModel
from unspool.forecast.holiday import INSTALL, PREFIX, holiday_features, is_installed
from unspool.forecast.model import ForecastModel, ModelSettings
from unspool.forecast.recipe import Recipe
from unspool.forecast.record import from_record
from unspool.forecast.result import TrainingLog
from unspool.forecast.selection import DRAWS
from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.panel import ROLES, Columns, Panel
from unspool.forecast.tables.zones import is_known
from unspool.forecast.timed import reads_time
from unspool.forecast.windows import Scales
from unspool.ir import graph_from_json, graph_to_json
from unspool.lang import Cell
from unspool.nn import saved
from unspool.nn.saved import FILES, members_weights, read_model, rebuilt
from unspool.train import Epoch, TrainSettings

FORMAT = 1
ENSEMBLE_FORMAT = 2
KIND = "unspool forecast model"


@dataclass(frozen=True)
class SavedModel:
    """What a folder gives back: the model, and the columns and frequency it was made for."""

    model: AnyModel
    columns: Columns
    frequency: Frequency


def save_model(path: str | PathLike[str], model: AnyModel, panel: Panel) -> None:
    """Write `model` to the new folder `path`.

    Raises:
        OutputError: the folder exists or cannot be written.
    """
    with new_folder(check_folder(path, FILES, overwrite=False), FILES) as folder:
        write_model(folder, model, panel)


def write_model(folder: Path, model: AnyModel, panel: Panel) -> None:
    """Write the two files into `folder`. The bytes depend on the model alone: no time, no machine."""
    named = {"columns": panel.columns.to_json(), "frequency": panel.frequency.to_json()}
    if isinstance(model, FittedModel):
        saved.write_model(folder, KIND, FORMAT, named | _record(model), members_weights(model.members))
        return
    records = [_record(one) for one in model.models]
    shared = {name: records[0][name] for name in _SHARED if name in records[0]}
    own = [{name: value for name, value in record.items() if name not in _SHARED} for record in records]
    ensemble = {"counts": list(model.counts), "shifts": model.shifts, "valid_error": model.valid_error, "models": own}
    weights = {
        f"{k}.{name}": weight
        for k, one in enumerate(model.models)
        for name, weight in members_weights(one.members).items()
    }
    saved.write_model(folder, KIND, ENSEMBLE_FORMAT, named | shared | {"ensemble": ensemble}, weights)


def _record(model: FittedModel) -> dict[str, Any]:
    recipe = model.recipe
    record = {
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
    if recipe.cold:
        record["cold_start"] = True
    if model.coding.columns:
        record["covariates"] = model.coding.to_json()
    return record


def load_model(path: str | PathLike[str]) -> SavedModel:
    """Read a folder that `save_model` wrote.

    Raises:
        ModelError: it is missing, incomplete, damaged, or of a newer version.
    """
    return read_model(path, KIND, ENSEMBLE_FORMAT, "unspool forecast", _rebuild)


_FIT = ("batch_size", "validation", "refit", "seed")

_SHARED = ("series", "centre", "spread", "covariates")
"""What the members of an ensemble have in common."""


def _rebuild(record: dict[str, Any], weights: dict[str, Tensor]) -> SavedModel:
    frequency = Frequency.from_json(record["frequency"])
    rebuild = _rebuild_ensemble if "ensemble" in record else _rebuild_model
    model = rebuild(record, weights, frequency)
    return SavedModel(model, Columns.from_json(record["columns"]), frequency)


def _rebuild_ensemble(record: dict[str, Any], weights: dict[str, Tensor], frequency: Frequency) -> Ensemble:
    ensemble = record["ensemble"]
    shared = {name: record[name] for name in _SHARED if name in record}
    models = []
    for number, own in enumerate(ensemble["models"]):
        prefix = f"{number}."
        of = {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}
        models.append(_rebuild_model(shared | own, of, frequency))
    counts = tuple(ensemble["counts"])
    if len(counts) != len(models) or not all(type(count) is int and 0 < count <= DRAWS for count in counts):
        raise ValueError("the counts do not fit the members")
    first, settings = models[0].recipe.model, [model.recipe.model for model in models]
    if any((s.horizon, s.gap, s.levels) != (first.horizon, first.gap, first.levels) for s in settings):
        raise ValueError("its members do not forecast the same steps")
    shifts = _shifts(ensemble["shifts"], first)
    return Ensemble(tuple(models), counts, shifts, float(ensemble["valid_error"]))


def _rebuild_model(record: dict[str, Any], weights: dict[str, Tensor], frequency: Frequency) -> FittedModel:
    settings = ModelSettings.from_json(record["settings"])
    cell = Cell.from_graph(graph_from_json(record["cell"]))
    fit = {name: record["fit"][name] for name in _FIT}
    train = from_record(TrainSettings, record["train"], "training settings")
    cold = record.get("cold_start", False) is True
    recipe = Recipe(model=settings, cell=cell, train=train, members=int(record["members"]), cold=cold, **fit)
    coding = Coding.from_json(record.get("covariates", []))
    if coding.sizes() != {role: getattr(settings, role) for role in ROLES}:
        raise ValueError("its covariates do not fit its settings")
    if frequency.uneven != settings.uneven or (settings.uneven and not reads_time(cell)):
        raise ValueError("its frequency and its cell do not both read uneven times")
    _check(frequency, settings.features)
    ids = tuple(str(name) for name in record["series"])
    centre, spread = (np.array(record[part], dtype=np.float64) for part in ("centre", "spread"))
    scales = Scales(centre, spread, settings.log)
    if scales.centre.shape != (len(ids),) or scales.spread.shape != (len(ids),) or settings.series not in (0, len(ids)):
        raise ValueError("the scales do not fit the series")
    if not (np.isfinite([scales.centre, scales.spread]).all() and (scales.spread > 0).all()):
        raise ValueError("a scale is not a positive number")
    shifts = _shifts(record["shifts"], settings)
    if not 1 <= recipe.members <= len(weights) or settings.num_layers > len(weights):
        raise ValueError("it does not hold all weights")
    members = [_member(settings, cell, weights, f"{number}.") for number in range(recipe.members)]
    epochs = tuple(Epoch(**e, seconds=0.0) for e in record["epochs"])
    log = TrainingLog(epochs, int(record["best"]), str(record["stopped"]), settings.network, cell.name, 0.0)
    return FittedModel(tuple(members), recipe, ids, scales, shifts, log, float(record["valid_error"]), coding)


def _shifts(found: Any, settings: ModelSettings) -> list[list[float]]:
    shifts = np.array(found, dtype=np.float64)
    if shifts.shape != (settings.horizon, len(settings.levels)) or not np.isfinite(shifts).all():
        raise ValueError("the conformal shifts do not fit the horizon and the quantiles")
    return shifts.tolist()


def _member(settings: ModelSettings, cell: Cell, weights: dict[str, Tensor], prefix: str) -> ForecastModel:
    member = rebuilt(lambda: ForecastModel(settings, cell), weights, prefix)
    member.levels = torch.tensor(settings.levels)
    return member


def _check(frequency: Frequency, features: tuple[str, ...]) -> None:
    """Return if the frequency counts forward and has the calendar features that the model reads."""
    if frequency.zone is not None and not is_known(frequency.zone):
        raise ValueError(f"its zone {frequency.zone!r} is not known")
    times = frequency.after(0, 3)
    if not (np.diff(times) > np.zeros(2, np.diff(times).dtype)).all() or frequency.season_length < 1:
        raise ValueError("its frequency does not count forward")
    frequency.features(times)
    if not all(isinstance(name, str) for name in features):
        raise ValueError("its calendar features are no names")
    holidays = [name.removeprefix(PREFIX) for name in features if name.startswith(PREFIX)]
    if holidays and not is_installed():
        raise ModelError("it reads public holidays, and the package holidays is not installed", hint=INSTALL)
    cycles = features[: len(features) - len(holidays)]
    if not set(cycles) <= set(frequency.feature_names) or (*cycles, *holiday_features(holidays)) != features:
        raise ValueError("its frequency does not fit its calendar features")
