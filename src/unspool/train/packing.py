"""Nested values with tensors in them become bytes and come back: safetensors, with JSON for the rest.

Nothing is unpickled. What comes back is equal to the last bit: floats are written with all of their digits, tuples
stay tuples, keys of dicts may be numbers.
"""

import json
from typing import Any

import safetensors
import torch
from safetensors.torch import load, save
from torch import Tensor

from unspool.errors import DataError


def pack(value: Any) -> bytes:
    """None, bools, numbers, strings, tensors and lists, tuples and dicts of them, as one safetensors file.

    Raises:
        DataError: there is something else in it; the message says where.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_encode(value, tensors, "state"))
    return save(tensors, {"structure": text})


def unpack(data: bytes) -> Any:
    """The value that `pack` was given, with its tensors on the CPU.

    Raises:
        DataError: the bytes are not what `pack` gave.
    """
    try:
        tensors = load(data)
        return _decode(json.loads(_metadata(data)["structure"]), tensors)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"the file is damaged: {error}") from None


def _metadata(data: bytes) -> dict[str, str]:
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size])["__metadata__"]


def _encode(value: Any, tensors: dict[str, Tensor], place: str) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        name = f"{len(tensors):06d} {place}"
        # A copy of its own: safetensors writes neither shared nor strided memory.
        tensors[name] = value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(each, tensors, f"{place}.{k}") for k, each in enumerate(value)]}
    if isinstance(value, dict):
        pairs = [[_key(key, place), _encode(each, tensors, f"{place}.{key}")] for key, each in value.items()]
        return {"dict": pairs}
    raise DataError(
        f"{place} is a {type(value).__name__}, which a checkpoint cannot hold",
        hint="a state_dict is made of numbers, strings, tensors, and lists, tuples and dicts of them",
    )


def _key(key: Any, place: str) -> str | int:
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise DataError(f"{place} has the key {key!r}, which a checkpoint cannot hold", hint="use a string or a number")
    return key


def _decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _decode(each, tensors) for key, each in content}
    parts = [_decode(each, tensors) for each in content]
    return parts if kind == "list" else tuple(parts)
