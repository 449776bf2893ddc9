"""The drop-ins give torch.nn's outputs, final states and gradients, for every option and every form of x."""

from itertools import product

import pytest
import torch

from tests.nn.dropins import FORMS, KINDS, Call, call_for, outcome, pair, seed

ALLOWED = {torch.float32: 1e-5, torch.float64: 1e-10}
"""The issue's gate, not what is usual: the differences are those of rounding."""


@pytest.mark.parametrize(
    ("num_layers", "bidirectional", "dtype"),
    [*product([1, 2], [False, True], [torch.float64]), (2, True, torch.float32)],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_option(kind: str, num_layers: int, bidirectional: bool, dtype: torch.dtype):
    for bias, batch_first in product([True, False], repeat=2):
        theirs, ours = pair(
            kind, num_layers=num_layers, bias=bias, batch_first=batch_first, bidirectional=bidirectional, dtype=dtype
        )
        for form, states in product(FORMS, [False, True]):
            same(theirs, ours, call_for(ours, form, states=states), dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_three_layers(kind: str):
    theirs, ours = pair(kind, num_layers=3, bidirectional=True, dtype=torch.float64)
    same(theirs, ours, call_for(ours, "packed unsorted", states=True), torch.float64)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_dropout_drops_the_same_values(kind: str, bidirectional: bool, batch_first: bool):
    """The mask between layers is drawn as torch draws it; for a packed sequence the same holds only in distribution."""
    theirs, ours = pair(kind, num_layers=3, dropout=0.5, bidirectional=bidirectional, batch_first=batch_first)
    same(theirs, ours, call_for(ours, "batched", states=True), torch.float32)
    differs, _ = outcome(ours, call_for(ours, "batched", states=True))
    again, _ = outcome(ours, call_for(ours, "batched", states=True))
    assert not torch.equal(differs["output"], outcome(ours.eval(), call_for(ours, "batched", states=True))[0]["output"])
    assert torch.equal(differs["output"], again["output"])


def same(theirs: torch.nn.Module, ours: torch.nn.Module, call: Call, dtype: torch.dtype) -> None:
    seed(2)
    expected, expected_packing = outcome(theirs, call)
    seed(2)
    found, packing = outcome(ours, call)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape
        assert found[name].dtype == value.dtype == dtype
        far = float((found[name] - value).abs().max())
        assert far <= ALLOWED[dtype], (name, call.form, far)
    assert (packing is None) == (expected_packing is None)
    if packing is not None and expected_packing is not None:
        for field in ("batch_sizes", "sorted_indices", "unsorted_indices"):
            theirs_field, ours_field = getattr(expected_packing, field), getattr(packing, field)
            assert (theirs_field is None) == (ours_field is None)
            assert theirs_field is None or torch.equal(theirs_field, ours_field)
