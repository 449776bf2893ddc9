"""From a trained model and its text to the report, and to numbers for machines."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from unspool.report.text.data import TextReport
from unspool.report.text.losses import symbol_noun
from unspool.report.text.tables import weights
from unspool.text import FittedText, track_units, untrained
from unspool.text.options import train_settings
from unspool.text.reading import read_text
from unspool.text.units import STRETCH

_SAID = ("cell", "train", "steps", "passes")


def make_report(model: FittedText, file: str | PathLike[str], words: Sequence[str]) -> TextReport:
    """The report of a model trained on a file; its units are looked at on the part held back.

    Args:
        model: the trained model.
        file: the text, read once more.
        words: of the command line, after the program's name.
    """
    held = read_text(file, model.vocabulary.level)[-model.symbols[1] :][:STRETCH]
    symbols = torch.from_numpy(model.vocabulary.encode(held))
    found = track_units(model.network, model.vocabulary, symbols)
    before = track_units(untrained(model), model.vocabulary, symbols)
    options = model.options
    train = train_settings(options, model.symbols[0])
    settings = {"text": Path(file).name, "cell": model.cell.name}
    settings |= {k.replace("_", " "): str(v) for k, v in vars(options).items() if k not in _SAID}
    settings |= {k.replace("_", " "): _shown(v) for k, v in asdict(train).items()}
    return TextReport(
        title=f"{Path(file).name}: a model of its {symbol_noun(model)}s",
        model=model,
        units=found,
        untrained=before,
        command=shlex.join(["unspool", *words]),
        settings=settings,
        versions={name: version(name) for name in ("unspool", "torch", "numpy", "scipy")},
    )


def metrics_of(report: TextReport) -> dict[str, Any]:
    """What metrics.json holds: losses, the kept validation, and what the units follow."""
    model = report.model
    kept = model.valid_nats if math.isfinite(model.valid_nats) else None
    before = {t.feature: t.held for t in report.untrained}
    return {
        "level": model.vocabulary.level,
        "symbols": {"vocabulary": len(model.vocabulary), "train": model.symbols[0], "valid": model.symbols[1]},
        "weights": weights(model),
        "valid_nats_per_symbol": kept,
        "valid_bits_per_symbol": None if kept is None else kept / math.log(2),
        "best": model.best,
        "stopped": model.stopped,
        "epochs": [{k: v for k, v in asdict(e).items() if k != "seconds"} for e in model.epochs],
        "units": [
            {
                "feature": t.feature,
                "unit": str(t.unit),
                "magnitude": t.magnitude,
                "picked": t.picked,
                "held": t.held,
                "chance": t.chance,
                "untrained": before.get(t.feature),
                "tracks": bool(t.tracks),
            }
            for t in report.units
        ],
    }


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
