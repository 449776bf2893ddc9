"""A drawing of a step shows the step: its products, its values by name, and its states fed back or handed on."""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from itertools import combinations

import pytest

from unspool.cells import built_in, find_cell
from unspool.ir import Apply, StepGraph
from unspool.lang import Input, Matrix, Scalar, State, Vector, cell, layer_norm, sigmoid, tanh
from unspool.report.drawing.step import draw_step
from unspool.report.drawing.step.contraction import parts_of
from unspool.report.drawing.step.items import BOX
from unspool.report.drawing.step.parts import Feed, Part, Step
from unspool.report.drawing.step.placed import placed
from unspool.report.palette import MODEL_COLOUR

SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> Counter[str]:
    return Counter("".join(t.itertext()) for t in ElementTree.fromstring(svg).iter(f"{SVG}text"))


def ancestors(step: Step, part: Part) -> set[int | str]:
    """Everything that a part is computed from."""
    found: set[int | str] = set()
    todo = [f.source for f in part.feeds]
    while todo:
        source = todo.pop()
        if source not in found:
            found.add(source)
            todo += [f.source for f in step.parts[source].feeds] if isinstance(source, int) else []
    return found


@pytest.mark.parametrize("name", built_in())
@pytest.mark.parametrize("steps", [1, 3])
def test_every_cell_is_a_drawing_by_itself(name: str, steps: int):
    svg = draw_step(built_in()[name].graph, steps)
    tree = ElementTree.fromstring(svg)
    assert tree.find(f"{SVG}title") is not None
    assert not re.search(r"href|url\((?!#)|<script|NaN|inf\b|\n\n", svg)
    left, top, width, height = map(float, tree.attrib["viewBox"].split())
    for shape in tree.iter(f"{SVG}rect"):
        x, y, w, h = (float(shape.attrib[k]) for k in ("x", "y", "width", "height"))
        assert left <= x < x + w <= left + width
        assert top <= y < y + h <= top + height
    assert draw_step(built_in()[name].graph, steps) == svg


@pytest.mark.parametrize("name", built_in())
def test_every_product_is_a_box_and_every_box_has_its_own_place(name: str):
    graph = built_in()[name].graph
    it = placed(parts_of(graph))
    products = [n for n in graph.nodes if isinstance(n, Apply) and n.operation == "product"]
    assert sum(p.kind in ("before", "product") for p in it.step.parts) == len(products)
    for (one, x), (other, z) in combinations(zip(it.layout.items, it.layout.xs, strict=True), 2):
        if one.row == other.row:
            assert abs(x - z) >= (one.width + other.width) / 2 + 1
    for before, after in zip(it.rows, it.rows[1:], strict=False):
        assert before - after >= BOX
    for part, item in zip(it.step.parts, it.layout.items, strict=False):
        assert all(it.layout.items[f.source].row < item.row for f in part.feeds if isinstance(f.source, int))


@pytest.mark.parametrize("name", built_in())
def test_every_state_and_input_that_matters_arrives(name: str):
    graph = built_in()[name].graph
    it = placed(parts_of(graph))
    read = {f.source for p in it.step.parts for f in p.feeds if isinstance(f.source, str)}
    assert read <= set(it.entries)
    assert set(it.exits) == {s.name for s in graph.states}
    labels = words(draw_step(graph, 3))
    for state in read & set(it.step.states):
        assert labels[f"{state}0"] == 1
    assert all(labels[f"{name}{t}"] == 1 for name in read & set(it.step.inputs) for t in (1, 2, 3))


def test_the_gated_recurrent_unit():
    step = parts_of(find_cell("gru").graph)
    named = {p.name: p for p in step.parts if p.name}
    assert set(named) == {"r", "z", "n", "h'"}
    assert (named["r"].kind, named["r"].label) == ("function", "σ")
    assert {step.parts[f.source].label for f in named["r"].feeds if isinstance(f.source, int)} == {"W_r", "R_r"}
    assert Counter(p.label for p in step.parts) == Counter(
        ["W_r", "W_z", "W_n", "R_r", "R_z", "R_n", "σ", "σ", "tanh", "×", "×", "×", "1 −", "+"]
    )
    assert ancestors(step, named["n"]) >= {"x", "h"}
    kinds = {p.label: p.kind for p in step.parts}
    assert (kinds["W_r"], kinds["R_r"]) == ("before", "product")


def test_the_lstm_hands_two_states_on():
    graph = find_cell("lstm").graph
    compressed, unrolled = draw_step(graph), draw_step(graph, 4)
    for label, count in {"Wi": 1, "Rf": 1, "tanh": 2, "σ": 3, "×": 3, "+": 1}.items():
        assert words(compressed)[label] == count
        assert words(unrolled)[label] == 4 * count
    assert words(compressed) >= Counter(["ct−1", "ht−1", "xt", "ct", "ht"])
    assert words(unrolled) >= Counter(["c0", "h0", "x4", "c4", "h4"])
    fed = [p for p in ElementTree.fromstring(compressed).iter(f"{SVG}path") if p.get("d", "").count("Q") == 4]
    assert [p.get("stroke") for p in fed] == [MODEL_COLOUR] * 2


def signs(graph: StepGraph) -> list[str]:
    step = parts_of(graph)
    (last,) = step.following
    assert isinstance(last, int)
    return [f.mark for f in step.parts[last].feeds]


def test_what_is_subtracted_or_divides_is_marked():
    @cell
    def differs(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return W @ x - (h - tanh(h)) - sigmoid(h)

    @cell
    def divides(x: Input, h: State, *, W: Matrix[Input]) -> State:
        return (W @ x) * h / (tanh(h) / sigmoid(h))

    assert sorted(signs(differs.graph)) == ["", "", "−", "−"]
    assert sorted(signs(divides.graph)) == ["", "", "", "÷"]


def test_parameters_and_numbers_are_labels():
    @cell
    def scaled(x: Input, h: State, *, W: Matrix[Input], u: Vector, a: Scalar, b: Vector) -> State:
        return tanh(W @ x + b + 0.5 * (sigmoid(u) * h) + h / (1 + a)) + 1

    labels = {p.label: p.kind for p in parts_of(scaled.graph).parts}
    assert labels == {"W": "before", "0.5 σ(u)": "scale", "1/(1 + a)": "scale", "tanh": "function", "1 +": "operation"}


def test_layer_normalisation_is_one_part():
    @cell(gates="f n")
    def normal(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], a: Vector) -> State:
        return tanh(W @ x + a * layer_norm(R @ h))

    (norm,) = (p for p in parts_of(normal.graph).parts if p.label == "layer norm")
    assert len(norm.feeds) == 1
    assert len(parts_of(normal.graph).parts) == 5


def test_a_state_that_is_handed_on_as_it_is():
    @cell
    def delay(x: Input, h: State, before: State, *, W: Matrix[Input]) -> tuple[State, State]:
        return tanh(W @ x + before), h

    step = parts_of(delay.graph)
    assert step.following[1] == "h"
    assert step.parts[0].feeds == (Feed("x"),)
    assert words(draw_step(delay.graph, 2)) >= Counter(["h0", "before0", "h2", "before2"])
