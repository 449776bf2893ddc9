"""What the units of a row share is written before them: LLVM is not asked to find it."""

import re

import pytest

from unspool.backends.llvm import SweepKernel
from unspool.cells import built_in
from unspool.passes import make_plan
from unspool.passes.fold import fold
from unspool.passes.save import plan_training

_BLOCK = re.compile(r"^(\"?[\w.]+\"?):\n(.*?)(?=^\"?[\w.]+\"?:\n|^})", re.MULTILINE | re.DOTALL)

_ASKED = re.compile(r'"llvm\.prefetch\.p0"\(ptr [^,]+, i32 0,')
"""A line that is going to be read."""


def bodies(name: str, *, is_adjoint: bool) -> list[str]:
    """The bodies of the loops over units in `work`, but for those that only copy or clear."""
    training = plan_training(fold(make_plan(built_in()[name].graph)).forward)
    sweep = training.adjoint if is_adjoint else training.forward
    code = str(SweepKernel(sweep, "float32", is_adjoint=is_adjoint).source())
    work = code[code.index('define void @"work"') :]
    return [text for label, text in _BLOCK.findall(work[: work.index("\n}\n") + 3]) if label.startswith("unit.body")]


@pytest.mark.parametrize("is_adjoint", [False, True])
@pytest.mark.parametrize("name", sorted(built_in()))
def test_no_address_is_computed_for_every_vector(name: str, is_adjoint: bool):
    found = bodies(name, is_adjoint=is_adjoint)
    assert found
    for text in found:
        assert " mul i64" not in text
        assert "sdiv" not in text
        assert "inttoptr" not in text


@pytest.mark.parametrize("is_adjoint", [False, True])
def test_a_number_is_computed_once_for_a_row(is_adjoint: bool):
    """A layer norm divides by a root, which is the same for all units."""
    code = bodies("lstm_layernorm", is_adjoint=is_adjoint)
    assert not [text for text in code if "llvm.sqrt" in text]


@pytest.mark.parametrize("name", ["elman", "lstm", "mingru"])
def test_what_is_read_is_asked_for_a_step_ahead(name: str):
    """Each stream once where it is read: in the loop over whole vectors."""
    training = plan_training(fold(make_plan(built_in()[name].graph)).forward)
    asked = [line for text in bodies(name, is_adjoint=True) for line in text.splitlines() if _ASKED.search(line)]
    assert len(asked) == len(training.adjoint.reads)
