"""A fit as JSON lines: an object per step, validation, note and end, for any program to read."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any, final

from torch import nn

from unspool.atomic import write_file
from unspool.errors import OutputError
from unspool.train.log import Epoch, Fitted, Update


@final
class JsonLines:
    """A callback that writes to a file, line by line, several fits one after the other.

    Args:
        path: the file. A fit that goes on from a checkpoint goes on in it, without what came after the checkpoint.
        every: steps from one line of a step to the next; validations, notes and ends are always written.
        overwrite: whether a file that is there is replaced by a fit that begins.

    Each line has "fit" (its title), "kind" ("step", "epoch", "note", "end"), "step", and the fields of `Update`,
    `Epoch` and `Fitted`. A number that is not finite is null.

    Raises, when a fit begins:
        OutputError: the file is there and is neither to be replaced nor gone on with, or cannot be written.
    """

    def __init__(self, path: str | PathLike[str], *, every: int = 1, overwrite: bool = False) -> None:
        self.path, self._every, self._overwrite = Path(path), every, overwrite
        self._begun, self._step, self._title = False, 0, ""

    def on_start(self, title: str, steps: int) -> None:
        """See `Callback`."""
        del steps
        self._title, self._step = title, 0

    def on_resume(self, step: int, epochs: Sequence[Epoch]) -> None:
        """Take out the lines of this fit that came later; see `DetailedCallback`."""
        del epochs
        self._step, self._begun = step, True
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines()
            kept = [line for k, line in enumerate(lines, 1) if self._stays(line, is_last=k == len(lines))]
            write_file(self.path, "".join(line + "\n" for line in kept))

    def on_step(self, step: int, loss: float) -> None:
        """See `on_update`."""

    def on_update(self, update: Update) -> None:
        """A line for every step, or every so many."""
        self._begin()
        self._step = update.step
        if update.step % self._every == 0:
            self._add("step", **asdict(update))

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """A line for every validation."""
        del module
        self._add("epoch", **asdict(epoch))

    def on_note(self, note: str) -> None:
        """A line for every note."""
        self._add("note", note=note)

    def on_end(self, fitted: Fitted) -> None:
        """The last line of a fit."""
        self._add("end", best=fitted.best, best_loss=fitted.best_loss, stopped=fitted.stopped, seconds=fitted.seconds)

    def _add(self, kind: str, **numbers: Any) -> None:
        record = {"fit": self._title, "kind": kind, "step": self._step} | numbers
        line = json.dumps({k: None if _is_odd(v) else v for k, v in record.items()}, ensure_ascii=False)
        self._begin()
        self._write("a", line + "\n")

    def _begin(self) -> None:
        if self._begun:
            return
        if self.path.exists() and not self._overwrite:
            raise OutputError(
                f"'{self.path}' exists", hint="choose another file for the log, or replace it with --overwrite"
            )
        self._write("w", "")
        self._begun = True

    def _write(self, mode: str, text: str) -> None:
        try:
            with self.path.open(mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise OutputError(f"cannot write '{self.path}': {error.strerror or error}") from None

    def _stays(self, line: str, *, is_last: bool) -> bool:
        try:
            record = json.loads(line)
            return record["fit"] != self._title or (record["step"] <= self._step and record["kind"] != "end")
        except (ValueError, TypeError, KeyError):
            if is_last:  # it was being written when the run was killed
                return False
            raise OutputError(f"'{self.path}' is not a log of fits", hint="choose another file for the log") from None


def _is_odd(value: Any) -> bool:
    return isinstance(value, float) and value - value != 0
