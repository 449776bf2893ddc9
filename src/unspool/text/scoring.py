"""How surprised a model is by a text: exact, over all of it, in constant memory."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from unspool.errors import DataError
from unspool.nn.stack import States
from unspool.text.network import TextNetwork
from unspool.text.vocabulary import Vocabulary

CHUNK = 8192
"""Symbols that run at once; of a thousand symbols a chunk's logits take 32 MB."""
NEWLINE = ord("\n")


@dataclass(frozen=True)
class Line:
    """A line of a text that was scored: its number from 1, its characters (its end included), its bits."""

    number: int
    characters: int
    bits: float


@dataclass(frozen=True)
class Score:
    """Surprise of a whole text.

    Attributes:
        nats: −ln p, of all symbols together. The first symbol has no past: it counts as one of V alike.
        symbols: how many: characters, or bytes.
        characters: how many, also where the symbols are bytes.
        unseen: characters of the class "unseen"; of those the score counts the class alone, not which one it was.
    """

    nats: float
    symbols: int
    characters: int
    unseen: int = 0

    @property
    def nats_per_symbol(self) -> float:
        """Per character or byte, as the loss of training."""
        return self.nats / self.symbols

    @property
    def bits_per_symbol(self) -> float:
        """The same in bits."""
        return self.nats / math.log(2) / self.symbols

    @property
    def bits_per_character(self) -> float:
        """Bits per Unicode character, at either level."""
        return self.nats / math.log(2) / self.characters

    @property
    def perplexity(self) -> float:
        """Per symbol: among how many, all alike, one would have to guess."""
        return math.exp(self.nats_per_symbol)


@torch.no_grad()
def surprises(network: TextNetwork, pieces: Iterable[Tensor], *, chunk: int = CHUNK) -> Iterator[tuple[Tensor, Tensor]]:
    """(symbols [n] int64, their −ln p [n] float64) of a text given in pieces [·], chunk by chunk.

    The state is carried through the whole text: how it is cut changes nothing but rounding.
    """
    states: States | None = None
    last: Tensor | None = None
    for piece in pieces:
        for part in piece.long().split(chunk):
            if not len(part):
                continue
            if last is None:
                nats = part.new_full((len(part),), math.log(network.symbols), dtype=torch.float64)
                if len(part) > 1:
                    nats[1:], states = _nats(network, part[:-1], part[1:], states)
            else:
                nats, states = _nats(network, torch.cat((last, part[:-1])), part, states)
            last = part[-1:]
            yield part, nats


@torch.no_grad()
def nats_of(network: TextNetwork, inputs: Tensor, targets: Tensor) -> float:
    """−ln p of all of `targets` [n], each after the symbol in `inputs` [n] and everything before it."""
    states, total = None, 0.0
    for x, y in zip(inputs.split(CHUNK), targets.split(CHUNK), strict=True):
        nats, states = _nats(network, x.long(), y.long(), states)
        total += float(nats.sum())
    return total


@dataclass
class LineByLine:
    """Adds up surprises by line as they come.

    Attributes:
        total: of everything so far.
    """

    vocabulary: Vocabulary
    nats: float = 0.0
    symbols: int = 0
    characters: int = 0
    unseen: int = 0
    _number: int = 1
    _line: tuple[float, int] = (0.0, 0)

    def add(self, symbols: Tensor, nats: Tensor) -> Iterator[Line]:
        """The lines that end within these symbols."""
        characters = self._begins_character(symbols)
        newline = self._newline
        ends = (symbols == newline).nonzero().flatten().tolist() if newline is not None else []
        start = 0
        for end in [e + 1 for e in ends]:
            yield self._close(nats[start:end], characters[start:end])
            start = end
        self._count(nats[start:], characters[start:])
        self.symbols += len(symbols)
        if self.vocabulary.unseen:
            self.unseen += int((symbols == len(self.vocabulary) - 1).sum())

    def end(self) -> Iterator[Line]:
        """What follows the last end of a line, if anything does."""
        if self._line[1]:
            yield self._close(torch.empty(0), torch.empty(0))

    @property
    def score(self) -> Score:
        """Of everything so far.

        Raises:
            DataError: it is nothing.
        """
        if not self.symbols:
            raise DataError("the text is empty: there is nothing to score")
        return Score(self.nats, self.symbols, max(1, self.characters), self.unseen)

    def _close(self, nats: Tensor, characters: Tensor) -> Line:
        self._count(nats, characters)
        line = Line(self._number, self._line[1], self._line[0] / math.log(2))
        self._number, self._line = self._number + 1, (0.0, 0)
        return line

    def _count(self, nats: Tensor, characters: Tensor) -> None:
        more, many = float(nats.sum()), int(characters.sum())
        self.nats, self.characters = self.nats + more, self.characters + many
        self._line = (self._line[0] + more, self._line[1] + many)

    def _begins_character(self, symbols: Tensor) -> Tensor:
        # In UTF-8 the bytes 10xxxxxx continue a character.
        return (symbols & 0xC0) != 0x80 if self.vocabulary.level == "byte" else torch.ones_like(symbols)

    @property
    def _newline(self) -> int | None:
        if self.vocabulary.level == "byte":
            return NEWLINE
        place = self.vocabulary.characters.find("\n")
        return place if place >= 0 else None


def _nats(network: TextNetwork, x: Tensor, y: Tensor, states: States | None) -> tuple[Tensor, States]:
    device = network.readout.weight.device
    logits, after = network(x[None].to(device), states)
    return functional.cross_entropy(logits[0], y.to(device), reduction="none").double().cpu(), after
