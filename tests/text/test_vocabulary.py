"""Symbols and numbers, there and back; what is not known is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unspool.errors import DataError, ModelError
from unspool.text import Vocabulary

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(TEXTS)
def test_any_text_comes_back(text: str):
    vocabulary = Vocabulary.of(text)
    assert len(vocabulary) == len(set(text))
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


@given(TEXTS)
def test_any_text_comes_back_from_its_bytes(text: str):
    vocabulary = Vocabulary("byte", "")
    assert bytes(vocabulary.encode(text).tolist()) == text.encode()
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_numbers_are_in_the_order_of_code_points():
    assert Vocabulary.of("b€a😀b").encode("ab€😀").tolist() == [0, 1, 2, 3]


def test_unseen_characters_are_named_with_their_place():
    vocabulary = Vocabulary.of("abc\n")
    with pytest.raises(DataError, match=r"the prompt has 2 characters .*: U\+0007, 'x' .* \(first in line 2\)"):
        vocabulary.encode("ab\nax\x07", "the prompt")
    with pytest.raises(DataError, match="a character that the model has never seen"):
        vocabulary.encode("z")  # beyond the last one known
    with pytest.raises(DataError, match=r"U\+DCFF"):
        vocabulary.encode("\udcff")  # what a shell gives for a byte that is no UTF-8


def test_rare_characters_share_a_class_with_unseen_ones():
    vocabulary = Vocabulary.of("aabbc", min_count=2)
    assert (len(vocabulary), vocabulary.drawable) == (3, 2)
    assert vocabulary.encode("abcz").tolist() == [0, 1, 2, 2]
    assert vocabulary.decode([0, 2]) == "a\ufffd"


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"level": "word", "characters": "ab", "unseen": False},
        {"level": "char", "characters": "ba", "unseen": False},
        {"level": "char", "characters": "", "unseen": False},
        {"level": "byte", "characters": "a", "unseen": False},
        {"level": "byte", "characters": "", "unseen": True},
        {"level": "char", "characters": "ab"},
    ],
)
def test_a_damaged_vocabulary_is_refused(data: object):
    with pytest.raises(ModelError, match="vocabulary is damaged"):
        Vocabulary.from_json(data)
