"""The step as a graph: nodes, shapes, printing, checking, JSON."""

from unspool.ir.build import GraphBuilder
from unspool.ir.check import check_graph
from unspool.ir.graph import Parameter, StepGraph, Variable
from unspool.ir.nodes import Apply, Constant, Node, Read, Weight
from unspool.ir.operations import MATRICES, OPERATIONS, REDUCTIONS, Operation
from unspool.ir.print import print_graph
from unspool.ir.serial import graph_from_json, graph_to_json
from unspool.ir.sizes import in_numbers, is_block_diagonal

__all__ = [
    "MATRICES",
    "OPERATIONS",
    "REDUCTIONS",
    "Apply",
    "Constant",
    "GraphBuilder",
    "Node",
    "Operation",
    "Parameter",
    "Read",
    "StepGraph",
    "Variable",
    "Weight",
    "check_graph",
    "graph_from_json",
    "graph_to_json",
    "in_numbers",
    "is_block_diagonal",
    "print_graph",
]
