"""Checkpoints: a fit that was killed at any moment goes on, and ends with the same bytes as one that was not."""

import json
import os
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any, final

import torch
from torch import nn

from unspool.errors import ModelError, OutputError, SettingError
from unspool.train.generations import Generations
from unspool.train.packing import pack, unpack
from unspool.train.processes import broadcast, gather
from unspool.train.run import Run

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """Where a fit keeps itself.

    Attributes:
        folder: of this fit alone; created if it is missing. Where it holds a checkpoint of the same fit, the fit goes
            on from it; where that is finished, it is not run again.
        every: optimiser steps from one checkpoint to the next; one is also written at the start and at the end.

    Raises:
        SettingError: every is below 1.
    """

    folder: str | os.PathLike[str]
    every: int = 100

    def __post_init__(self) -> None:
        if self.every < 1:
            raise SettingError(f"a checkpoint every {self.every} steps", hint="give a number of steps, at least 1")


@final
class Keeper:
    """Writes the checkpoints of one run and reads them; process 0 has the files."""

    def __init__(self, checkpoint: Checkpoint, run: Run) -> None:
        self._every, self._run = checkpoint.every, run
        self._generations = Generations(checkpoint.folder)
        self._written: int | None = None

    def is_due(self) -> bool:
        """Whether the step that was just done is one to write a checkpoint after."""
        return self._run.step % self._every == 0

    def resume(self) -> list[str] | None:
        """Put the run where the newest whole checkpoint is; None where there is none, else what a person should know.

        Raises:
            ModelError: the checkpoint is of another model, damaged in all generations, or newer than this version.
            SettingError: the run's settings are not those that the checkpoint was made with.
        """
        run = self._run
        found = self._generations.read() if run.fabric.is_global_zero else None
        files = unpack(broadcast(run.fabric, pack(None if found is None else _packable(found.files))))
        if files is None:
            return None
        record = json.loads(_bytes(files["run.json"]))
        if record.get("format") != FORMAT:
            raise ModelError(
                f"'{self._generations.folder}' was written by another version (format {record.get('format')}; this one "
                f"reads {FORMAT})",
                hint="go on with the version that began it",
            )
        _compare_models(str(self._generations.folder), record["model"], fingerprint(run.module))
        _compare_settings(str(self._generations.folder), record["settings"], settings_of(run))
        run.load_state_dict(unpack(_bytes(files["run.safetensors"])))
        local = unpack(_bytes(files[f"process-{run.fabric.global_rank}.safetensors"]))
        run.load_local_state(local, replay=not run.stopped)
        self._written = run.step
        complaints = found.complaints if found is not None else ()
        return [*complaints, f"on from the checkpoint of step {run.step} in '{self._generations.folder}'"]

    def save(self) -> str | None:
        """Write a checkpoint; None, or what went wrong where an earlier one stays.

        Raises:
            OutputError: the first one cannot be written.
        """
        run = self._run
        parts = gather(run.fabric, pack(run.local_state()))
        if not run.fabric.is_global_zero:
            return None
        record = {
            "format": FORMAT,
            "step": run.step,
            "stopped": run.stopped,
            "best": run.best,
            "epochs": [asdict(epoch) for epoch in run.epochs],
            "settings": settings_of(run),
            "model": fingerprint(run.module),
        }
        files = {"run.json": json.dumps(record, indent=1).encode(), "run.safetensors": pack(run.state_dict())}
        files |= {f"process-{rank}.safetensors": data for rank, data in enumerate(parts)}
        try:
            self._generations.write(files)
        except OutputError as error:
            if self._written is None:
                raise
            return f"step {run.step}: {error.message}; the checkpoint of step {self._written} stays"
        self._written = run.step
        return None


def fingerprint(module: nn.Module) -> dict[str, Any]:
    """What tells models apart: names, shapes and dtypes of the weights, and how the modules print."""
    weights = {name: [*map(int, value.shape), str(value.dtype)] for name, value in module.state_dict().items()}
    return {"weights": weights, "structure": str(module).splitlines()}


def settings_of(run: Run) -> dict[str, Any]:
    """All that the numbers of a run depend on, besides the model, the data and the code; as JSON gives it back."""
    fabric = run.fabric
    settings = asdict(run.settings) | {
        "optimizer_class": type(run.optimizer).__qualname__,
        "schedule_class": type(run.schedule).__qualname__,
        "precision": f"{getattr(fabric.strategy.precision, 'precision', '')}",
        "device": fabric.device.type,
        "processes": fabric.world_size,
    }
    return json.loads(json.dumps(settings))


def _compare_models(folder: str, there: dict[str, Any], here: dict[str, Any]) -> None:
    hint = "give the model that it was started with, or another folder for this one"
    for name in [*here["weights"], *there["weights"]]:
        was, now = there["weights"].get(name), here["weights"].get(name)
        if was != now:
            what = f"'{name}' is {_shape(was)} there and {_shape(now)} here"
            raise ModelError(f"the checkpoint '{folder}' is of another model: {what}", hint=hint)
    for was, now in zip_longest(there["structure"], here["structure"], fillvalue="nothing"):
        if was != now:
            raise ModelError(
                f"the checkpoint '{folder}' is of another model: it has {was.strip()} where this one has {now.strip()}",
                hint=hint,
            )


def _shape(weight: list[Any] | None) -> str:
    return "missing" if weight is None else f"{weight[:-1]} {str(weight[-1]).removeprefix('torch.')}"


def _compare_settings(folder: str, there: dict[str, Any], here: dict[str, Any]) -> None:
    changed = [
        f"{name} was {there.get(name)!r} and is {here.get(name)!r}"
        for name in here | there
        if there.get(name) != here.get(name)
    ]
    if changed:
        raise SettingError(
            f"the checkpoint '{folder}' was made with other settings: {'; '.join(changed)}",
            hint="go on with the settings that it was started with, or begin anew in another folder",
        )


def _packable(files: dict[str, bytes]) -> dict[str, Any]:
    return {name: torch.frombuffer(bytearray(data), dtype=torch.uint8) for name, data in files.items()}


def _bytes(data: Any) -> bytes:
    return data.numpy().tobytes()
