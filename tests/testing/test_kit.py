"""The kit sees what is broken on purpose: an operation, its derivative, a reset, padding, precision, a layout."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.lang.mgu_page import mgu
from unspool.backends.reference import ReferenceKernel
from unspool.backends.reference.operations import TORCH
from unspool.errors import CellError
from unspool.ir import graph_to_json
from unspool.lang import Cell, Input, Matrix, PerStep, State, Vector, cell, tanh
from unspool.passes import Plan
from unspool.passes.adjoint import RULES
from unspool.runtime import parameters
from unspool.runtime.dispatch import BACKENDS
from unspool.testing import check_cell, checks, saving

Call = dict[str, Any]
"""The arguments of a kernel, by name."""

Results = tuple[Tensor, tuple[Tensor, ...]]


def leaky() -> Cell:
    """A cell with a number per step; for every call of this another one, which no cache knows."""

    @cell
    def leaky(x: Input, h: State, c: State, dt: PerStep, *, W: Matrix[Input], v: Vector) -> tuple[State, State]:
        c = c + dt * (tanh(W @ x + v * h) - c)
        h = tanh(c)
        return h, c

    leaky_count.append(len(leaky_count))
    name = f"leaky{len(leaky_count)}"
    return Cell(name, replace(leaky.graph, name=name))


leaky_count: list[int] = []


def failing(subject: Cell, backend: str, *dtypes: torch.dtype) -> dict[str, str]:
    """Check → what it says, of those that fail."""
    try:
        check_cell(subject, backends=[backend], dtypes=dtypes or None)
    except AssertionError as error:
        first, *lines = str(error).splitlines()
        assert first == f"cell '{subject.name}' fails {len(lines)} of its checks:"
        return dict(line.strip().split(": ", 1) for line in lines)
    return {}


def forgets_resets(run: Callable[..., Results], given: Call) -> Results:
    return run(**given | {"reset": None, "rest": None})


def forgets_the_way(run: Callable[..., Results], given: Call) -> Results:
    return run(**given | {"reverse": False})


def forgets_lengths(run: Callable[..., Results], given: Call) -> Results:
    """Its outputs beyond an end are zero, its final states those of the padding."""
    output, final = run(**given | {"lengths": None})
    if given["lengths"] is not None:
        output = output * (torch.arange(len(output))[:, None] < given["lengths"])[..., None]
    return output, final


def lets_padding_leak(run: Callable[..., Results], given: Call) -> Results:
    output, final = run(**given)
    return output + 0 * given["inputs"]["x"].sum(), final


def is_coarse(run: Callable[..., Results], given: Call) -> Results:
    """In float32 it has the precision of half of it."""
    output, final = run(**given)
    return output.bfloat16().to(output.dtype) if output.dtype == torch.float32 else output, final


def mixes_sequences(run: Callable[..., Results], given: Call) -> Results:
    output, final = run(**given)
    return output + 1e-4 * output.roll(1, 1), final


def reads_storage(run: Callable[..., Results], given: Call) -> Results:
    """As if every input were contiguous."""
    inputs = {}
    for name, x in given["inputs"].items():
        usual = [x.shape[1] * x.shape[2], x.shape[2], 1]
        inputs[name] = x if x.is_contiguous() else torch.as_strided(x, x.shape, usual)
    return run(**given | {"inputs": inputs})


def stops_a_gradient(run: Callable[..., Results], given: Call) -> Results:
    """Through the final states nothing flows back."""
    output, final = run(**given)
    return output, tuple(f.detach() for f in final)


def refuses_no_sequences(run: Callable[..., Results], given: Call) -> Results:
    if not given["initial"][0].shape[0]:
        raise RuntimeError("nothing to do")
    return run(**given)


def is_stateful(run: Callable[..., Results], given: Call) -> Results:
    """A first step knows whether others follow."""
    output, final = run(**given)
    return output + 1e-6 * len(output), final


FAULTS: dict[Callable[..., Results], set[str]] = {
    forgets_resets: {"outputs and final states", "every gradient", "chunked is whole"},
    forgets_the_way: {"outputs and final states", "every gradient", "chunked is whole"},
    forgets_lengths: {"outputs and final states", "every gradient", "padding may hold anything"},
    lets_padding_leak: {"padding may hold anything"},
    is_coarse: {"outputs and final states", "every gradient"},
    mixes_sequences: {"outputs and final states", "a batch is its sequences one by one"},
    reads_storage: {"an input of any layout"},
    stops_a_gradient: {"every gradient"},
    refuses_no_sequences: {"an empty batch"},
    is_stateful: {"outputs and final states", "chunked is whole", "a batch is its sequences one by one"},
}


class Broken:
    """The reference with a fault."""

    def __init__(self, plan: Plan, fault: Callable[..., Results]) -> None:
        self.run, self.fault = ReferenceKernel(plan), fault

    def __call__(
        self,
        inputs: Mapping[str, Tensor],
        parameters: Mapping[str, Tensor],
        initial: Sequence[Tensor],
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
        rest: Sequence[Tensor] | None = None,
        reverse: bool = False,
    ) -> Results:
        given = {"inputs": inputs, "parameters": parameters, "initial": initial}
        return self.fault(self.run, given | {"lengths": lengths, "reset": reset, "rest": rest, "reverse": reverse})


@pytest.mark.parametrize(("fault", "seen"), FAULTS.items(), ids=lambda f: getattr(f, "__name__", ""))
def test_a_faulty_backend(fault: Callable[..., Results], seen: set[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(BACKENDS, "broken", lambda plan: Broken(plan, fault))
    subject = leaky()
    found = failing(subject, "broken")
    assert seen <= {name.partition(" (")[0] for name in found}, found
    assert all(said.startswith((f"{subject.name}, broken, float", "RuntimeError: ")) for said in found.values()), found
    if fault is is_coarse:
        assert all("float32" in name for name in found)


def test_without_a_fault():
    assert failing(leaky(), "reference") == {}


def test_a_message_says_what_where_and_by_how_much(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(BACKENDS, "broken", lambda plan: Broken(plan, is_stateful))
    subject = leaky()
    said = failing(subject, "broken", torch.float64)["outputs and final states (broken, float64)"]
    assert said == f"{subject.name}, broken, float64, plain: output is off by 7e-06; allowed is 3.4e-14"


def test_a_wrong_operation(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(TORCH, "tanh", lambda a: torch.tanh(a) * (1 + 1e-12))
    assert "outputs and final states (reference, float64)" in failing(leaky(), "reference", torch.float64)


def test_a_wrong_derivative_in_torch(monkeypatch: pytest.MonkeyPatch):
    def wrong(a: Tensor) -> Tensor:
        y = torch.tanh(a)
        return y + 1e-3 * (a - a.detach())

    monkeypatch.setitem(TORCH, "tanh", wrong)
    found = failing(leaky(), "reference", torch.float64)
    assert "gradients are finite differences (reference, float64)" in found
    assert "outputs and final states (reference, float64)" not in found


def test_a_wrong_rule_of_the_adjoint(monkeypatch: pytest.MonkeyPatch):
    """In compiled code, by less than finite differences would see."""
    monkeypatch.setitem(RULES, "tanh", lambda a, y, d: (d * (1.0 - y * y) * (1 + 1e-10),))
    found = failing(leaky(), "llvm", torch.float64)
    assert "every gradient (llvm, float64)" in found
    assert "outputs and final states (llvm, float64)" not in found


def test_a_matrix_that_does_not_learn(monkeypatch: pytest.MonkeyPatch):
    """The page makes K of M; kernels are given K, and their gradients by it are right."""

    @cell
    def turning(x: Input, h: State, *, W: Matrix[Input], M: Matrix[State]) -> State:
        K = M - M.T
        return tanh(W @ x + K @ h)

    monkeypatch.setitem(parameters._OPERATIONS, "transpose", lambda a: a.mT.detach())
    assert set(failing(turning, "reference")) == {"a layers gradients are finite differences"}


def test_a_graph_that_changes_in_json(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(saving, "graph_to_json", lambda graph: {**graph_to_json(graph), "name": "another"})
    found = failing(leaky(), "reference", torch.float64)
    assert "its graph comes back from JSON as another one" in found["the graph survives json"]


def test_a_page_that_leaves_the_finite_numbers():
    @cell
    def divides(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return (W @ x) / h

    found = failing(divides, "reference")
    assert any("after three steps from zero h is not finite" in said for said in found.values())


def test_each_check_alone_and_named():
    found = list(checks(mgu))
    assert len({check.name for check in found}) == len(found)
    assert {b for b in BACKENDS if any(f"({b}, float32)" in str(check) for check in found)} == set(BACKENDS)
    next(check for check in found if check.name == "the jacobian is autograds")()
    with pytest.raises(CellError, match="unknown cell 'gruu'"):
        check_cell("gruu")
