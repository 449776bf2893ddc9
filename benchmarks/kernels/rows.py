"""One row: a cell at a size in one mode, ours beside its rivals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.kernels.case import Case, gigaflop, stages
from benchmarks.kernels.contenders import RIVALS, Contender, Unable, only_on, ours
from benchmarks.kernels.oracle import RIVALS_SLACK, Values, fault
from benchmarks.kernels.timing import interleave, quick


@dataclass(frozen=True)
class Setting:
    """How rows are measured.

    Attributes:
        backend: that ours is forced to.
        rivals: their names.
        seconds: of timing a row, all contenders together.
        compile_limit: seconds that one whole-loop compilation may take.
    """

    backend: str
    rivals: tuple[str, ...]
    seconds: float
    compile_limit: float


@dataclass(frozen=True)
class Against:
    """A rival on one row: its median time, and the quartiles of its paired ratios to ours (above 1: ours is faster)."""

    variant: str
    seconds: float
    ratio: float
    low: float
    high: float


@dataclass
class Row:
    """What was found. `ours` is None where `fault` says what is wrong with our result."""

    dtype: str
    mode: str
    cell: str
    size: str
    stages: int
    gflop: float
    peak: float
    ours: float | None = None
    fault: str | None = None
    rounds: int = 0
    rivals: dict[str, Against] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def share(self) -> float | None:
        """Of the machine's matrix-product rate; None for a cell without products."""
        return self.gflop / self.ours / self.peak if self.ours and self.gflop else None

    def best(self, but: Sequence[str] = ()) -> tuple[str, Against] | None:
        """The fastest rival, those of `but` aside."""
        others = [(name, r) for name, r in self.rivals.items() if name not in but]
        return min(others, key=lambda pair: pair[1].seconds, default=None)

    @property
    def lost(self) -> bool:
        """Whether a rival is faster."""
        best = self.best()
        return best is not None and best[1].ratio < 1


def measure(case: Case, mode: str, wanted: Values, peak: float, setting: Setting) -> Row:
    """Check ours and every rival, then time those that are right."""
    dtype = str(case.dtype).removeprefix("torch.")
    flop = gigaflop(case, mode)
    row = Row(dtype, mode, case.cell, str(case.size), stages(case.graph), flop, peak)
    own = checked(case, mode, wanted, setting.backend)
    if isinstance(own, str):
        row.fault = own
        return row
    entered: dict[str, Contender] = {}
    for name in setting.rivals:
        chosen = _enter(name, case, mode, wanted, setting)
        if isinstance(chosen, Contender):
            entered[name] = chosen
        else:
            row.notes[name] = chosen
    times = interleave([own.call, *(c.call for c in entered.values())], setting.seconds)
    if wrong := fault(case, own.read(own.call()), wanted):
        row.fault = f"right at first, wrong after {times.shape[1]} rounds: {wrong}"
        return row
    row.ours, row.rounds = float(np.median(times[0])), times.shape[1]
    for (name, contender), seconds in zip(entered.items(), times[1:], strict=True):
        low, ratio, high = np.quantile(seconds / times[0], (0.25, 0.5, 0.75))
        row.rivals[name] = Against(contender.label, float(np.median(seconds)), float(ratio), float(low), float(high))
    return row


def checked(case: Case, mode: str, wanted: Values, backend: str) -> Contender | str:
    """Ours, or what is wrong with its result."""
    try:
        own = ours(case, mode, backend)
        with only_on(backend):
            result = own.call()
        return fault(case, own.read(result), wanted) or own
    except Exception as error:  # whatever it is, the other rows are still measured
        return f"{type(error).__name__}: {error}"


def geometric_mean(values: Sequence[float]) -> float:
    """Of positive numbers; NaN of none."""
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def _enter(name: str, case: Case, mode: str, wanted: Values, setting: Setting) -> Contender | str:
    """The fastest right variant of a rival, or why there is none."""
    found: list[tuple[float, Contender]] = []
    why = "nothing to run"
    try:
        for variant in RIVALS[name](case, mode, setting.compile_limit):
            wrong = fault(case, variant.read(variant.call()), wanted, RIVALS_SLACK)
            if wrong:
                why = f"wrong ({variant.label}): {wrong}"
            else:
                found.append((quick(variant.call), variant))
    except Unable as error:
        why = str(error)
    except Exception as error:  # a rival's failure is reported, never ours
        why = f"{type(error).__name__}: {str(error).strip()[:200]}"
    return min(found, key=lambda pair: pair[0])[1] if found else why
