"""Chain: layers of a cell as one step.

    before   h' = tanh(W @ x + R @ h)
    after    h_l0' = tanh(W_l0 @ x + R_l0 @ h_l0)
             h_l1' = tanh(W_l1 @ h_l0' + R_l1 @ h_l1)          what a stack of two layers does in a step

Layer after layer, each over all steps, is the faster way to run a stack; as one step it can be fed its own output.
Names are those of a layer's stored parameters. The output is the last layer's.
"""

from dataclasses import replace
from functools import cache

from unspool.errors import CellError
from unspool.ir import Apply, GraphBuilder, Parameter, Read, StepGraph, Variable, Weight


@cache
def chained(graph: StepGraph, layers: int, residual: bool = False) -> StepGraph:
    """`layers` layers of a cell as one step, each with states and parameters of its own: `h_l0`, `W_l0`, `h_l1` …

    Inputs that are numbers are read by every layer. All layers have as many units. With `residual` a layer above the
    first adds its input to its output.

    Raises:
        CellError: the page reads several vectors, or a state of the size of its input, which layers do not share.
    """
    if len(graph.vector_inputs) != 1:
        raise CellError(f"{graph.name}: layers are chained by one input; the page has {len(graph.vector_inputs)}")
    (x,) = graph.vector_inputs
    if layers > 1 and any(s.size == x.size for s in graph.states):
        raise CellError(f"{graph.name}: a state has the input's size, which layers above the first do not share")
    builder, below = GraphBuilder(), None
    states: list[Variable] = []
    parameters: list[Parameter] = []
    after: list[int] = []
    names: dict[int, str] = {}
    for layer in range(layers):
        suffix = f"_l{layer}"
        inside = {x.size: graph.output_size} if layer else {}
        own = {s.name for s in graph.states}
        moved: list[int] = []
        for node in graph.nodes:
            match node:
                case Apply(operation, arguments, _):
                    moved.append(builder.apply(operation, *(moved[a] for a in arguments)))
                case Read(name, shape) if name in own:
                    moved.append(builder.add(Read(name + suffix, shape)))
                case Read(name, _) if name == x.name and below is not None:
                    moved.append(below)
                case Weight(name, gate, shape):
                    moved.append(builder.add(Weight(name + suffix, gate, _renamed(shape, inside))))
                case _:
                    moved.append(builder.add(node))
        told = moved[graph.output]
        below = told if below is None or not residual else builder.apply("add", below, told)
        states += [Variable(s.name + suffix, s.size) for s in graph.states]
        parameters += [replace(p, name=p.name + suffix, shape=_renamed(p.shape, inside)) for p in graph.parameters]
        after += [moved[p] for p in graph.next_states]
        names |= {moved[p]: n + suffix for p, n in graph.names}
    assert below is not None
    return builder.finish(graph.name, graph.inputs, tuple(states), tuple(parameters), tuple(after), below, names)


def _renamed(shape: tuple[str, ...], letters: dict[str, str]) -> tuple[str, ...]:
    return tuple(letters.get(size, size) for size in shape)
