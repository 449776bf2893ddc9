"""Builds a graph node by node; the same expression is never built twice."""

from collections.abc import Iterable, Sequence

from unspool.errors import CellError
from unspool.ir.graph import Parameter, StepGraph, Variable
from unspool.ir.nodes import Apply, Constant, Node, Read, Shape, Weight
from unspool.ir.operations import DERIVED, MATRICES, OPERATIONS, REDUCTIONS
from unspool.ir.sizes import is_block_diagonal, plain_letters


class GraphBuilder:
    """Collects nodes in order and gives each distinct one a position."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._positions: dict[Node, int] = {}

    def add(self, node: Node) -> int:
        """Position of `node`, added if it is new."""
        position = self._positions.get(node)
        if position is None:
            position = self._positions[node] = len(self.nodes)
            self.nodes.append(node)
        return position

    def read(self, variable: Variable) -> int:
        """An input or a state."""
        return self.add(Read(variable.name, variable.shape))

    def weight(self, parameter: Parameter, gate: str | None = None) -> int:
        """A parameter, or one gate's rows of it."""
        return self.add(Weight(parameter.name, gate, parameter.shape))

    def constant(self, value: float) -> int:
        """A number."""
        return self.add(Constant(float(value)))

    def apply(self, operation: str, *arguments: int) -> int:
        """`operation` on earlier nodes.

        Raises:
            CellError: the shapes do not fit.
        """
        shape = result_shape(operation, [self.nodes[a].shape for a in arguments])
        return self.add(Apply(operation, arguments, shape))

    def finish(
        self,
        name: str,
        inputs: tuple[Variable, ...],
        states: tuple[Variable, ...],
        parameters: tuple[Parameter, ...],
        next_states: tuple[int, ...],
        output: int,
        names: dict[int, str],
    ) -> StepGraph:
        """The graph of everything that the results need, and nothing else."""
        kept = sorted(needed_for(self.nodes, (*next_states, output)))
        moved = {old: new for new, old in enumerate(kept)}
        nodes = tuple(_move(self.nodes[old], moved) for old in kept)
        used = {n.name for n in nodes if isinstance(n, Weight)}
        return StepGraph(
            name=name,
            inputs=inputs,
            states=states,
            parameters=tuple(p for p in parameters if p.name in used),
            nodes=nodes,
            next_states=tuple(moved[p] for p in next_states),
            output=moved[output],
            names=tuple(sorted((moved[p], n) for p, n in names.items() if p in moved)),
        )


def result_shape(operation: str, shapes: list[Shape]) -> Shape:
    """Shape of an operation's result: a product maps, a reduction gives a number, everything else works unit by unit,
    on vectors or on matrices.

    Raises:
        CellError: the shapes do not fit, with both shapes.
    """
    known = OPERATIONS.get(operation) or DERIVED.get(operation) or MATRICES.get(operation)
    if known is None or known.arity != len(shapes):
        raise CellError(f"no operation '{operation}' with {len(shapes)} arguments")
    if operation == "product":
        matrix, right = shapes
        if len(matrix) != 2 or not right or not _fits(matrix, right):
            raise CellError(
                f"matrix product: {_show(matrix)} @ {_show(right)} does not fit",
                hint="the left side is a matrix, the right side a vector (or matrix) of the size it was declared for",
            )
        return (matrix[0], *right[1:])
    if operation == "transpose":
        (matrix,) = shapes
        return matrix if is_block_diagonal(matrix) else matrix[::-1]
    if operation in MATRICES:
        (matrix,) = shapes
        if len(matrix) != 2 or matrix[0] != matrix[1]:
            raise CellError(f"{operation}: {_show(matrix)} is not a square matrix")
        return matrix
    if operation in REDUCTIONS:
        if len(shapes[0]) != 1:
            raise CellError(
                f"{operation}: {_show(shapes[0])} has no units to go over",
                hint="it takes a vector: an input, a state, or what is computed from them unit by unit",
            )
        return ()
    widest: Shape = max(shapes, key=len)
    for shape in shapes:
        if shape not in ((), widest):
            raise CellError(
                f"{operation}: {' and '.join(_show(s) for s in shapes)} cannot be combined unit by unit",
                hint="both sides must be of one shape, or numbers; a matrix changes the size of a vector: W @ x",
            )
    return widest


def needed_for(nodes: Sequence[Node], results: Iterable[int]) -> frozenset[int]:
    """Positions of `results` and of everything that they are computed from."""
    seen: set[int] = set()
    todo = list(results)
    while todo:
        position = todo.pop()
        if position not in seen:
            seen.add(position)
            node = nodes[position]
            if isinstance(node, Apply):
                todo.extend(node.arguments)
    return frozenset(seen)


def _move(node: Node, moved: dict[int, int]) -> Node:
    if isinstance(node, Apply):
        return Apply(node.operation, tuple(moved[a] for a in node.arguments), node.shape)
    return node


def _fits(matrix: Shape, right: Shape) -> bool:
    """Whether a matrix takes a vector or a matrix; a block-diagonal one takes vectors of its own rows' size."""
    if is_block_diagonal(matrix):
        return len(right) == 1 and matrix[0] == right[0] == plain_letters(matrix[1])[0]
    return matrix[1] == right[0] and not is_block_diagonal(right)


def _show(shape: Shape) -> str:
    return f"[{', '.join(shape)}]" if shape else "number"
