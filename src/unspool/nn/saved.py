"""A saved model is a folder of `model.json` and `weights.safetensors`; here is what all kinds of them share.

Reading one executes nothing, and nothing in it is trusted: a record may state any number, and a file be cut anywhere.
"""

import json
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from unspool.errors import ModelError, UnspoolError

T = TypeVar("T")
M = TypeVar("M", bound=nn.Module)

RECORD, WEIGHTS = "model.json", "weights.safetensors"
FILES = frozenset({RECORD, WEIGHTS})

_DAMAGE = (ArithmeticError, AssertionError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"""What numbers, names or shapes raise that no model of ours has."""

_AGAIN = "make and save the model again"


def write_model(
    folder: Path, kind: str, version: int, record: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> None:
    """Write the two files into `folder`. Their bytes depend on the arguments alone: no time, no machine."""
    text = json.dumps({"format": version, "kind": kind, **record}, indent=1) + "\n"
    (folder / RECORD).write_text(text, encoding="utf-8")
    # Not save_file: its file can be read by nobody else.
    (folder / WEIGHTS).write_bytes(safetensors.torch.save({n: w.contiguous() for n, w in weights.items()}))


def read_model(
    path: str | PathLike[str],
    kind: str,
    version: int,
    command: str,
    rebuild: Callable[[dict[str, Any], dict[str, Tensor]], T],
) -> T:
    """What `rebuild` makes of the record and the weights in a folder.

    Args:
        path: the folder.
        kind: that it must be of.
        version: the newest format that can be read.
        command: what writes such folders, for the messages.
        rebuild: raises a ValueError, or whatever comes, where parts do not fit.

    Raises:
        ModelError: it is missing, incomplete, damaged, of another kind, or of a newer version.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(f"no model folder '{folder}'", hint=f"give the folder model/ that `{command}` wrote")
    if missing := sorted(name for name in FILES if not (folder / name).is_file()):
        inside = (folder / "model" / RECORD).is_file()
        raise ModelError(
            f"'{folder}' is not a complete model: {', '.join(missing)} missing",
            hint=f"its folder model/ is one: '{folder / 'model'}'" if inside else _AGAIN,
        )
    record = _read_record(folder / RECORD)
    found, format_ = record.get("kind"), record.get("format")
    if found != kind or not isinstance(format_, int):
        is_other = isinstance(found, str) and found != kind
        what = f"of another kind: {found}" if is_other else "not the record of a model"
        raise ModelError(f"'{folder / RECORD}' is {what}", hint=f"give the folder model/ that `{command}` wrote")
    if format_ > version:
        raise ModelError(
            f"'{folder}' was written by a newer version (format {format_}; this one reads up to {version})",
            hint="upgrade unspool, or make the model again",
        )
    try:
        return rebuild(record, safetensors.torch.load_file(folder / WEIGHTS))
    except ModelError as error:
        raise ModelError(f"'{folder}': {error.message}", error.hint) from None
    except (*_DAMAGE, UnspoolError, SafetensorError) as error:
        said = error.message if isinstance(error, UnspoolError) else f"{type(error).__name__} {error}"
        raise ModelError(f"'{folder}' is damaged: {(said.splitlines() or [''])[0]}", hint=_AGAIN) from None


def members_weights(members: "tuple[nn.Module, ...] | list[nn.Module]") -> dict[str, Tensor]:
    """The weights of several networks, each name led by its network's number: `0.readout.bias`."""
    return {f"{k}.{name}": value for k, member in enumerate(members) for name, value in member.state_dict().items()}


def rebuilt(make: Callable[[], M], weights: Mapping[str, Tensor], prefix: str = "") -> M:
    """The network that `make` makes, with the weights whose names begin with `prefix`, in evaluation mode.

    Raises:
        ValueError, RuntimeError: a weight is not finite, missing, unknown, or of another shape.
    """
    # Copied, for a file's tensors lie at odd addresses, and products of those round differently.
    own = {k.removeprefix(prefix): v.to(torch.float32, copy=True) for k, v in weights.items() if k.startswith(prefix)}
    if not all(bool(v.isfinite().all()) for v in own.values()):
        raise ValueError("a weight is not a finite number")
    # Without memory until the shapes are known to fit: a record may state any size.
    with torch.device("meta"):
        network = make()
    network.load_state_dict(own, assign=True)
    return network.eval()


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise ModelError(f"'{path}' is damaged: {error}", hint=_AGAIN) from None
    if not isinstance(record, dict):
        raise ModelError(f"'{path}' is damaged: not an object", hint=_AGAIN)
    return record
