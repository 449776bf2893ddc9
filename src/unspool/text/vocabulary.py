"""Symbols of a text and their numbers: the characters that occur in it, or the 256 bytes."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from unspool.errors import DataError, ModelError

Level = Literal["char", "byte"]
LEVELS: tuple[Level, ...] = ("char", "byte")
BYTES = 256
REPLACEMENT = "\ufffd"
"""What stands in a text for a character of the unseen class."""


@dataclass(frozen=True)
class Vocabulary:
    """What the numbers 0 … V − 1 stand for.

    Attributes:
        level: "char": Unicode characters (code points); "byte": the bytes of the text in UTF-8.
        characters: those known, in the order of their numbers, which is that of their code points; "" at byte level.
        unseen: whether the last number is a class for every other character.
    """

    level: Level
    characters: str
    unseen: bool = False

    @classmethod
    def of(cls, text: str, *, min_count: int = 1) -> "Vocabulary":
        """The characters of a text; those that occur less than `min_count` times, where there are any, share a class.

        With min_count above 1 there is always a class for them, so that other texts can be read too.
        """
        known, counts = np.unique(_code_points(text), return_counts=True)
        return cls("char", _text(known[counts >= min_count]), unseen=min_count > 1)

    def __len__(self) -> int:
        return BYTES if self.level == "byte" else len(self.characters) + self.unseen

    @property
    def drawable(self) -> int:
        """How many of the numbers, the first ones, stand for something that can be written."""
        return len(self) - self.unseen

    def encode(self, text: str | bytes, what: str = "the text", *, line: int = 1) -> np.ndarray:
        """Numbers [n] int64 of the symbols of `text`, which is called `what` and begins in line `line`.

        Raises:
            DataError: it has characters without a number; they are named.
        """
        if self.level == "byte":
            data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
            return np.frombuffer(data, np.uint8).astype(np.int64)
        assert isinstance(text, str)
        points, known = _code_points(text), self._points
        places = np.minimum(np.searchsorted(known, points), len(known) - 1)
        missing = known[places] != points
        if missing.any():
            if not self.unseen:
                raise self._unknown(text, np.unique(points[missing]), what, line)
            places = np.where(missing, len(known), places)
        return places.astype(np.int64)

    def decode(self, symbols: Sequence[int] | np.ndarray) -> str:
        """The text of some symbols; bytes that are no UTF-8, and unseen characters, become U+FFFD."""
        numbers = np.asarray(symbols, dtype=np.int64)
        if self.level == "byte":
            return numbers.astype(np.uint8).tobytes().decode("utf-8", "replace")
        return "".join(map((self.characters + REPLACEMENT).__getitem__, numbers.tolist()))

    @property
    def start(self) -> int:
        """The symbol after which a text is begun where there is no prompt: the end of a line, if it is known."""
        if self.level == "byte":
            return ord("\n")
        return max(self.characters.find("\n"), 0)

    def to_json(self) -> dict[str, Any]:
        """For `json.dumps`."""
        return {"level": self.level, "characters": self.characters, "unseen": self.unseen}

    @classmethod
    def from_json(cls, data: Any) -> "Vocabulary":
        """What `to_json` gave.

        Raises:
            ModelError: it is not a vocabulary.
        """
        match data:
            case {"level": "char" | "byte" as level, "characters": str(characters), "unseen": bool(unseen)}:
                found = cls(level, characters, unseen)
                points = found._points
                right = len(points) > 0 and bool((np.diff(points) > 0).all()) if level == "char" else not characters
                if right and (level == "char" or not unseen):
                    return found
        raise ModelError("the saved vocabulary is damaged", hint="train and save the model again")

    @cached_property
    def _points(self) -> np.ndarray:
        return _code_points(self.characters).astype(np.int64)

    def _unknown(self, text: str, missing: np.ndarray, what: str, line: int) -> DataError:
        shown = ", ".join(show_character(chr(point)) for point in missing[:8].tolist())
        more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
        first = min(text.find(chr(point)) for point in missing[:8].tolist())
        line += text.count("\n", 0, first)
        many = "a character" if len(missing) == 1 else f"{len(missing)} characters"
        return DataError(
            f"{what} has {many} that the model has never seen: {shown}{more} (first in line {line})",
            hint="leave them out, or train with --min-count 2 (a class for unseen ones) or --level byte (any text)",
        )


def show_character(character: str) -> str:
    """`'é' (U+00E9)`, or the name alone of one that cannot be shown."""
    code = f"U+{ord(character):04X}"
    if character.isprintable() and not character.isspace():
        return f"'{character}' ({code})"
    return f"{code} {unicodedata.name(character, '').lower()}".rstrip()


def _code_points(text: str) -> np.ndarray:
    # A lone surrogate, as a broken command line gives it, is a character like another: one never seen.
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _text(points: np.ndarray) -> str:
    return points.astype(np.uint32).tobytes().decode("utf-32-le", "surrogatepass")
