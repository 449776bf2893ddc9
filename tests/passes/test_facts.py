"""What a cell costs: counted by hand, and against a layer's own parameters."""

import pytest

from unspool import Recurrent
from unspool.cells import built_in
from unspool.lang import Cell, Fixed, Gates, Input, Matrix, PerStep, Scalar, State, Vector, cell, tanh
from unspool.lang.starts import eye
from unspool.passes.facts import count_parameters, facts_of, further_sizes

PAGES = list(built_in().values())


@cell(start={"Q": eye()})
def odd(
    x: Input, h: State, m: PerStep, *, W: Matrix[Input], R: Matrix[State], Q: Fixed[Matrix[State]], b: Vector, a: Scalar
) -> State:
    return m * tanh(W @ x + a * (R @ tanh(Q @ h)) + b)


@pytest.mark.parametrize(
    ("name", "products", "matrices", "stages", "scans", "formula"),
    [
        ("elman", 1, 1, 1, (), "H·I + H·H + 2·H"),
        ("lstm", 1, 4, 1, (), "4·H·I + 4·H·H + 8·H"),
        ("gru", 1, 3, 1, (), "3·H·I + 3·H·H + 6·H"),
        ("gru_reset_before", 2, 3, 2, (), "3·H·I + 3·H·H + 3·H"),
        ("lem", 2, 4, 2, (), "4·H·I + 4·H·H + 4·H"),
        ("cornn", 1, 2, 1, (), "H·I + 2·H·H + H"),
        ("lstm_projection", 2, 5, 2, (), "4·H·I + 4·H·P + P·H + 8·H"),
        ("slstm", 1, 4, 1, (), "4·H·I + 4·H·H/N + 4·H"),
        ("indrnn", 0, 0, 1, (), "H·I + 2·H"),
        ("mingru", 0, 0, 1, ("h",), "2·H·I + 2·H"),
        ("esn", 1, 1, 1, (), "0"),
    ],
)
def test_pages_by_hand(name: str, products: int, matrices: int, stages: int, scans: tuple[str, ...], formula: str):
    facts = facts_of(built_in()[name].graph)
    assert (facts.products, facts.matrices, facts.stages) == (products, matrices, stages)
    assert (facts.scans, facts.formula) == (scans, formula)
    assert facts.is_diagonal == (products == 0)
    assert facts.is_scan == (len(scans) == len(facts.states))


def test_fixed_parameters_numbers_per_step_and_scalars():
    facts = facts_of(odd.graph)
    assert facts.numbers == ("m",)
    assert (facts.formula, [p.name for p in facts.fixed]) == ("H·I + H·H + H + 1", ["Q"])
    assert facts.count(3, 5) == 5 * 3 + 5 * 5 + 5 + 1
    assert facts.count(3, 5, fixed=True) == 25
    assert (facts.products, facts.stages) == (2, 2)


def test_a_number_that_has_a_default_need_not_be_given():
    assert facts_of(built_in()["lem"].graph).numbers == ()


@pytest.mark.parametrize("page", PAGES, ids=lambda c: c.name)
def test_counts_are_those_of_a_layer(page: Cell):
    inputs, units = 6, 12
    facts = facts_of(page.graph)
    layer = Recurrent(page, inputs, units, sizes=further_sizes(page.graph, units) or None)
    assert facts.count(inputs, units) == sum(p.numel() for p in layer.parameters())
    assert facts.count(inputs, units, fixed=True) == sum(b.numel() for b in layer.buffers())
    sizes = {"I": inputs, "H": units, **further_sizes(page.graph, units)}
    assert count_parameters((*facts.learned, *facts.fixed), sizes) == sum(
        v.numel() for v in layer.state_dict().values()
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda c: c.name)
def test_what_holds_of_every_page(page: Cell):
    facts = facts_of(page.graph)
    assert facts.matrices >= facts.products
    assert facts.stages >= 1
    assert not facts.is_scan or facts.is_diagonal


def test_a_stack_that_is_cut_for_registers_is_one_product():
    @cell(gates="a b c d e")
    def five(x: Input, h: State, *, W: Matrix[Input], R: Gates[State]) -> State:
        u = R @ h
        return W @ x + tanh(u.a) * tanh(u.b) * tanh(u.c) * tanh(u.d) * tanh(u.e)

    facts = facts_of(five.graph)
    assert (facts.products, facts.matrices, facts.stages) == (1, 5, 1)


def test_sizes_that_a_page_names_besides():
    assert further_sizes(built_in()["lstm_projection"].graph, 12) == {"P": 6}
    assert [further_sizes(built_in()["slstm"].graph, units)["N"] for units in (8, 6, 7)] == [4, 2, 1]
    assert further_sizes(built_in()["gru"].graph, 12) == {}
