"""A graph survives JSON; damaged JSON is refused, or is another good graph."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.random_cells import graphs
from unspool.cells import built_in
from unspool.errors import CellError
from unspool.ir import StepGraph, graph_from_json, graph_to_json, print_graph
from unspool.passes import make_plan, print_plan

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 60),
    st.floats(),
    st.sampled_from(["", "H", "I", "H/N", "/", "h", "W", "add", "read", "product", "sum", "power", "1", "a b"]),
    st.lists(st.integers(-1, 40), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


def through_json(graph: StepGraph) -> Any:
    return json.loads(json.dumps(graph_to_json(graph)))


@settings(max_examples=40)
@given(graphs())
def test_a_random_cell_survives(graph: StepGraph):
    assert graph_from_json(through_json(graph)) == graph


@pytest.mark.parametrize("name", built_in())
def test_a_page_survives(name: str):
    graph = built_in()[name].graph
    assert graph_from_json(through_json(graph)) == graph


@given(st.data())
def test_damaged_json_is_refused_or_good(data: st.DataObject):
    damaged = through_json(built_in()[data.draw(st.sampled_from(["gru", "lstm_projection"]))].graph)
    for _ in range(data.draw(st.integers(1, 2))):
        damaged = damage(damaged, data.draw)
    try:
        graph = graph_from_json(damaged)
    except CellError:
        return
    print_graph(graph)
    print_plan(make_plan(graph))
    assert graph_from_json(json.loads(json.dumps(graph_to_json(graph)))) == graph or has_nan(graph)


def damage(whole: Any, draw: Any) -> Any:
    """One value somewhere replaced, dropped or doubled."""
    whole = copy.deepcopy(whole)
    part = whole
    while True:
        if not isinstance(part, dict | list) or not part:
            return draw(JUNK)
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        key = draw(st.sampled_from(keys))
        if isinstance(part[key], dict | list) and part[key] and draw(st.integers(0, 4)):
            part = part[key]
            continue
        match draw(st.sampled_from(["replace", "drop", "double"])):
            case "replace":
                part[key] = draw(JUNK)
            case "drop":
                del part[key]
            case _ if isinstance(part, list):
                part.insert(key, part[key])
            case _:
                pass
        return whole


def has_nan(graph: StepGraph) -> bool:
    return any(getattr(n, "value", 0.0) != getattr(n, "value", 0.0) for n in graph.nodes)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "format 2 is not known"),
        ({"name": None, "nodes": None}, "not a step graph"),
        ({"states": []}, "no state|states but|declared"),
        ({"states": [["x", "H"]]}, "declared twice"),
        ({"inputs": [["", "I"]]}, "not a name"),
        ({"inputs": [["y", "I"]]}, "reads 'x', which is not declared"),
        ({"states": [["h", ""]]}, r"'h' cannot be of size \[\]"),
        ({"inputs": [["x", "I/N"]]}, "'x' cannot be of size"),
        ({"parameters": [["W", ["H", "I/N"], []]]}, r"'W' cannot be of shape \[H, I/N\]"),
        ({"parameters": [["W", ["H", "H/N/M"], []]]}, "'W' cannot be of shape"),
        ({"parameters": [["W", ["H", "H/"], []]]}, "'W' cannot be of shape"),
        ({"parameters": [["W", ["H", ""], []]]}, "'W' cannot be of shape"),
        ({"parameters": [["W", ["H/N"], []]]}, "'W' cannot be of shape"),
        ({"parameters": []}, "takes weight 'W', which is not declared"),
        ({"nodes": []}, "outside the graph"),
        ({"nodes": [["apply", "add", [0, 0], []]]}, "does not come before"),
        ({"nodes": [["read", "x", ["I"]], ["apply", "add", [0, 0], ["H"]]]}, "states a wrong shape"),
        ({"nodes": [["constant", 1.0], ["apply", "cube", [0], []]]}, "no operation 'cube'"),
        ({"nodes": [["run", "this"]]}, "unknown node"),
        ({"next_states": [0]}, "the next h is not a vector of size H"),
        ({"next_states": []}, "1 states but 0 next states"),
        ({"next_states": [-1]}, "outside the graph"),
        ({"output": 999}, "outside the graph"),
        ({"output": float("inf")}, "not a step graph"),
        ({"names": [[999, "r"]]}, "outside the graph"),
    ],
)
def test_each_damage_is_named(change: dict[str, Any], says: str):
    data = {**through_json(built_in()["gru"].graph), **change}
    with pytest.raises(CellError, match=says):
        graph_from_json(data)


@pytest.mark.parametrize("data", [None, [], "gru", 3, {}])
def test_what_is_no_graph_is_refused(data: Any):
    with pytest.raises(CellError, match="not a step graph"):
        graph_from_json(data)


def test_gates_must_be_distinct_and_stackable():
    data = through_json(built_in()["gru"].graph)
    data["parameters"][0][2] = ["r", "r", "n"]
    with pytest.raises(CellError, match="gates of 'W'"):
        graph_from_json(data)
