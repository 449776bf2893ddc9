"""Scores: exact, whatever the pieces; known where the probabilities are known."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.text.corpora import WORDS, trained
from unspool.cells import find_cell
from unspool.errors import DataError
from unspool.text.network import TextNetwork
from unspool.text.scoring import Line, LineByLine, nats_of, surprises
from unspool.text.vocabulary import Vocabulary


def test_a_network_that_knows_nothing_takes_log2_v_bits():
    network = TextNetwork(find_cell("gru"), 8, 4)
    for p in network.readout.parameters():
        torch.nn.init.zeros_(p)
    (found,) = surprises(network, [torch.arange(8).repeat(5)])
    torch.testing.assert_close(found[1], torch.full((40,), 3 * math.log(2), dtype=torch.float64))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=25), st.integers(1, 9), st.integers(1, 30))
def test_pieces_and_chunks_do_not_matter(symbols: list[int], size: int, chunk: int):
    torch.manual_seed(0)
    network = TextNetwork(find_cell("elman"), 5, 4).double()
    text = torch.tensor(symbols)
    pieces = list(surprises(network, list(text.split(size)), chunk=chunk))
    assert torch.cat([s for s, _ in pieces]).tolist() == symbols
    found = torch.cat([n for _, n in pieces])
    with torch.no_grad():
        logits, _ = network(text[None])
    expected = -logits[0, :-1].log_softmax(-1)[range(len(symbols) - 1), symbols[1:]]
    torch.testing.assert_close(found[1:], expected)
    assert float(found[0]) == pytest.approx(math.log(5))
    if len(symbols) > 1:
        assert nats_of(network, text[:-1], text[1:]) == pytest.approx(float(expected.sum()))


def test_the_probabilities_of_the_next_symbol_sum_to_1():
    """A score is a code length: over all possible next characters Σ p = 1."""
    model = trained()
    alphabet = model.fitted_.vocabulary.characters
    before = model.score("the cat").nats
    assert sum(math.exp(before - model.score("the cat" + c).nats) for c in alphabet) == pytest.approx(1, abs=1e-5)


def test_lines_add_up():
    model = trained()
    lines: list[Line] = []
    text = "the cat\n\nsat on the mat"
    path_free = LineByLine(model.fitted_.vocabulary)
    encoded = torch.from_numpy(model.fitted_.vocabulary.encode(text))
    for symbols, nats in surprises(model.fitted_.network, encoded.split(3)):
        lines += path_free.add(symbols, nats)
    lines += path_free.end()
    assert [(n.number, n.characters) for n in lines] == [(1, 8), (2, 1), (3, 14)]
    score = model.score(text)
    assert sum(n.bits for n in lines) == pytest.approx(score.nats / math.log(2))
    assert score.characters == score.symbols == len(text)


def test_bytes_are_more_than_characters():
    model = trained("byte", "für Elise, ö\n" * 80)
    score = model.score("für ö")
    assert (score.symbols, score.characters) == (7, 5)
    assert score.bits_per_character == pytest.approx(score.bits_per_symbol * 7 / 5)


def test_text_like_the_one_learned_is_less_surprising():
    model = trained()
    assert model.score(WORDS * 3).bits_per_character < 0.8 * model.score(WORDS[::-1] * 3).bits_per_character


def test_unseen_characters_count_as_a_class_or_are_refused():
    vague = trained(text=WORDS * 40 + "üößé", min_count=2)
    assert vague.score("the çat").unseen == 1
    with pytest.raises(DataError, match="'ç'"):
        trained().score("the çat")
    with pytest.raises(DataError, match="empty"):
        trained().score("")
    with pytest.raises(DataError, match="byte 0xff at offset 1"):
        trained().score(b"t\xff")


def test_a_vocabulary_without_line_ends():
    lines = LineByLine(Vocabulary("char", "ab"))
    assert list(lines.add(torch.tensor([0, 1]), torch.ones(2))) == []
    assert [line.characters for line in lines.end()] == [2]
