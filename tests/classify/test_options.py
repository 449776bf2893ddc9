"""Options: what is taken by default, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from tests.classify.samples import easy
from unspool.classify.options import Options, candidates, check_options
from unspool.errors import UnspoolError


def test_auto_tries_every_pool():
    assert list(candidates(Options(), easy())) == ["pool last", "pool mean", "pool attention"]
    assert list(candidates(Options(pool="mean"), easy())) == ["pool mean"]


@pytest.mark.parametrize(("steps", "segment"), [(8, 1), (60, 1), (150, 3), (5000, 100)])
def test_long_sequences_are_read_in_segments(steps: int, segment: int):
    data = replace(easy(), values=tuple(np.zeros((steps, 2)) for _ in easy().values))
    assert candidates(Options(pool="last"), data)["pool last"].model.segment == segment


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("hidden_size", 0), ("members", 0), ("steps", -1), ("segment", 0), ("batch_size", 0), ("num_layers", 0)),
        *(("dropout", 1.0), ("dropout", float("nan")), ("label_smoothing", -0.1), ("noise", float("inf"))),
        *(("learning_rate", 0.0), ("learning_rate", float("nan")), ("seed", -1)),
        *(("pool", "max"), ("class_weight", "equal"), ("cell", "grru")),
    ],
)
def test_refused(option: str, value: object):
    with pytest.raises(UnspoolError) as caught:
        check_options(replace(Options(), **{option: value}))  # pyright: ignore[reportArgumentType]
    assert caught.value.hint
    assert str(value) in caught.value.message
