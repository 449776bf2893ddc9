"""A recurrent layer from the weights of a network that was trained anywhere: a safetensors file, never a pickle.

A layer is found by what its weights are called, whatever stands before the last dot; its sizes are those of its shapes:

    torch.nn's GRU, LSTM, RNN        encoder.rnn.weight_ih_l0     a GRUCell's too, without _l0
    Unspool's Recurrent              network.layer.W_l0           any cell
"""

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from unspool.cells import find_cell
from unspool.errors import ModelError, SettingError, ShapeError
from unspool.ir import StepGraph
from unspool.lang import Cell
from unspool.nn import Recurrent
from unspool.nn.dropin import TORCH_NAMES
from unspool.passes import bias_names

CONVERT = (
    "convert it where you trust it: from safetensors.torch import save_file; "
    "save_file(model.state_dict(), 'model.safetensors')"
)

Keys = dict[tuple[str, int], str]
"""(a parameter's name on the page, its layer) → its key in the file."""


def layer_from_file(path: str | PathLike[str], cell: Cell | str, *, prefix: str | None = None) -> Recurrent:
    """The recurrent layer of a safetensors file; its other weights (a readout, an embedding) are left where they are.

    Args:
        path: the file. Reading it executes nothing.
        cell: of the network, for weights do not tell: a built-in one's name, `FILE.py:NAME`, or a `Cell`.
        prefix: what stands before the layer's keys, where the file holds several layers: `encoder.rnn`.

    Raises:
        ModelError: it is no safetensors file, is damaged, or holds no such layer, or several.
        SettingError: the layer is bidirectional.
        ShapeError: the weights do not fit the cell, or a size is zero.
        CellError: there is no such cell.
    """
    cell = find_cell(cell)
    weights = _read(Path(path))
    try:
        prefix, keys = _only(_found(weights, cell.graph), prefix, cell.name, list(weights))
        _check_rest(set(weights) - set(keys.values()), prefix, cell.name)
        biases = bias_names(cell.graph)
        biased = not biases or any(name in biases for name, _ in keys)
        return _layer(cell, {k: weights[v] for k, v in keys.items()}, keys, biased)
    except (ModelError, SettingError, ShapeError) as error:
        raise type(error)(f"'{path}': {error.message}", error.hint) from None


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"'{path}' {'is not a file' if path.exists() else 'does not exist'}", hint="check the path")
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, RuntimeError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
    with path.open("rb") as file:
        start = file.read(2)
    if start == b"PK" or start in (b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5"):
        raise ModelError(f"'{path}' is a pickle: to read it may run anything, so it is not read", hint=CONVERT)
    raise ModelError(f"'{path}' is damaged, or no safetensors file: {reason}", hint=CONVERT)


def _found(weights: Mapping[str, Tensor], graph: StepGraph) -> dict[str, Keys]:
    """By prefix the keys of a layer there, or of a part of one."""
    names = {spelled: p.name for p in graph.parameters for spelled in (p.name, TORCH_NAMES.get(p.name, p.name))}
    pattern = re.compile(rf"({'|'.join(map(re.escape, names))})(?:_l(\d+))?(_reverse)?")
    found: dict[str, Keys] = {}
    for key in weights:
        prefix, _, leaf = key.rpartition(".")
        match = pattern.fullmatch(leaf)
        if match and match[3]:
            raise SettingError(
                f"'{key}' belongs to a bidirectional layer, which is no dynamical system: it needs the future too",
                hint="leave the keys that end in _reverse out of the file to look at the forward direction alone",
            )
        if match:
            found.setdefault(prefix, {})[names[match[1]], int(match[2] or 0)] = key
    matrices = {p.name for p in graph.parameters if len(p.shape) == 2}
    return {prefix: keys for prefix, keys in found.items() if matrices & {name for name, _ in keys}}


def _only(found: dict[str, Keys], prefix: str | None, cell: str, all_keys: list[str]) -> tuple[str, Keys]:
    if prefix is not None:
        found = {p: keys for p, keys in found.items() if p == prefix.rstrip(".")}
    if not found:
        where = "" if prefix is None else f" under '{prefix}'"
        raise ModelError(
            f"no weights of a layer of {cell} cells{where}: none is called weight_ih_l0, W_l0 or the like",
            hint=f"it holds: {', '.join(all_keys[:8]) or 'nothing'}",
        )
    if len(found) > 1:
        listed = ", ".join(f"'{p}'" for p in list(found)[:8])
        raise ModelError(
            f"it holds {len(found)} recurrent layers: {listed}", hint=f"choose with --prefix {next(iter(found))}"
        )
    return next(iter(found.items()))


def _check_rest(others: set[str], prefix: str, cell: str) -> None:
    """A weight of the layer that its cell has no use for: it is another cell's."""
    layers = re.compile(rf"{re.escape(prefix + '.' * bool(prefix))}[^.]+_l\d+")
    for key in sorted(filter(layers.fullmatch, others)):
        raise ModelError(f"a {cell} has no place for {key}", hint="is it another cell? See `unspool cells`")


def _layer(cell: Cell, weights: Mapping[tuple[str, int], Tensor], keys: Keys, biased: bool) -> Recurrent:
    names = [p.name for p in cell.graph.parameters if biased or p.name not in bias_names(cell.graph)]
    layers = 1 + max(number for _, number in keys)
    if missing := [(n, k) for k in range(layers) for n in names if (n, k) not in keys]:
        name, number = missing[0]
        torchs = f" ({TORCH_NAMES[name]}_l{number} in torch.nn)" if name in TORCH_NAMES else ""
        hint = f"is it another cell than {cell.name}? See `unspool cells`"
        raise ModelError(f"{name}_l{number}{torchs} is missing", hint=hint)
    sizes = _sizes(cell.graph, {n: tuple(weights[n, 0].shape) for n in names})
    if zero := [letter for letter, size in sizes.items() if not size]:
        raise ShapeError(f"the size {zero[0]} of its weights is zero", hint="there is nothing to look at")
    with torch.device("meta"):  # no memory until the shapes are known to fit, and no random number drawn
        layer = Recurrent(cell, sizes.pop("I"), sizes.pop("H"), layers, bias=biased, sizes=sizes)
    values: dict[str, Tensor] = {}
    for (name, number), value in weights.items():
        wanted = layer.stored_parameters(number)[name].shape
        if value.shape != wanted:
            raise ShapeError(
                f"{keys[name, number]} is {list(value.shape)}; in a {cell.name} of {layer.hidden_size} units that "
                f"reads {layer.input_size} inputs it is {list(wanted)}",
                hint="is it another cell, or one with a projection? See `unspool cells`",
            )
        if not value.is_floating_point():
            raise ModelError(f"{keys[name, number]} holds {value.dtype}", hint="give the weights in float32 or float64")
        values[f"{name}_l{number}"] = value.to(torch.float64, copy=True)
    layer.load_state_dict(values, assign=True)
    return layer.requires_grad_(False).eval()


def _sizes(graph: StepGraph, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Each size letter's number; of axes that disagree the columns count, for gates stack rows."""
    parameters = [p for p in graph.parameters if p.name in shapes]
    if odd := [p.name for p in parameters if len(shapes[p.name]) != len(p.shape)]:
        raise ShapeError(f"{odd[0]}_l0 is {list(shapes[odd[0]])}, which is not what a {graph.name} has")
    axes = [(p.shape[1], shapes[p.name][1]) for p in parameters if len(p.shape) == 2]
    axes += [(p.shape[0], shapes[p.name][0] // max(1, len(p.gates))) for p in parameters]
    sizes: dict[str, int] = {}
    for letter, number in axes:
        sizes.setdefault(letter, number)
    for divided in [letter for letter in sizes if "/" in letter]:
        whole, blocks = divided.split("/")
        width = sizes.pop(divided)
        sizes[blocks] = sizes[whole] // width if width else 0
    return sizes
