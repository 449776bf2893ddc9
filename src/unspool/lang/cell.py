"""`@cell` reads a page once, symbolically, and keeps its step graph."""

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, get_args, get_origin, get_type_hints, overload

from unspool.errors import CellError
from unspool.ir import GraphBuilder, Parameter, StepGraph, Variable
from unspool.lang.words import Gates, Map, Matrix, Role, Scalar, Symbol, Vector

Step = Callable[..., Any]


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: a name, the page it was written on, and the step graph traced from it.

    Attributes:
        name: the function's name.
        graph: the step as a graph.
        page: the source text of the page's file, or "" where there is none (a notebook, a saved model).
    """

    name: str
    graph: StepGraph
    page: str = ""

    @property
    def summary(self) -> str:
        """The first line of the page's docstring."""
        text = self.page.lstrip()
        return text.removeprefix('"""').splitlines()[0].rstrip('".') if text.startswith('"""') else self.name

    @classmethod
    def from_graph(cls, graph: StepGraph) -> "Cell":
        """A cell from a graph alone, as a saved model holds it."""
        return cls(graph.name, graph)


@overload
def cell(step: Step, /) -> Cell: ...
@overload
def cell(*, gates: str = "") -> Callable[[Step], Cell]: ...
def cell(step: Step | None = None, /, *, gates: str = "") -> Cell | Callable[[Step], Cell]:
    """Turn a function of (inputs, states, *, parameters) that returns the next states into a `Cell`.

    The function runs once, on symbols. It returns the next state, or a tuple of the next states in the
    order of its arguments; one value more, if there is one, is the output (otherwise the first state is).

    Args:
        step: the page's function; its annotations are the words of `unspool.lang`.
        gates: names of the gates, in the order in which their weights are stacked.

    Raises:
        CellError: the page is not a recurrent step; the message names the cell and what is wrong.
    """
    if step is None:
        return functools.partial(_read, gates=tuple(gates.split()))
    return _read(step, gates=())


def _read(step: Step, gates: tuple[str, ...]) -> Cell:
    name = step.__name__
    try:
        return Cell(name, _trace(step, name, gates), _page_of(step))
    except CellError as error:
        where = inspect.getsourcefile(step)
        line = step.__code__.co_firstlineno
        raise CellError(f"cell '{name}' ({where}, line {line}): {error.message}", error.hint) from None


def _trace(step: Step, name: str, gates: tuple[str, ...]) -> StepGraph:
    hints = get_type_hints(step, include_extras=True)
    builder = GraphBuilder()
    inputs: list[Variable] = []
    states: list[Variable] = []
    parameters: list[Parameter] = []
    positional: list[Symbol] = []
    keywords: dict[str, Symbol | Gates[Any]] = {}
    for argument in inspect.signature(step).parameters.values():
        hint = hints.get(argument.name)
        role = _role(hint)
        if role is not None and argument.kind in (argument.POSITIONAL_ONLY, argument.POSITIONAL_OR_KEYWORD):
            variable = Variable(argument.name, role.size)
            {"input": inputs, "state": states}[role.kind].append(variable)
            positional.append(Symbol(builder, builder.read(variable)))
        elif argument.kind is argument.KEYWORD_ONLY:
            parameter, value = _parameter(builder, argument.name, hint, gates)
            parameters.append(parameter)
            keywords[argument.name] = value
        else:
            raise CellError(
                f"argument '{argument.name}' is neither an Input nor a State",
                hint="inputs and states come first, each annotated; parameters follow after *",
            )
    if not states:
        raise CellError("no State among the arguments", hint="a recurrent step carries at least one state")
    returned, names = _call(step, positional, keywords)
    results = returned if isinstance(returned, tuple) else (returned,)
    if len(results) not in (len(states), len(states) + 1) or not all(isinstance(r, Symbol) for r in results):
        raise CellError(
            f"it returns {len(results)} value(s); the next value of {', '.join(s.name for s in states)} is expected",
            hint="return the next states in the order of the arguments, then, if it differs from the first state, the output",
        )
    for state, result in zip(states, results, strict=False):
        if builder.nodes[result.position].shape != (state.size,):
            raise CellError(f"the next {state.name} is not a vector of size [{state.size}]")
    positions = tuple(r.position for r in results)
    return builder.finish(
        name,
        tuple(inputs),
        tuple(states),
        tuple(parameters),
        positions[: len(states)],
        positions[len(states)] if len(positions) > len(states) else positions[0],
        _value_names(builder, names, {v.name for v in (*inputs, *states)}),
    )


def _role(hint: Any) -> Role | None:
    return next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Role)), None)


def _parameter(
    builder: GraphBuilder, name: str, hint: Any, gates: tuple[str, ...]
) -> tuple[Parameter, Symbol | Gates[Any]]:
    word = get_origin(hint) or hint
    roles = [_role(a) for a in get_args(hint)]
    if any(r is None or not r.size for r in roles):
        raise CellError(f"parameter '{name}': its annotation must name an Input or a State")
    sizes = [r.size for r in roles if r is not None]
    if word is Gates:
        if not gates:
            raise CellError(f"parameter '{name}' is per gate, but the cell declares none", hint='@cell(gates="r z n")')
        parameter = Parameter(name, ("H", *sizes), gates)
        parts = {g: Symbol(builder, builder.weight(parameter, g)) for g in gates}
        return parameter, Gates(parts, name)
    shapes = {Matrix: ("H", *sizes), Map: tuple(reversed(sizes)), Vector: tuple(sizes) or ("H",), Scalar: ()}
    if word not in shapes:
        raise CellError(f"parameter '{name}' is not annotated as Gates, Matrix, Map, Vector or Scalar")
    parameter = Parameter(name, shapes[word], ())
    return parameter, Symbol(builder, builder.weight(parameter))


def _call(step: Step, positional: list[Symbol], keywords: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The page's result and its local names, read off its frame as it returns, so that the graph keeps them."""
    names: dict[str, Any] = {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is step.__code__:
            names.update(frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        return step(*positional, **keywords), names
    except TypeError as error:
        raise CellError(f"the page cannot be computed: {error}") from None
    finally:
        sys.setprofile(before)


def _value_names(builder: GraphBuilder, names: dict[str, Any], reads: set[str]) -> dict[int, str]:
    """Position → the page's name for it; a name that shadows an input or a state is its next value: h → h'."""
    found: dict[int, str] = {}
    for name, value in names.items():
        if isinstance(value, Symbol) and value.is_computed:
            found.setdefault(value.position, f"{name}'" if name in reads else name)
    return found


def _page_of(step: Step) -> str:
    path = inspect.getsourcefile(step)
    module = inspect.getmodule(step)
    try:
        return inspect.getsource(module) if module is not None and path else inspect.getsource(step)
    except (OSError, TypeError):
        return ""
