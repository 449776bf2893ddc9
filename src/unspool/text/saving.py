"""A trained model as a folder: `model.json` and `weights.safetensors`. Reading it executes nothing.

The cell is saved as its step graph, so a model with a user's own cell needs nobody's Python to load. The state that
`--continue` keeps lies beside them, `state.safetensors`.
"""

import hashlib
import json
from dataclasses import asdict, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
from torch import Tensor

from unspool.atomic import check_folder, new_folder
from unspool.ir import graph_from_json, graph_to_json
from unspool.lang import Cell
from unspool.nn import saved
from unspool.nn.saved import read_model, rebuilt
from unspool.text.fitting import FittedText, make_network
from unspool.text.options import TextOptions, check_options
from unspool.text.samples import Sample
from unspool.text.vocabulary import Vocabulary
from unspool.train import Epoch, TrainSettings

T = TypeVar("T")

FORMAT = 1
KIND = "unspool text model"
STATE = "state.safetensors"
FILES = saved.FILES | {STATE}


def save_model(path: str | PathLike[str], model: FittedText, *, overwrite: bool = False) -> None:
    """Write `model` to the new folder `path`.

    Raises:
        OutputError: the folder exists, or cannot be written.
    """
    with new_folder(check_folder(path, FILES, overwrite=overwrite), FILES) as folder:
        write_model(folder, model)


def write_model(folder: Path, model: FittedText) -> None:
    """Write the two files into `folder`. The bytes depend on the model alone: no time, no machine."""
    record = {
        "vocabulary": model.vocabulary.to_json(),
        "options": {k: v for k, v in vars(model.options).items() if k not in ("cell", "train")},
        "train": asdict(model.options.train),
        "cell": graph_to_json(model.cell.graph),
        "symbols": list(model.symbols),
        "epochs": [{k: v for k, v in asdict(e).items() if k != "seconds"} for e in model.epochs],
        "best": model.best,
        "stopped": model.stopped,
        "samples": [asdict(s) for s in model.samples],
    }
    saved.write_model(folder, KIND, FORMAT, record, weights_of(model))


def weights_of(model: FittedText) -> dict[str, Tensor]:
    """Name → tensor with memory of its own; a tied readout is stored once."""
    weights = {name: value.contiguous() for name, value in model.network.state_dict().items()}
    if model.options.tied:
        del weights["readout.weight"]
    return weights


def fingerprint(model: FittedText) -> str:
    """A text that tells models apart: a hash of the weights, the cell and the vocabulary."""
    found = hashlib.sha256(safetensors.torch.save(weights_of(model)))
    found.update(json.dumps([graph_to_json(model.cell.graph), model.vocabulary.to_json()]).encode())
    return found.hexdigest()


def load_model(path: str | PathLike[str]) -> FittedText:
    """Read a folder that `save_model` wrote.

    Raises:
        ModelError: it is missing, incomplete, damaged, of another kind, or of a newer version.
    """
    return read_model(path, KIND, FORMAT, "unspool text train", _rebuild)


def _rebuild(record: dict[str, Any], weights: dict[str, Tensor]) -> FittedText:
    cell = Cell.from_graph(graph_from_json(record["cell"]))
    vocabulary = Vocabulary.from_json(record["vocabulary"])
    train = _checked(TrainSettings, record["train"], ())
    options = check_options(
        replace(_checked(TextOptions, record["options"], ("cell", "train")), cell=cell, train=train)
    )
    if options.level != vocabulary.level or not 1 <= options.num_layers <= len(weights):
        raise ValueError("its parts do not belong together")
    if options.tied:
        weights = weights | {"readout.weight": weights["embedding.weight"]}
    network = rebuilt(lambda: make_network(cell, vocabulary, options), weights)
    if options.tied:
        assert network.embedding is not None
        network.readout.weight = network.embedding.weight
    learned, held = (int(n) for n in record["symbols"])
    epochs = tuple(Epoch(**e, seconds=0.0) for e in record["epochs"])
    samples = tuple(Sample(int(s["epoch"]), float(s["valid_loss"]), str(s["text"])) for s in record["samples"])
    best = int(record["best"])
    if not 0 <= best <= len(epochs):
        raise ValueError("it kept an epoch that it does not have")
    return FittedText(
        network.eval(), vocabulary, options, cell, epochs, best, str(record["stopped"]), samples, (learned, held)
    )


def _checked(cls: type[T], data: Any, without: tuple[str, ...]) -> T:
    """The dataclass of a record: every field there, each of the type of its default."""
    defaults = {f.name: f.default for f in fields(cls) if f.name not in without}  # pyright: ignore[reportArgumentType]
    if not isinstance(data, dict) or data.keys() != defaults.keys():
        raise ValueError("its options are missing or unknown")
    for name, default in defaults.items():
        kinds: tuple[type, ...] = (type(default),)
        if default is None:
            kinds = (int, type(None))
        elif name == "clip":
            kinds = (int, float, str)
        elif isinstance(default, float):
            kinds = (int, float)
        elif isinstance(default, tuple):
            kinds = (list,)
        if not isinstance(data[name], kinds) or (isinstance(data[name], bool) and type(default) is not bool):
            raise ValueError(f"its option {name} is {data[name]!r}")
    return cls(**{name: tuple(map(str, v)) if isinstance(v, list) else v for name, v in data.items()})
