"""Beam search: the most probable text, among those that can be reached by keeping the W best beginnings.

at every step: from W beginnings to W · V, the W of highest log-probability are kept
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unspool.text.generation import Position
from unspool.text.network import TextNetwork

SHOWN_EVERY = 16
"""Steps between two looks at what all beginnings have in common."""


@dataclass(frozen=True)
class _Ended:
    """A beginning that a stop string has ended: its log-probability, its text without that string, its place."""

    score: float
    symbols: list[int]
    position: Position


@torch.no_grad()
def beam_search(
    network: TextNetwork,
    position: Position,
    length: int,
    width: int,
    stops: Sequence[Sequence[int]] = (),
    *,
    temperature: float = 1.0,
    symbols: int | None = None,
) -> Iterator[tuple[list[int], Position | None]]:
    """Pieces of the best text, as soon as all beginnings agree on them; with the last piece where the text stands.

    Args:
        network: in evaluation mode.
        position: of one text.
        length: T, symbols at most.
        width: W.
        stops: a text that ends in one of these competes with longer ones by its log-probability, as it is.
        temperature: of the logits.
        symbols: only the first so many of V are written.

    Width 1 is the greedy choice. Cost: T steps with a batch of W.
    """
    states, last = position.states, position.last
    texts = torch.empty((1, 0), dtype=torch.int64)
    scores = torch.zeros(1, dtype=torch.float64)
    longest = max(map(len, stops), default=1) - 1
    ended: _Ended | None = None
    shown = step = 0
    while step < length and len(scores):
        step += 1
        logits, states = network(last[:, None], states)
        steps = (logits[:, 0, :symbols].double() / temperature).log_softmax(-1)
        total = (scores[:, None] + steps).flatten()
        scores, places = total.topk(min(width, len(total)))
        parents, last = places // steps.shape[1], places % steps.shape[1]
        states = tuple(s[:, parents] for s in states)
        texts = torch.cat((texts[parents], last[:, None]), 1)
        for row in reversed(range(len(scores))) if stops else ():
            text = texts[row].tolist()
            stop = next((s for s in stops if text[-len(s) :] == list(s)), None)
            if stop is None:
                continue
            if ended is None or float(scores[row]) > ended.score:
                place = Position(tuple(s[:, row : row + 1] for s in states), last[row : row + 1], position.drawn + step)
                ended = _Ended(float(scores[row]), text[: len(text) - len(stop)], place)
            others = torch.arange(len(scores)) != row
            scores, last, texts = scores[others], last[others], texts[others]
            states = tuple(s[:, others] for s in states)
        if ended is not None and (not len(scores) or ended.score >= float(scores[0])):
            break
        if step % SHOWN_EVERY == 0:
            agreed = _agreed(texts, ended) - longest
            if agreed > shown:
                yield texts[0, shown:agreed].tolist(), None
                shown = agreed
    if ended is not None and (not len(scores) or ended.score >= float(scores[0])):
        yield ended.symbols[shown:], ended.position
        return
    states = tuple(s[:, :1] for s in states)
    yield texts[0, shown:].tolist(), Position(states, last[:1], position.drawn + step)


def _agreed(texts: Tensor, ended: _Ended | None) -> int:
    """Symbols at the beginning that all texts have in common."""
    same = (texts == texts[0]).all(0).long().cumprod(0).sum()
    if ended is None:
        return int(same)
    other = torch.tensor(ended.symbols)
    common = min(len(other), texts.shape[1])
    return min(int(same), int((texts[0, :common] == other[:common]).long().cumprod(0).sum()))
