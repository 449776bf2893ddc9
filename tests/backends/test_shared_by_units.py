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


def work(name: str, *, is_adjoint: bool) -> str:
    """The code of the time loop."""
    training = plan_training(fold(make_plan(built_in()[name].graph)).forward)
    sweep = training.adjoint if is_adjoint else training.forward
    code = str(SweepKernel(sweep, "float32", is_adjoint=is_adjoint).source())
    code = code[code.index('define void @"work"') :]
    return code[: code.index("\n}\n") + 3]


def bodies(code: str) -> list[str]:
    """The bodies of the loops over units in it."""
    return [text for label, text in _BLOCK.findall(code) if label.startswith("unit.body")]


@pytest.mark.parametrize("is_adjoint", [False, True])
@pytest.mark.parametrize("name", sorted(built_in()))
def test_no_address_is_computed_for_every_vector(name: str, is_adjoint: bool):
    found = bodies(work(name, is_adjoint=is_adjoint))
    assert found
    for text in found:
        assert " mul i64" not in text
        assert "sdiv" not in text
        assert "inttoptr" not in text


@pytest.mark.parametrize(("number", "is_adjoint"), [("llvm.sqrt", False), ("sitofp", False), ("sitofp", True)])
def test_a_number_is_computed_once_for_a_row(number: str, is_adjoint: bool):
    """A layer norm divides by a root and by the number of units, which are the same for all of them."""
    code = work("lstm_layernorm", is_adjoint=is_adjoint)
    assert number in code
    assert not [text for text in bodies(code) if number in text]


@pytest.mark.parametrize("name", ["elman", "lstm", "mingru"])
def test_what_is_read_is_asked_for_a_step_ahead(name: str):
    """Each stream once where it is read, in the loop over whole vectors: where a step from there is."""
    code = work(name, is_adjoint=True)
    streams = re.findall(r'mul i64 %"read_step_([^"]+)", %"direction"', code)
    read = plan_training(fold(make_plan(built_in()[name].graph)).forward).adjoint.reads
    assert sorted(streams) == sorted(r.name.replace(" ", "_") for r in read)
    assert len([line for text in bodies(code) for line in text.splitlines() if _ASKED.search(line)]) == len(read)
