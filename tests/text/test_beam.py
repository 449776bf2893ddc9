"""Beam search: wide enough it finds the most probable text, which drawing finds by counting all."""

from itertools import product

import torch

from unspool.cells import find_cell
from unspool.text import begin
from unspool.text.beam import beam_search
from unspool.text.generation import read
from unspool.text.network import TextNetwork
from unspool.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary("char", "abc")
LENGTH = 5


def network() -> TextNetwork:
    torch.manual_seed(1)
    made = TextNetwork(find_cell("gru"), 3, 6).double().eval()
    made.readout.weight.data *= 8
    return made


def log_probability(made: TextNetwork, text: tuple[int, ...]) -> float:
    start = begin(made, VOCABULARY)
    given = torch.cat((start.last, torch.tensor(text[:-1], dtype=torch.int64)))
    with torch.no_grad():
        logits, _ = made(given[None], start.states)
    return float(logits[0].log_softmax(-1)[range(len(text)), list(text)].sum())


def search(made: TextNetwork, width: int, stops: tuple = (), length: int = LENGTH):
    pieces = list(beam_search(made, begin(made, VOCABULARY), length, width, stops))
    *early, (_, position) = pieces
    assert position is not None
    assert all(place is None for _, place in early)
    return tuple(s for piece, _ in pieces for s in piece), position


def test_wide_enough_it_is_the_most_probable_text():
    made = network()
    best = max(product(range(3), repeat=LENGTH), key=lambda text: log_probability(made, text))
    found, position = search(made, 3**LENGTH)
    assert found == best
    after = read(made, begin(made, VOCABULARY), torch.tensor(found))
    torch.testing.assert_close(position.states, after.states)
    assert (position.last.tolist(), position.drawn) == ([found[-1]], LENGTH)


def test_wider_is_never_less_probable_here_and_1_is_greedy():
    made = network()
    scores = [log_probability(made, search(made, width)[0]) for width in (1, 3, 27)]
    assert scores == sorted(scores)
    start, greedy = begin(made, VOCABULARY), []
    states, last = start.states, start.last
    for _ in range(LENGTH):
        logits, states = made(last[:, None], states)
        last = logits[:, 0].argmax(-1)
        greedy.append(int(last))
    assert search(made, 1)[0] == tuple(greedy)


def test_with_a_stop_string_shorter_texts_compete():
    made = network()
    stop = (1,)
    whole = [t for n in range(1, LENGTH + 1) for t in product(range(3), repeat=n)]
    ended = [t for t in whole if t[-1:] == stop and 1 not in t[:-1]]
    running = [t for t in whole if len(t) == LENGTH and 1 not in t]
    best = max(ended + running, key=lambda text: log_probability(made, text))
    found, position = search(made, 3**LENGTH, (stop,))
    assert found == (best[:-1] if best in ended else best)
    assert position.drawn == len(best)


def test_pieces_come_before_the_end():
    made = network()
    pieces = list(beam_search(made, begin(made, VOCABULARY), 200, 4))
    assert len(pieces) > 1
    assert sum(len(p) for p, _ in pieces) == 200
