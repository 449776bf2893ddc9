"""Stop strings: where a text that comes piece by piece is to end, and what of it may be shown already."""

from collections.abc import Sequence
from typing import final

from unspool.errors import SettingError
from unspool.text.vocabulary import Vocabulary


def encode_stops(vocabulary: Vocabulary, stops: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Each stop string as symbols.

    Raises:
        SettingError: one is empty.
        DataError: one has characters that the model never writes.
    """
    if "" in stops:
        raise SettingError("a stop string is empty: nothing would be written", hint="give some text, or leave it out")
    return tuple(tuple(vocabulary.encode(s, "the stop string").tolist()) for s in stops)


@final
class Stopper:
    """Follows one text. What could be the beginning of a stop string is held back until it is clear that it is not.

    Args:
        stops: as symbols.

    Attributes:
        done: whether one of them has come.
        read: symbols taken in, the stop string's included.
    """

    def __init__(self, stops: Sequence[Sequence[int]]) -> None:
        self._stops = [list(s) for s in stops]
        self._held: list[int] = []
        self.done, self.read = False, 0

    def take(self, symbols: Sequence[int]) -> list[int]:
        """Symbols that may be shown now; after a stop string nothing more is taken in."""
        if not self._stops:
            self.read += len(symbols)
            return list(symbols)
        shown: list[int] = []
        for symbol in symbols:
            if self.done:
                break
            self.read += 1
            self._held.append(symbol)
            for stop in self._stops:
                if self._held[-len(stop) :] == stop:
                    shown += self._held[: -len(stop)]
                    self._held, self.done = [], True
                    break
            else:
                keep = max((self._overlap(s) for s in self._stops), default=0)
                cut = len(self._held) - keep
                shown += self._held[:cut]
                self._held = self._held[cut:]
        return shown

    def rest(self) -> list[int]:
        """What was held back, once nothing more comes."""
        held, self._held = self._held, []
        return held

    def _overlap(self, stop: list[int]) -> int:
        """The longest end of what is held that is a beginning of `stop`."""
        longest = min(len(stop) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held[-n:] == stop[:n]), 0)
