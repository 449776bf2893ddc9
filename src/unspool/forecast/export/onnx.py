"""Write a fitted model as ONNX, and run the file in onnxruntime beside our own forecast.

The program is traced by `torch.export`, its recurrence one Scan, however many steps there are. The batch is free; the
window and the horizon are the model's.
"""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unspool.atomic import write_file
from unspool.errors import ModelError, OutputError, SettingError
from unspool.forecast.ensemble import AnyModel, Ensemble
from unspool.forecast.export.description import KEY, OUTPUT, description
from unspool.forecast.export.graph import Whole
from unspool.forecast.export.reading import BATCH, arrays_of
from unspool.forecast.export.sample import sample_panel
from unspool.forecast.fed import check_exported
from unspool.forecast.fitted import FittedModel
from unspool.forecast.smoothing import SMOOTHING
from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.panel import Columns, Panel

TOLERANCE = 1e-4
"""Largest difference that is let pass between onnxruntime's forecast and ours, in units of each series' spread."""

INSTALL = "pip install 'unspool[export]'"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        description: what lies in it for other programs, see `description`.
        operations: nodes of its graph, those inside a Scan counted once.
        size: bytes.
        difference: largest difference from our own forecast, in units of each series' spread; None where onnxruntime
            is not installed, and so nothing was compared.
    """

    path: Path
    description: dict[str, Any]
    operations: int
    size: int
    difference: float | None


def export_model(
    model: AnyModel,
    columns: Columns,
    frequency: Frequency,
    path: str | PathLike[str],
    *,
    overwrite: bool = False,
) -> Exported:
    """Write `model` to an ONNX file, once it has forecast series that are made up as we do, in onnxruntime.

    Args:
        model: any fitted model.
        columns: that it was made for.
        frequency: likewise.
        path: the file, .onnx.
        overwrite: whether a file that is there may be replaced.

    Raises:
        OutputError: the file exists, is not called .onnx, or cannot be written.
        SettingError: what writes ONNX is not installed.
        ModelError: it reads logarithms or is smoothed, its quantiles cannot be written (see `check_exported`), the
            file's forecast differs from ours by more than `TOLERANCE`, or the model is an ensemble; nothing is written.
    """
    if isinstance(model, Ensemble):
        raise ModelError(
            "an ensemble cannot be exported: its members read windows of different lengths",
            hint="fit without a budget, or one member alone with its options (`choice` in metrics.json)",
        )
    check_exported(model.recipe.model.network, model.recipe.model.head)
    target = _checked(Path(path), overwrite)
    _check_form(model)
    check_installed()
    record = description(model, columns, frequency)
    data, operations = _converted(model, record)
    difference = None
    if find_spec("onnxruntime") is not None:
        difference = check_file(data, model, sample_panel(model, columns, frequency))
    write_file(target, data)
    return Exported(target, record, operations, len(data), difference)


def check_file(data: bytes, model: FittedModel, panel: Panel) -> float:
    """Largest difference between onnxruntime's forecast at the end of each series and ours, in units of its spread.

    All series are run at once, and the first by itself.

    Raises:
        ModelError: it is more than `TOLERANCE`.
    """
    onnxruntime = import_module("onnxruntime")  # not there for a type checker without the extra
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    given = arrays_of(model, panel)
    ours = model.quantiles(panel)
    (all_of_them,) = session.run([OUTPUT], given)
    (first,) = session.run([OUTPUT], {name: array[:1] for name, array in given.items()})
    found = np.concatenate([np.asarray(all_of_them) - ours, np.asarray(first) - ours[:1]])
    spread = np.concatenate([given["spread"], given["spread"][:1]])
    difference = float(np.abs(found / spread[:, None, None]).max())
    if not difference <= TOLERANCE:
        raise ModelError(
            f"the forecast of the exported model differs from ours by {difference:.1g} of a series' spread; "
            f"{TOLERANCE:g} is let pass",
            hint="nothing was written; another version of torch, onnxscript or onnxruntime may do better",
        )
    return difference


def check_installed() -> None:
    """Raises `SettingError` where what writes ONNX is not installed."""
    if missing := [name for name in ("onnx", "onnxscript") if find_spec(name) is None]:
        raise SettingError(f"writing ONNX needs {' and '.join(missing)}", hint=INSTALL)


def _check_form(model: FittedModel) -> None:
    """Raises `ModelError` where a model reads what the file has no input for."""
    settings = model.recipe.model
    for there, what, option in (
        (
            settings.normalisation == SMOOTHING,
            "counts the phase of its season (smoothing)",
            "--normalisation smoothing",
        ),
        (settings.log, "reads logarithms", "--log"),
    ):
        if there:
            raise ModelError(f"this model {what}, which an ONNX file does not", hint=f"fit one without {option}")


def _checked(target: Path, overwrite: bool) -> Path:
    if target.suffix != ".onnx":
        raise OutputError(f"'{target}' is not called .onnx", hint="name the file model.onnx, for example")
    if target.exists() and (not overwrite or not target.is_file()):
        raise OutputError(f"'{target}' exists", hint="choose another name, or replace it with --overwrite")
    if not target.absolute().parent.is_dir():
        raise OutputError(f"the folder of '{target}' does not exist")
    return target


def _converted(model: FittedModel, record: dict[str, Any]) -> tuple[bytes, int]:
    """The file's bytes and the nodes of its graph."""
    try:
        with torch.no_grad(), _quiet():
            written = _traced(model, record)
    except Exception as error:  # of whatever kind torch's exporter raises, which is in motion
        said = (str(error).strip().splitlines() or [""])[0]
        raise ModelError(
            f"torch {torch.__version__} cannot write this model as ONNX: {type(error).__name__}: {said}",
            hint="it was tried with torch 2.13; upgrade torch and onnxscript, or choose another cell",
        ) from error
    nodes = list(written.model.graph.all_nodes())
    for node in nodes:
        node.metadata_props.clear()  # where each came from, with the paths of this machine
    written.model.metadata_props[KEY] = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return written.model_proto.SerializeToString(), len(nodes)


def _traced(model: FittedModel, record: dict[str, Any]) -> torch.onnx.ONNXProgram:
    free = tuple({0: torch.export.Dim(BATCH)} for _ in record["inputs"])
    names = [given["name"] for given in record["inputs"]]
    program = torch.export.export(Whole(model).eval(), _examples(record), dynamic_shapes=(free,), strict=False)
    written = torch.onnx.export(program, input_names=names, output_names=[OUTPUT], dynamo=True, verbose=False)
    assert written is not None
    shape = written.model.graph.inputs[0].shape
    assert shape is not None
    written.rename_axes({str(shape[0]): BATCH})  # torch has a name of its own for it
    return written


def _examples(record: dict[str, Any]) -> tuple[Tensor, ...]:
    """Arrays for a batch of three: of one, the batch would be taken for fixed."""
    kinds = {"float64": torch.float64, "float32": torch.float32, "int64": torch.int64}
    return tuple(torch.ones(3, *given["shape"][1:], dtype=kinds[given["dtype"]]) for given in record["inputs"])


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's own affairs are not a user's."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
