"""Texts that a model writes, piece by piece as they come."""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch

from unspool.errors import SettingError
from unspool.text.beam import beam_search
from unspool.text.chooser import Chooser
from unspool.text.generation import Position, begin, generate, read
from unspool.text.network import TextNetwork
from unspool.text.stops import Stopper, encode_stops
from unspool.text.vocabulary import Vocabulary

BLOCK = 32
"""Symbols written between two looks at the stop strings, and shown at once."""


@dataclass(frozen=True)
class SampleOptions:
    """How to write.

    Attributes:
        length: symbols at most, the prompt not counted.
        temperature, top_k, top_p: see `Chooser`.
        beam: hypotheses of a beam search, which looks for the most probable text of this length; 0: draw.
        stop: strings after which a text ends; they are not shown.
        seed: of what is drawn.
        count: texts, from the same prompt, side by side.
    """

    length: int = 500
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    beam: int = 0
    stop: tuple[str, ...] = ()
    seed: int = 0
    count: int = 1

    def chooser(self) -> Chooser:
        """What draws.

        Raises:
            SettingError: an option has no meaning, or contradicts another.
        """
        if self.length < 0:
            raise SettingError(f"length is {self.length}", hint="give a number of symbols, 0 or more")
        if self.count < 1:
            raise SettingError(f"count is {self.count}", hint="give a number of texts, at least 1")
        if self.beam < 0:
            raise SettingError(f"beam is {self.beam}", hint="give a number of hypotheses, or 0 to draw")
        if not 0 <= self.seed < 2**31:
            raise SettingError(f"seed is {self.seed}", hint="give a whole number from 0 to 2147483647")
        chooser = Chooser(self.temperature, self.top_k, self.top_p)
        if self.beam and (not chooser.is_plain or self.count > 1 or self.temperature == 0):
            raise SettingError(
                "a beam search draws nothing: top-k, top-p, several texts and temperature 0 do not go with it",
                hint="leave out --beam, or those",
            )
        return chooser


@final
class Writer:
    """Texts being written; iterating gives lists of pieces, one piece (which may be "") for each text.

    Args:
        network: in evaluation mode.
        vocabulary: of its symbols.
        options: how.
        prompt: text that is read first; it is not among the pieces.
        position: where to go on from; by default a new text begins.

    Raises:
        SettingError: an option has no meaning.
        DataError: the prompt or a stop string has characters that the model has never seen.

    Attributes:
        position: where the texts stand; with several texts and stop strings there is no such place for all of them.

    The pieces joined are the text, whatever their sizes. A character whose bytes have not all come yet waits: for the
    next piece, and at the end of the text for who goes on from its position.
    """

    def __init__(
        self,
        network: TextNetwork,
        vocabulary: Vocabulary,
        options: SampleOptions,
        prompt: str = "",
        position: Position | None = None,
    ) -> None:
        self._network, self._vocabulary, self._options = network, vocabulary, options
        self._chooser = options.chooser()
        self._stops = encode_stops(vocabulary, options.stop)
        start = begin(network, vocabulary, options.count) if position is None else position
        given = torch.from_numpy(vocabulary.encode(prompt, "the prompt"))
        self.position = read(network, start, given)

    def __iter__(self) -> Iterator[list[str]]:
        """The pieces, as they come."""
        if self._options.beam:
            yield from self._search()
            return
        count, left = len(self.position.last), self._options.length
        texts = [Stopper(self._stops) for _ in range(count)]
        decoders = [Decoder(self._vocabulary, self.position.pending) for _ in range(count)]
        used = self.position.drawn * count * self._network.symbols
        numbers = numbers_of(self._options.seed, used)
        while left > 0 and not all(t.done for t in texts):
            block = min(BLOCK, left)
            left -= block
            noise = gumbel(numbers, (block, count, self._network.symbols))
            before, known = self.position, texts[0].read
            symbols, self.position = generate(self._network, before, noise, self._chooser, self._vocabulary.drawable)
            rows = symbols.tolist()
            shown = [text.take(row) for text, row in zip(texts, rows, strict=True)]
            if count == 1 and texts[0].done:
                taken = texts[0].read - known
                after = read(self._network, before, symbols[:, :taken])
                self.position = Position(after.states, after.last, before.drawn + taken)
            yield self._decoded(decoders, shown)
        ends = self._decoded(decoders, [t.rest() for t in texts])
        if any(ends):
            yield ends

    def _decoded(self, decoders: list["Decoder"], symbols: list[list[int]]) -> list[str]:
        pieces = [d.decode(s) for d, s in zip(decoders, symbols, strict=True)]
        if len(decoders) == 1:
            self.position = replace(self.position, pending=decoders[0].pending)
        return pieces

    def _search(self) -> Iterator[list[str]]:
        decoder, options = Decoder(self._vocabulary, self.position.pending), self._options
        found = beam_search(
            self._network,
            self.position,
            options.length,
            options.beam,
            self._stops,
            temperature=options.temperature,
            symbols=self._vocabulary.drawable,
        )
        for piece, position in found:
            if position is not None:
                self.position = position
            (text,) = self._decoded([decoder], [piece])
            if text:
                yield [text]


@final
class Decoder:
    """Symbols to text, piece by piece: bytes that begin a character wait for the others.

    `pending` are those that wait; it starts with the ones it is given.
    """

    def __init__(self, vocabulary: Vocabulary, pending: Sequence[int] = ()) -> None:
        self._vocabulary = vocabulary
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")
        self._bytes.decode(bytes(pending))

    def decode(self, symbols: Sequence[int]) -> str:
        """The text that is complete now."""
        if self._vocabulary.level == "byte":
            return self._bytes.decode(bytes(symbols))
        return self._vocabulary.decode(symbols)

    @property
    def pending(self) -> tuple[int, ...]:
        """Bytes that do not make a character yet."""
        return tuple(self._bytes.getstate()[0])


def numbers_of(seed: int, used: int) -> np.random.Generator:
    """Uniform numbers of a seed, without the first `used` ones."""
    bits = np.random.PCG64(seed)
    bits.advance(used)
    return np.random.Generator(bits)


def gumbel(numbers: np.random.Generator, shape: tuple[int, ...]) -> torch.Tensor:
    """−ln(−ln u) float64, one of the numbers u each; −∞ where u is 0."""
    with np.errstate(divide="ignore"):
        return torch.from_numpy(-np.log(-np.log(numbers.random(shape))))
