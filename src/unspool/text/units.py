"""Single units that follow something in a text: picked on one half of a stretch, shown and judged on the other.

For every property of the text the unit with the largest correlation on the first half is taken: Spearman's ρ, or for
a yes or no the point-biserial r, of the unit's value or of its size |value|. Picking the best of hundreds flatters, so
only what the second half says counts, and it has to be more than the same unit reaches by chance: against the text
shifted around by many characters, which keeps how slowly both change and takes away what they share.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from unspool.nn.stack import unroll_stack
from unspool.text.features import FEATURES
from unspool.text.network import TextNetwork
from unspool.text.vocabulary import Vocabulary

STRETCH = 20_000
"""Symbols looked at, both halves together."""
TRACKS = 0.5
"""A correlation from which on a unit is said to track a property."""
SHIFTS = 200
RAREST = 20
"""How often a yes, and a no, has to occur in each half."""


@dataclass(frozen=True)
class Unit:
    """One number of the state: layer from 1, the state's name on the cell's page, index from 0."""

    layer: int
    state: str
    index: int

    def __str__(self) -> str:
        return f"{self.state}[{self.index}] of layer {self.layer}"


@dataclass(frozen=True)
class Tracking:
    """The unit that follows a property best.

    Attributes:
        feature: the property, see `FEATURES`.
        unit: the one picked on the first half.
        magnitude: whether its size |value| is meant.
        picked: correlation on the first half.
        held: on the second half, which had no part in picking it.
        chance: what 95 of 100 shifts of the second half stay below, in size.
        text: the second half.
        values: [n] of the unit there, by symbol; at byte level of each character's last byte.
        wanted: [n] the property there.
    """

    feature: str
    unit: Unit
    magnitude: bool
    picked: float
    held: float
    chance: float
    text: str
    values: np.ndarray
    wanted: np.ndarray

    @property
    def tracks(self) -> bool:
        """Whether it holds on the second half: the same sign, |r| at least 0.5, and more than by chance."""
        return self.held * self.picked > 0 and abs(self.held) >= TRACKS and abs(self.held) > self.chance


def track_units(network: TextNetwork, vocabulary: Vocabulary, symbols: Tensor, *, seed: int = 0) -> list[Tracking]:
    """For every property that the text has: its best unit, those that hold first.

    Args:
        network: in evaluation mode.
        vocabulary: of its symbols.
        symbols: [n] of a stretch of text, best one that it was not trained on; at most the first `STRETCH` are taken.
        seed: of the shifts.

    Cost: one run over the stretch per state of the cell, and ranks of every unit.
    """
    text, places = _characters(vocabulary, symbols[:STRETCH])
    half = len(text) // 2
    if half < 2 * RAREST:
        return []
    units, values = _activations(network, symbols[:STRETCH].long())
    values = values[places]
    generator = np.random.default_rng(seed)
    ranks = {False: _ranks(values[:half]), True: _ranks(np.abs(values[:half]))}
    found = []
    for name, feature in FEATURES.items():
        wanted = feature(text)
        if not (_varies(wanted[:half]) and _varies(wanted[half:])):
            continue
        binary = len(np.unique(wanted)) == 2
        magnitude, place, picked = _best(values[:half], ranks, wanted[:half], binary)
        shown = np.abs(values[half:, place]) if magnitude else values[half:, place]
        held, chance = _judged(shown, wanted[half:], binary, generator)
        found.append(
            Tracking(
                name, units[place], magnitude, picked, held, chance, text[half:], values[half:, place], wanted[half:]
            )
        )
    return sorted(found, key=lambda t: (not t.tracks, -abs(t.held)))


@torch.no_grad()
def _activations(network: TextNetwork, tokens: Tensor) -> tuple[list[Unit], np.ndarray]:
    """Every unit, and [n, units] float32 of their values after each symbol."""
    units: list[Unit] = []
    parts: list[np.ndarray] = []
    for layer, state, values in trajectories(network, tokens):
        units += [Unit(layer, state, index) for index in range(values.shape[-1])]
        parts.append(values.numpy())
    return units, np.concatenate(parts, 1)


def trajectories(network: TextNetwork, tokens: Tensor) -> Iterator[tuple[int, str, Tensor]]:
    """(layer, state, [n, size]): a step whose output is a state gives that state at every step."""
    layer = network.recurrent
    x = network.features(tokens[None]).transpose(0, 1)
    rest = network.rest(1)
    for k in range(layer.num_layers):
        start = tuple(s[k : k + 1] for s in rest)
        parameters = [layer.layer_parameters(k)]

        def run(output: int, x=x, start=start, parameters=parameters) -> Tensor:
            graph = replace(layer.graph, output=output)
            return unroll_stack(graph, x, parameters, start, directions=1, dropout=0.0, training=False)[0]

        for state, position in zip(layer.graph.states, layer.graph.next_states, strict=True):
            yield k + 1, state.name, run(position)[:, 0]
        x = run(layer.graph.output)


def _characters(vocabulary: Vocabulary, symbols: Tensor) -> tuple[str, np.ndarray]:
    """The text of some symbols, and of each of its characters the place of its last symbol."""
    numbers = symbols.numpy()
    if vocabulary.level == "char":
        return vocabulary.decode(numbers), np.arange(len(numbers))
    data = numbers.astype(np.uint8).tobytes()
    begins = (numbers.astype(np.int64) & 0xC0) != 0x80
    text = data.decode("utf-8", "replace")
    if int(begins.sum()) == len(text):
        return text, np.append(np.flatnonzero(begins)[1:], len(numbers)) - 1
    # Not UTF-8: a character for every byte.
    return data.decode("latin-1"), np.arange(len(numbers))


def _best(
    values: np.ndarray, ranks: dict[bool, np.ndarray], wanted: np.ndarray, binary: bool
) -> tuple[bool, int, float]:
    """(of its size?, unit, correlation) with the largest correlation in size."""
    found = []
    for magnitude in (False, True):
        given = (np.abs(values) if magnitude else values) if binary else ranks[magnitude]
        r = _correlations(given, wanted if binary else stats.rankdata(wanted))
        place = int(np.abs(r).argmax())
        found.append((abs(r[place]), magnitude, place, float(r[place])))
    # A sign is worth keeping: a size has to be better by more than luck.
    plain, size = found
    _, magnitude, place, r = size if size[0] > plain[0] + 0.02 else plain
    return magnitude, place, r


def _judged(
    values: np.ndarray, wanted: np.ndarray, binary: bool, generator: np.random.Generator
) -> tuple[float, float]:
    """Correlation on a half that had no part in the choice, and what shifted halves reach."""
    if not (np.ptp(values) and np.ptp(wanted)):
        return 0.0, 0.0
    found: Any = stats.pointbiserialr(wanted, values) if binary else stats.spearmanr(wanted, values)
    held = float(found.statistic)
    given = (values if binary else stats.rankdata(values))[:, None]
    other = wanted if binary else stats.rankdata(wanted)
    least = max(1, len(other) // 20)
    shifts = generator.integers(least, len(other) - least, SHIFTS)
    reached = [abs(float(_correlations(given, np.roll(other, shift))[0])) for shift in shifts.tolist()]
    return held, float(np.quantile(reached, 0.95))


def _correlations(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Pearson's r of each column of values [n, units] with wanted [n]; 0 where one of them is constant."""
    a, b = values - values.mean(0), wanted - wanted.mean()
    size = np.sqrt((a * a).sum(0) * (b @ b))
    return np.divide(b @ a, size, out=np.zeros(a.shape[1]), where=size > 0)


def _ranks(values: np.ndarray) -> np.ndarray:
    return stats.rankdata(values, axis=0)


def _varies(wanted: np.ndarray) -> bool:
    """Whether the commonest value leaves room for others."""
    _, counts = np.unique(wanted, return_counts=True)
    return len(wanted) - int(counts.max()) >= RAREST
