"""Where a text stands, in a file: a later call writes on as if there had been no break."""

from os import PathLike
from pathlib import Path

import torch

from unspool.atomic import write_file
from unspool.errors import DataError, ModelError
from unspool.text.fitting import FittedText
from unspool.text.generation import Position
from unspool.text.saving import fingerprint
from unspool.train.packing import pack, unpack

KIND = "unspool text state"


def save_position(path: str | PathLike[str], model: FittedText, position: Position) -> None:
    """Write where a text stands (safetensors); an older file there is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    state = {
        "kind": KIND,
        "model": fingerprint(model),
        "states": position.states,
        "last": position.last,
        "drawn": position.drawn,
        "pending": list(position.pending),
    }
    write_file(path, pack(state))


def load_position(path: str | PathLike[str], model: FittedText) -> Position:
    """Read what `save_position` wrote for this very model.

    Raises:
        ModelError: the file is missing, damaged, or belongs to another model.
    """
    source = Path(path)
    if not source.is_file():
        raise ModelError(f"no state file '{source}'", hint="write one with --continue")
    hint = f"delete it to begin a new text: {source}"
    try:
        state = unpack(source.read_bytes())
    except DataError as error:
        raise ModelError(f"the state '{source}' is damaged: {error.message}", hint=hint) from None
    match state:
        case {"kind": "unspool text state", "model": str(owner), "states": tuple(states), **rest}:
            if owner != fingerprint(model):
                raise ModelError(f"the state '{source}' is that of another model, or of earlier weights", hint=hint)
            match rest:
                case {"last": last, "drawn": drawn, "pending": list(pending)} if _fits(
                    model, states, last, drawn
                ) and _are_bytes(pending):
                    return Position(states, last, drawn, tuple(pending))
    raise ModelError(f"'{source}' is not the state of a text", hint=hint)


def _fits(model: FittedText, states: tuple, last: object, drawn: object) -> bool:
    if not isinstance(last, torch.Tensor) or last.dtype != torch.int64 or last.dim() != 1 or not isinstance(drawn, int):
        return False
    wanted = model.network.rest(len(last))
    if len(states) != len(wanted) or drawn < 0 or not len(last):
        return False
    if not bool(((last >= 0) & (last < model.network.symbols)).all()):
        return False
    return all(
        isinstance(s, torch.Tensor) and s.shape == w.shape and s.dtype == w.dtype and bool(s.isfinite().all())
        for s, w in zip(states, wanted, strict=True)
    )


def _are_bytes(pending: list) -> bool:
    """Whether they can be the beginning of a character."""
    return len(pending) < 4 and all(isinstance(b, int) and 0x80 <= b <= 0xFF for b in pending)
