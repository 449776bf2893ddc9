"""A small network of each setup, by name: to draw, to look at, to try a cell in."""

from collections.abc import Callable

from torch import nn

from unspool.cells import find_cell
from unspool.errors import SettingError
from unspool.lang import Cell
from unspool.nn.recurrent import Recurrent
from unspool.nn.setups.aligned import ManyToMany
from unspool.nn.setups.encoder_decoder import EncoderDecoder
from unspool.nn.setups.fed_back import FedBack
from unspool.nn.setups.many_to_one import ManyToOne
from unspool.nn.setups.one_to_many import OneToMany
from unspool.nn.setups.one_to_one import OneToOne

Layers = Callable[[int, bool], Recurrent]
"""I and whether it must run in one direction → any cell over time."""

UNITS = 4


def _both(layers: Layers, *, attention: bool) -> EncoderDecoder:
    return EncoderDecoder(layers(2, False), FedBack(layers(2, True), 2), attention=attention)


SETUPS: dict[str, Callable[[Layers], nn.Module]] = {
    "one-to-one": lambda layers: OneToOne(layers(2, False), 2),
    "one-to-many": lambda layers: OneToMany(3, FedBack(layers(2, True), 2)),
    "many-to-one": lambda layers: ManyToOne(layers(2, False), 2),
    "many-to-one-pooled": lambda layers: ManyToOne(layers(2, False), 2, "mean"),
    "many-to-many": lambda layers: ManyToMany(layers(2, False), 2),
    "fed-back": lambda layers: FedBack(layers(3, True), 2),
    "encoder-decoder": lambda layers: _both(layers, attention=False),
    "encoder-decoder-attention": lambda layers: _both(layers, attention=True),
}
"""Name → how it is made."""


def small_setup(
    name: str, cell: Cell | str = "elman", *, layers: int = 1, bidirectional: bool = False, residual: bool = False
) -> nn.Module:
    """A setup of a few units with any cell in it.

    Args:
        name: one of `SETUPS`.
        cell: as `Recurrent` takes it.
        layers: L.
        bidirectional: whether what is not fed its own output also runs backwards, as an encoder.
        residual: whether layers above the first add their input to their output.

    Raises:
        SettingError: no such setup, or a cell that it cannot have.
    """
    if name not in SETUPS:
        raise SettingError(f"there is no setup '{name}'", hint=f"there are: {', '.join(SETUPS)}")
    graph = find_cell(cell).graph
    sizes = dict.fromkeys(graph.sizes - {"I", "H"}, UNITS) | {letter: 2 for _, letter in graph.divisions}

    def made(inputs: int, one_way: bool) -> Recurrent:
        both = bidirectional and not one_way
        return Recurrent(cell, inputs, UNITS, layers, bidirectional=both, residual=residual, sizes=sizes)

    return SETUPS[name](made)
