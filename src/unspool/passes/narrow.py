"""Narrow: a product with an input of few features, feature by feature.

    before   h' = tanh(W @ x + R @ h)                         x [I], W [H, I]
    after    h' = tanh(W·0 ∘ x·0 + W·1 ∘ x·1 + R @ h)         I = 2; x·i a number, W·i column i of W

A series of one or a few numbers per step is what recurrent networks see most. There W x for all steps at once is bound
by memory: it writes and reads back T · B · H numbers for each that comes in. Unit by unit inside the loop it costs next
to nothing, and so does the gradient of W, which is then a sum like a bias's.
"""

from unspool.ir import Apply, GraphBuilder, Parameter, Read, StepGraph, Variable, Weight


def narrow(graph: StepGraph, features: int) -> StepGraph | None:
    """`graph` with `features` numbers, `x·0` …, for its first vector input x, and columns `W·0` … for its matrices.

    None where the input, or one of its matrices, has another use than in products with each other.
    """
    if not graph.vector_inputs:
        return None
    x, *others = graph.vector_inputs
    products = _products(graph, x)
    if not products:
        return None
    matrices = {w.name for w, _ in products.values()}
    builder, moved = GraphBuilder(), dict[int, int]()
    for position, node in enumerate(graph.nodes):
        if position in products:
            weight, shape = products[position]
            total = None
            for i in range(features):
                column = builder.add(Weight(column_name(weight.name, i), weight.gate, shape))
                term = builder.apply("multiply", column, builder.add(Read(column_name(x.name, i), ())))
                total = term if total is None else builder.apply("add", total, term)
            assert total is not None
            moved[position] = total
        elif isinstance(node, Apply):
            moved[position] = builder.apply(node.operation, *(moved[a] for a in node.arguments))
        elif not _is(node, x.name, matrices):
            moved[position] = builder.add(node)
    numbers = tuple(Variable(column_name(x.name, i), "") for i in range(features))
    parameters: list[Parameter] = []
    for p in graph.parameters:
        cut = p.name in matrices
        columns = [Parameter(column_name(p.name, i), p.shape[:1], p.gates) for i in range(features)]
        parameters += columns if cut else [p]
    return StepGraph(
        name=graph.name,
        inputs=(*numbers, *graph.number_inputs, *others),
        states=graph.states,
        parameters=tuple(parameters),
        nodes=tuple(builder.nodes),
        next_states=tuple(moved[p] for p in graph.next_states),
        output=moved[graph.output],
        names=tuple((moved[p], n) for p, n in graph.names if p in moved),
    )


def column_name(name: str, feature: int) -> str:
    """What feature `feature` of an input, or its column of a matrix, is called."""
    return f"{name}·{feature}"


def _products(graph: StepGraph, x: Variable) -> dict[int, tuple[Weight, tuple[str, ...]]]:
    """Position of each product with x → its matrix and its own shape; empty where x or a matrix has another use."""
    found: dict[int, tuple[Weight, tuple[str, ...]]] = {}
    for position, node in enumerate(graph.nodes):
        if isinstance(node, Apply) and node.operation == "product":
            matrix, operand = (graph.nodes[a] for a in node.arguments)
            if isinstance(operand, Read) and operand.name == x.name and isinstance(matrix, Weight):
                found[position] = matrix, node.shape
    matrices = {w.name for w, _ in found.values()}
    for position, node in enumerate(graph.nodes):
        arguments = [graph.nodes[a] for a in node.arguments] if isinstance(node, Apply) else []
        used = any(_is(a, x.name, matrices) for a in arguments)
        if (used and position not in found) or (_is(node, x.name, matrices) and position in graph.results):
            return {}
    return {} if any(w.shape[1] != x.size for w, _ in found.values()) else found


def _is(node: object, x: str, matrices: set[str]) -> bool:
    is_input = isinstance(node, Read) and node.name == x
    return is_input or (isinstance(node, Weight) and node.name in matrices)
