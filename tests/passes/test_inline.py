"""Inline: W x in the loop is W x before it; it joins other products where all of it can."""

import numpy as np
import pytest

from tests.passes.sweeps import evaluate, text, values_for
from unspool.cells import built_in
from unspool.lang import Input, Matrix, State, Vector, cell, sigmoid, tanh
from unspool.passes import as_run
from unspool.passes.stages import schedule
from unspool.passes.sweep import Sweep
from unspool.runtime.compiled.cell import CompiledCell, compiled_cell

WHICH = ["inference", "training"]


def compiled(name: str) -> CompiledCell:
    return compiled_cell(as_run(built_in()[name].graph))


def hoisted(found: CompiledCell, which: str) -> Sweep:
    return found.folded.forward if which == "inference" else found.training.forward


def kept_of(found: CompiledCell) -> list[str]:
    return [name for product in found.kept_products for name in product.names]


def sums(sweep: Sweep) -> int:
    """How many accumulations there are in a step."""
    return sum(len(g.results) for stage in schedule(sweep).stages for g in stage.groups)


def test_the_docstrings_example():
    within, before = compiled("elman").inlined["inference"].sweep, compiled("elman").folded.forward
    assert text(before, "h'") == "tanh(b + bR + W@x + R @ h)"
    assert text(within, "h'") == "tanh(W @ x + R @ h + b + bR)"
    assert [r.name for r in within.reads] == ["x"]
    (stage,) = schedule(within).stages
    assert [len(g.terms) for g in stage.groups] == [2]


@pytest.mark.parametrize("which", WHICH)
@pytest.mark.parametrize("name", [n for n in built_in() if compiled(n).inlined])
def test_every_page_is_what_it_was(name: str, which: str):
    found = compiled(name)
    within, before = found.inlined[which].sweep, hoisted(found, which)
    values = values_for(before, 1) | values_for(within, 0)
    for product in found.folded.products:
        gates = found.parameters[product.weight].gates or (None,)
        for part, gate in zip(product.names, gates, strict=True):
            matrix = values[product.weight if gate is None else f"{product.weight}.{gate}"]
            values[part] = matrix @ values[product.input]
    there, here = evaluate(before, values), evaluate(within, values)
    pairs = [*zip(before.next_states, within.next_states, strict=True)]
    pairs += [(p, q) for (_, p), (_, q) in zip(before.writes, within.writes, strict=False)]
    for p, q in pairs:
        np.testing.assert_allclose(here[q], there[p], rtol=1e-12, atol=1e-12)
    kept = kept_of(found) if which == "training" else []
    assert [n for n, _ in within.writes] == [*(n for n, _ in before.writes), *kept]
    for name, position in within.writes[len(before.writes) :]:
        np.testing.assert_allclose(here[position], values[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("which", WHICH)
@pytest.mark.parametrize("name", [n for n in built_in() if compiled(n).inlined])
def test_it_joins_others_or_is_apart(name: str, which: str):
    found = compiled(name)
    within, before = found.inlined[which].sweep, hoisted(found, which)
    more = 0 if found.inlined[which].is_joined else len(_products(found))
    assert sums(within) == sums(before) + more
    assert not _products(found) & {r.name for r in within.reads}


def test_where_there_is_no_product_it_is_the_only_one_and_what_is_read_again_is_written():
    found = compiled("mingru")
    within = found.inlined["training"].sweep
    assert text(within, "h'") == "σ(b.z + W.z @ x) ∘ (b.n + W.n @ x) + (1 − σ(b.z + W.z @ x)) ∘ h"
    assert [n for n, _ in within.writes] == ["h'", "W@x.z", "W@x.n"]
    assert [n for n, _ in found.inlined["inference"].sweep.writes] == ["h'"]
    (stage,) = schedule(within).stages
    assert [len(g.results) for g in stage.groups] == [2]


def test_where_only_some_could_join_none_does():
    """A GRU's candidate is reset after the product: three products of x beside three of h, each stacked."""
    found = compiled("gru").inlined["training"]
    assert not found.is_joined
    (stage,) = schedule(found.sweep).stages
    assert [(len(g.results), len(g.terms)) for g in stage.groups] == [(3, 1), (3, 1)]


def test_which_pages_join():
    apart = {name for name in built_in() if (found := compiled(name).inlined) and not found["training"].is_joined}
    assert {"gru", "lstm_layernorm", "mingru", "indrnn", "lstm_multiplicative"} <= apart
    assert not apart & {"elman", "lstm", "gru_reset_before", "lem", "cornn", "slstm"}
    assert not compiled("lstm_multiplicative").inlined["inference"].is_joined, "W x is a factor there"


def test_a_sum_that_something_else_needs_is_left_as_it_is():
    @cell
    def shared(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector) -> State:
        a = W @ x
        return tanh(a + R @ h + b) * sigmoid(a)

    found = CompiledCell(as_run(shared.graph)).inlined["inference"]
    assert not found.is_joined
    assert sums(found.sweep) == 2


def _products(found: CompiledCell) -> set[str]:
    return {name for product in found.folded.products for name in product.names}
