"""What is learned from and what is held back; texts of which nothing can be learned."""

import pytest
import torch

from unspool.errors import DataError
from unspool.text.corpus import make_corpus


def test_the_end_is_held_back_and_every_symbol_is_predicted_once():
    text = "abcdefghij" * 10
    corpus = make_corpus(text, min_count=1, validation=0.05, chunk=8)
    assert corpus.vocabulary.decode(torch.cat((corpus.train, corpus.valid)).numpy()) == text
    assert len(corpus.valid) == 5
    assert corpus.vocabulary.decode(corpus.valid_input.numpy()) == "efghi"
    assert corpus.train.dtype == torch.uint8


def test_many_symbols_take_wider_numbers():
    text = "".join(map(chr, range(300, 700))) * 2
    assert make_corpus(text, min_count=1, validation=0.1, chunk=8).train.dtype == torch.int32


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the text is empty"),
        (b"", "the text is empty"),
        ("aaaaaaaaaaaa", "one symbol"),
        (b"\n\n\n", "one symbol"),
        ("abcdefgh", "too short: 8 characters, of which 1 are held back; a chunk has 8"),
        (b"abcdefgh", "8 bytes"),
    ],
)
def test_texts_to_learn_nothing_from(text: str | bytes, said: str):
    with pytest.raises(DataError, match=said):
        make_corpus(text, min_count=1, validation=0.05, chunk=8)


def test_a_text_of_rare_characters_only():
    with pytest.raises(DataError, match="no character occurs 2 times"):
        make_corpus("abcdefgh", min_count=2, validation=0.05, chunk=2)
