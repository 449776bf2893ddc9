"""Recall against load: how many patterns a memory holds, measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unspool.errors import SettingError, ShapeError

Recall = Callable[[Tensor, Tensor], Tensor]
"""(patterns [P, N], cues [Q, N]) of ±1 → [Q, N], the activities when the cue is gone; signs count."""
LEVELS = (0.1, 0.5, 0.9)


@dataclass(frozen=True, eq=False)
class RecallCurve:
    """How well cued patterns came back, by the number stored.

    Attributes:
        size: N, units of a pattern.
        patterns: P, how many were stored, ascending.
        loads: P/N.
        overlaps: per load [Q], (1/N) Σ_i ξ_i sign(x_i) of every recall: 1 is the pattern, 0 chance.
        cue_overlap: that of the cues themselves, on average.
    """

    size: int
    patterns: tuple[int, ...]
    overlaps: tuple[Tensor, ...]
    cue_overlap: float

    @property
    def loads(self) -> tuple[float, ...]:
        """P/N."""
        return tuple(p / self.size for p in self.patterns)

    @property
    def mean(self) -> Tensor:
        """Mean overlap per load [K]."""
        return torch.stack([o.mean() for o in self.overlaps])

    @property
    def quantiles(self) -> Tensor:
        """10, 50 and 90 % quantiles of the overlap per load, [K, 3]."""
        levels = torch.tensor(LEVELS, dtype=torch.float64)
        return torch.stack([o.quantile(levels) for o in self.overlaps])


def recall_against_load(
    recall: Recall,
    size: int,
    loads: Sequence[float],
    *,
    flipped: float = 0.1,
    cues: int = 20,
    trials: int = 1,
    seed: int = 0,
) -> RecallCurve:
    """Store random patterns, show damaged ones, and measure what is recalled, for each load.

    Args:
        recall: any memory: `recall_distributed`, `recall_competitive`, or one's own.
        size: N, units of a pattern.
        loads: P/N; P is rounded, at least 1.
        flipped: share of a cue's units with the wrong sign.
        cues: of how many stored patterns per trial a cue is shown, at most all of them.
        trials: sets of patterns per load.
        seed: of patterns and cues.

    Raises:
        SettingError: a setting has no meaning.
        ShapeError: the memory does not return an activity for each number of the cues.

    Cost: one recall per load and trial.
    """
    _check(size, loads, flipped, cues, trials)
    generator = torch.Generator().manual_seed(seed)
    counts = sorted({max(1, round(load * size)) for load in loads})
    overlaps, cued = [], []
    for count in counts:
        found = []
        for _ in range(trials):
            patterns = _signs(torch.rand(count, size, generator=generator) < 0.5)
            asked = patterns[torch.randperm(count, generator=generator)[:cues]]
            damaged = asked * _signs(torch.rand(asked.shape, generator=generator) >= flipped)
            recalled = recall(patterns, damaged)
            if recalled.shape != asked.shape:
                raise ShapeError(
                    f"recall of cues {list(asked.shape)} is {list(recalled.shape)}; it is one activity each"
                )
            found.append((asked * recalled.sign()).mean(-1))
            cued.append((asked * damaged).mean())
        overlaps.append(torch.cat(found))
    return RecallCurve(size, tuple(counts), tuple(overlaps), float(torch.stack(cued).mean()))


def _signs(on: Tensor) -> Tensor:
    return 2 * on.double() - 1


def _check(size: int, loads: Sequence[float], flipped: float, cues: int, trials: int) -> None:
    for name, value in (("size", size), ("cues", cues), ("trials", trials)):
        if value < 1:
            raise SettingError(f"recall_against_load: {name} is {value}; it is at least 1")
    if not loads or not all(0 < load < float("inf") for load in loads):
        raise SettingError("recall_against_load: loads are patterns per unit, positive numbers, at least one")
    if not 0 <= flipped <= 1:
        raise SettingError(f"recall_against_load: flipped is {flipped}; it is a share of the units, 0 to 1")
