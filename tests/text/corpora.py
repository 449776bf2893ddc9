"""Small texts and small models that the tests share."""

from functools import cache
from typing import Any

from unspool.text import TextModel

WORDS = "the cat sat on the mat, and the rat sat on the hat.\n"
SMALL: dict[str, Any] = {"hidden_size": 12, "num_layers": 2, "chunk": 16, "batch_size": 4, "validations": 2}


@cache
def trained(level: str = "char", text: str = WORDS * 40, steps: int = 200, **options) -> TextModel:
    """A model that knows a little about a text."""
    return TextModel(level=level, steps=steps, **{**SMALL, **options}).train(text)
