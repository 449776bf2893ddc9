"""A stretch of text in the colours of one unit's values."""

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from unspool.text import Tracking

SHOWN = 900
"""Characters drawn."""
STEPS = 4
"""Shades on each side of the middle."""


@dataclass(frozen=True)
class Piece:
    """Characters of one shade: from −4 (low) over 0 to 4 (high)."""

    shade: int
    text: str

    @property
    def name(self) -> str:
        """The shade as a class of the style sheet."""
        return f"low{-self.shade}" if self.shade < 0 else f"high{self.shade}" if self.shade else "middle"


def coloured(tracking: Tracking, shown: int = SHOWN) -> list[Piece]:
    """Pieces of the text, where the property changes most; the shades span the unit's 2nd to 98th percentile."""
    values = np.abs(tracking.values) if tracking.magnitude else tracking.values
    low, high = np.quantile(values, (0.02, 0.98))
    middle, half = (low + high) / 2, max((high - low) / 2, 1e-12)
    shades = np.clip(np.rint((values - middle) / half * STEPS), -STEPS, STEPS).astype(int)
    start = _liveliest(tracking, shown)
    pairs = zip(shades[start : start + shown].tolist(), tracking.text[start : start + shown], strict=True)
    return [Piece(shade, "".join(c for _, c in group)) for shade, group in groupby(pairs, key=lambda pair: pair[0])]


def _liveliest(tracking: Tracking, shown: int) -> int:
    """Where to begin, at the start of a line: so that the property comes and goes, and both are there."""
    wanted, text = tracking.wanted, tracking.text
    starts = [0] + [t + 1 for t, c in enumerate(text[:-1]) if c == "\n"]
    starts = [t for t in starts if t + shown <= len(text)] or [0]
    on = (wanted > np.median(wanted)) if len(np.unique(wanted)) > 2 else wanted > wanted.min()
    total = np.concatenate(([0], np.cumsum(on)))
    changes = np.concatenate(([0], np.cumsum(np.abs(np.diff(on.astype(int), prepend=on[:1])))))

    def merit(t: int) -> float:
        end = min(t + shown, len(text))
        share = (total[end] - total[t]) / max(1, end - t)
        return min(share, 1 - share) + 0.001 * min(changes[end] - changes[t], 40)

    return max(starts, key=merit)
