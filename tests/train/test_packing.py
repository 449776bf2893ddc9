"""What is packed comes back the same to the last bit, and nothing else is taken in."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unspool.errors import DataError
from unspool.train.packing import pack, unpack

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=30)
def test_plain_values_come_back(value: Any):
    back = unpack(pack(value))
    assert back == value
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.bool]
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (4, 5)])
def test_tensors_come_back(dtype: torch.dtype, shape: tuple[int, ...]):
    value = torch.randn(shape).to(dtype)
    back = unpack(pack({"a": [value, (value.clone(),)]}))
    assert back["a"][0].dtype == dtype
    torch.testing.assert_close(back["a"][0], value, rtol=0, atol=0)
    torch.testing.assert_close(back["a"][1][0], value, rtol=0, atol=0)


def test_views_shared_memory_and_odd_floats_come_back():
    base = torch.arange(12.0).view(3, 4)
    back = unpack(pack([base.T, base[1:], base[:, 1], base, math.inf, -math.inf, -0.0]))
    for a, b in zip(back, [base.T, base[1:], base[:, 1], base], strict=False):
        assert torch.equal(a, b)
    assert back[4:6] == [math.inf, -math.inf]
    assert math.copysign(1, back[6]) == -1
    assert math.isnan(unpack(pack(math.nan)))


def test_what_was_packed_is_a_copy():
    value = torch.zeros(3)
    data = pack(value)
    value += 1
    assert torch.equal(unpack(data), torch.zeros(3))


@pytest.mark.parametrize(
    ("value", "place"),
    [({"a": [1, {2}]}, r"state.a.1 is a set"), ({(1, 2): 3}, r"the key \(1, 2\)"), (lambda: 0, "state is a function")],
)
def test_what_cannot_be_packed_is_named(value: Any, place: str):
    with pytest.raises(DataError, match=place):
        pack(value)


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x80\x04K\x01.", pack([1])[:-1], pack([1])[4:]])
def test_other_bytes_are_refused(data: bytes):
    with pytest.raises(DataError, match="damaged"):
        unpack(data)
