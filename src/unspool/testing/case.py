"""What a kernel is asked: sizes, and what happens over time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unspool.ir import StepGraph


@dataclass(frozen=True)
class Case:
    """A call of a kernel, but for the numbers.

    Attributes:
        name: for people.
        steps: T.
        batch: B.
        features: I.
        units: H.
        others: the first of the other sizes that a page names by a letter; each further one is one more.
        blocks: N, wherever a page cuts its units into N blocks; the largest divisor of H that is no larger is taken.
        lengths: of each sequence; None where all have T steps.
        resets: (t, b) of each reset; None where there is none.
        reverse: from the last step to the first.
        aside: how far the states it begins with lie at most from those that the cell reaches. Finite differences are
            taken aside, since there may be a kink where it leads, at zero or at a clock's full hour.
    """

    name: str
    steps: int = 7
    batch: int = 3
    features: int = 5
    units: int = 6
    others: int = 3
    blocks: int = 2
    lengths: tuple[int, ...] | None = None
    resets: tuple[tuple[int, int], ...] | None = None
    reverse: bool = False
    aside: float = 0.0

    def sizes(self, graph: StepGraph) -> dict[str, int]:
        """Size letter → number, for I, H and every other letter of the graph."""
        sizes = {"I": self.features, "H": self.units}
        divisors = {blocks: whole for whole, blocks in graph.divisions}
        for letter in sorted(graph.sizes - sizes.keys() - divisors.keys()):
            sizes[letter] = self.others + len(sizes) - 2
        for blocks, whole in divisors.items():
            sizes[blocks] = next(n for n in range(self.blocks, 0, -1) if sizes[whole] % n == 0)
        return sizes

    def lengths_tensor(self) -> Tensor | None:
        """[B] int64."""
        return None if self.lengths is None else torch.tensor(self.lengths)

    def reset_tensor(self) -> Tensor | None:
        """[T, B] bool."""
        if self.resets is None:
            return None
        reset = torch.zeros(self.steps, self.batch, dtype=torch.bool)
        for t, b in self.resets:
            reset[t, b] = True
        return reset

    def padding(self) -> Tensor:
        """[T, B, 1] bool: which steps lie beyond their sequence."""
        ends = self.lengths or (self.steps,) * self.batch
        return (torch.arange(self.steps)[:, None] >= torch.tensor(ends))[..., None]


RAGGED = Case("ragged", lengths=(7, 1, 4))
RESET = Case("reset", resets=((0, 0), (3, 0), (4, 0), (6, 1), (0, 2)))
RAGGED_RESET = Case(
    "ragged and reset", lengths=(5, 7, 2), resets=(*(RESET.resets or ()), (5, 0), (2, 2), (6, 2))
)  # some resets lie in the padding


def _both_ways(cases: list[Case]) -> Mapping[str, Case]:
    """Each case, and each reversed."""
    turned = [replace(case, name=f"{case.name}, reversed", reverse=True) for case in cases]
    return {case.name: case for pair in zip(cases, turned, strict=True) for case in pair}


CASES = _both_ways(
    [
        Case("plain"),
        Case("one step", steps=1),
        Case("one of everything", steps=2, batch=1, features=1, units=1, others=1, blocks=1),
        Case("no sizes in common", features=1, units=8, others=2, blocks=4),
        RAGGED,
        RESET,
        RAGGED_RESET,
    ]
)
"""Everything that happens over time, by name."""

SMALL = Case(
    "3 steps, ragged, a reset", steps=3, batch=2, features=2, units=4, lengths=(3, 2), resets=((1, 0),), aside=0.1
)
TINY = Case("2 steps of 2 units", steps=2, batch=1, features=1, units=2, others=1, aside=0.1)

ODD_SIZES = (
    Case("17 sequences of 33 units", steps=2, batch=17, features=3, units=33, others=18, blocks=3),
    Case("3 sequences of 130 units", steps=3, batch=3, features=2, units=130, others=65, blocks=10),
)
"""One more than a vector's lanes, a tile's rows and a page of blocks."""
