"""A text as numbers, cut into what is learned from and what is held back."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unspool.errors import DataError
from unspool.text.vocabulary import BYTES, Vocabulary


@dataclass(frozen=True)
class Corpus:
    """A text that a model is trained on.

    Attributes:
        vocabulary: of the whole text, the part held back included: its characters have to be numbers too.
        train: [n] symbols, uint8 or int32.
        valid: [m] the symbols after them.
    """

    vocabulary: Vocabulary
    train: Tensor
    valid: Tensor

    @property
    def valid_input(self) -> Tensor:
        """[m] the symbol before each one of `valid`: the last one of `train` comes first."""
        return torch.cat((self.train[-1:], self.valid[:-1]))


def make_corpus(text: str | bytes, *, min_count: int, validation: float, chunk: int) -> Corpus:
    """Cut a text (bytes: level "byte") so that the share `validation` of it at its end is held back.

    Raises:
        DataError: it is empty, of one symbol only, or shorter than a chunk.
    """
    noun = "bytes" if isinstance(text, bytes) else "characters"
    if not text:
        raise DataError("the text is empty", hint="give a file with some text in it")
    vocabulary = Vocabulary("byte", "") if isinstance(text, bytes) else Vocabulary.of(text, min_count=min_count)
    if not vocabulary.drawable:
        raise DataError(f"no character occurs {min_count} times", hint="give a longer text, or a lower --min-count")
    symbols = vocabulary.encode(text)
    if bool((symbols == symbols[0]).all()):
        raise DataError("the text is one symbol, again and again: there is nothing to learn", hint="give another text")
    held = max(1, round(validation * len(symbols)))
    if len(symbols) - held <= chunk:
        raise DataError(
            f"the text is too short: {len(symbols)} {noun}, of which {held} are held back; a chunk has {chunk}",
            hint="give a longer text, or a smaller --chunk",
        )
    kind = np.uint8 if len(vocabulary) <= BYTES else np.int32
    numbers = torch.from_numpy(symbols.astype(kind))
    return Corpus(vocabulary, numbers[:-held], numbers[-held:])
