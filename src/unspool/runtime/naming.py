"""A step graph by a text, for programs that can hold texts but no Python objects."""

import json
from functools import cache

from unspool.ir import StepGraph, graph_from_json, graph_to_json


def text_of(graph: StepGraph) -> str:
    """The graph as JSON on one line."""
    return json.dumps(graph_to_json(graph), separators=(",", ":"))


@cache
def graph_of(text: str) -> StepGraph:
    """The graph that `text_of` gave the text."""
    return graph_from_json(json.loads(text))
