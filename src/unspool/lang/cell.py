"""`@cell` reads a page once, symbolically, and keeps its step graph."""

import functools
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any, get_args, get_origin, get_type_hints, overload

from unspool.errors import CellError
from unspool.ir import GraphBuilder, Parameter, StepGraph, Variable
from unspool.ir.check import check_matrices
from unspool.lang.starts import Start, as_start
from unspool.lang.words import Gates, Map, Matrix, Role, Scalar, Symbol, Vector

Step = Callable[..., Any]

_SIZES_NAMED: dict[Any, tuple[int, ...]] = {Gates: (0, 1), Matrix: (1,), Map: (2,), Vector: (0, 1), Scalar: (0,)}
"""How many inputs and states a parameter's word names."""


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: a name, the page it was written on, the step graph traced from it, and its first values.

    Attributes:
        name: the function's name.
        graph: the step as a graph.
        page: the source text of the page's file (of the function alone in a notebook; "" for a saved model).
        start: parameter, or parameter and gate (`b.f`) → how its first values are drawn, in the order of drawing.
    """

    name: str
    graph: StepGraph
    page: str = ""
    start: Mapping[str, Start] = field(default_factory=dict, compare=False, repr=False)

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
def cell(*, gates: str = "", start: Mapping[str, Start | float] | None = None) -> Callable[[Step], Cell]: ...
def cell(
    step: Step | None = None, /, *, gates: str = "", start: Mapping[str, Start | float] | None = None
) -> Cell | Callable[[Step], Cell]:
    """Turn a function of (inputs, states, *, parameters) that returns the next states into a `Cell`.

    The function runs once, on symbols. It returns the next state, or a tuple of the next states in the
    order of its arguments; one value more, if there is one, is the output (otherwise the first state is).

    Args:
        step: the page's function; its annotations are the words of `unspool.lang`.
        gates: names of the gates, in the order in which their weights are stacked.
        start: parameter, or parameter and gate (`b.f`), → its first values; see `unspool.lang.starts`.

    Raises:
        CellError: the page is not a recurrent step; the message names the cell and what is wrong.
    """
    if step is None:
        return functools.partial(_read, gates=tuple(gates.split()), start=start or {})
    return _read(step, gates=(), start={})


def _read(step: Step, gates: tuple[str, ...], start: Mapping[str, Start | float]) -> Cell:
    name = step.__name__
    try:
        graph = _trace(step, name, gates)
        check_start(graph, start)
        _check_fixed(graph, start)
        return Cell(name, graph, _page_of(step), {key: as_start(value) for key, value in start.items()})
    except CellError as error:
        where = inspect.getsourcefile(step)
        raise CellError(f"cell '{name}' ({where}, line {_line(step, error)}): {error.message}", error.hint) from None


def check_start(graph: StepGraph, start: Mapping[str, Start | float]) -> None:
    """Every start must be of a parameter of `graph`, or of one gate's part of it.

    Raises:
        CellError: one is not.
    """
    known = {f"{p.name}.{g}" for p in graph.parameters for g in p.gates} | {p.name for p in graph.parameters}
    for key, value in start.items():
        if key not in known:
            raise CellError(f"start: there is no parameter '{key}'", hint=f"there are: {', '.join(sorted(known))}")
        if not isinstance(value, Start | float | int):
            raise CellError(f"start of '{key}': {value!r} is neither a number nor a Start")


def _check_fixed(graph: StepGraph, start: Mapping[str, Start | float]) -> None:
    for p in graph.parameters:
        if p.fixed and p.name not in start and not all(f"{p.name}.{g}" in start for g in p.gates or [""]):
            raise CellError(
                f"fixed parameter '{p.name}' has no first value",
                hint=f'@cell(start={{"{p.name}": …}}), see unspool.lang.starts',
            )


def _line(step: Step, error: CellError) -> int:
    """The line of the page that failed; the function's first where no single line did."""
    frames = traceback.walk_tb((error.__cause__ or error).__traceback__)
    return next((line for frame, line in frames if frame.f_code is step.__code__), step.__code__.co_firstlineno)


def _trace(step: Step, name: str, gates: tuple[str, ...]) -> StepGraph:
    if len(set(gates)) < len(gates):
        raise CellError(f"a gate is declared twice: {' '.join(gates)}")
    hints = _annotations(step)
    builder = GraphBuilder()
    inputs: list[Variable] = []
    states: list[Variable] = []
    parameters: list[Parameter] = []
    positional: list[Symbol] = []
    keywords: dict[str, Symbol | Gates[Any]] = {}
    for argument in inspect.signature(step).parameters.values():
        hint = hints.get(argument.name)
        role = _role(hint)
        variables = None if role is None else {"input": inputs, "state": states}.get(role.kind)
        if argument.kind is argument.POSITIONAL_OR_KEYWORD and role is not None and variables is not None:
            variable = Variable(argument.name, role.size, _default(argument, role))
            variables.append(variable)
            positional.append(Symbol(builder, builder.read(variable)))
        elif argument.kind is argument.KEYWORD_ONLY:
            is_fixed = role is not None and role.kind == "fixed"
            parameter, value = _parameter(builder, argument.name, get_args(hint)[0] if is_fixed else hint, gates)
            parameter = replace(parameter, fixed=is_fixed)
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
    results = _results(builder, returned, states)
    check_matrices(name, builder.nodes)
    next_states, output = results[: len(states)], (*results[len(states) :], results[0])[0]
    following = {state.name: position for state, position in zip(states, next_states, strict=True)}
    return builder.finish(
        name,
        tuple(inputs),
        tuple(states),
        tuple(parameters),
        next_states,
        output,
        _value_names(builder, names, {v.name for v in inputs}, following),
    )


def _default(argument: inspect.Parameter, role: Role) -> float | None:
    default = argument.default
    if default is argument.empty:
        return None
    if role != Role("input", "") or isinstance(default, bool) or not isinstance(default, int | float):
        raise CellError(
            f"argument '{argument.name}' has the default {default!r}",
            hint="only a PerStep input has one, a number: dt: PerStep = 1.0",
        )
    return float(default)


def _annotations(step: Step) -> dict[str, Any]:
    try:
        return get_type_hints(step, include_extras=True)
    except NameError as error:
        raise CellError(f"an annotation cannot be read: {error}") from None


def _results(builder: GraphBuilder, returned: Any, states: list[Variable]) -> tuple[int, ...]:
    """Positions of what the page returns: the next states and, if it is given, the output."""
    results = returned if isinstance(returned, tuple) else (returned,)
    if len(results) not in (len(states), len(states) + 1) or not all(isinstance(r, Symbol) for r in results):
        given = "nothing" if returned is None else f"{len(results)} value(s)"
        strange = next((r for r in results if not isinstance(r, Symbol) and r is not None), None)
        given = given if strange is None else repr(strange)
        raise CellError(
            f"it returns {given}; the next value of {', '.join(s.name for s in states)} is expected",
            hint="return the next states in the order of the arguments, then the output if it is not the first state",
        )
    for state, result in zip(states, results, strict=False):
        if builder.nodes[result.position].shape != (state.size,):
            raise CellError(f"the next {state.name} is not a vector of size [{state.size}]")
    if len(builder.nodes[results[-1].position].shape) != 1:
        raise CellError("the output is not a vector")
    return tuple(r.position for r in results)


def _role(hint: Any) -> Role | None:
    return next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Role)), None)


def _parameter(
    builder: GraphBuilder, name: str, hint: Any, gates: tuple[str, ...]
) -> tuple[Parameter, Symbol | Gates[Any]]:
    word = get_origin(hint) or hint
    if word not in _SIZES_NAMED:
        raise CellError(f"parameter '{name}' is not annotated as Gates, Matrix, Map, Vector or Scalar")
    roles = [_role(a) for a in get_args(hint)]
    sizes = [r.size for r in roles if r is not None and r.size]
    if len(sizes) < len(roles) or len(sizes) not in _SIZES_NAMED[word]:
        raise CellError(
            f"parameter '{name}': {word.__name__} does not say from what to what it maps",
            hint="name an Input or a State: Matrix[Input], Gates[State], Map[State, Projected]",
        )
    if word not in (Gates, Matrix) and any(r is not None and r.kind == "blocks" for r in roles):
        raise CellError(
            f"parameter '{name}': {word.__name__} cannot be block-diagonal",
            hint="blocks of the units are for Matrix[…] and Gates[…], from the units to the units",
        )
    if word is Gates:
        if not gates:
            raise CellError(f"parameter '{name}' is per gate, but the cell declares none", hint='@cell(gates="r z n")')
        parameter = Parameter(name, ("H", *sizes), gates)
        parts = {g: Symbol(builder, builder.weight(parameter, g)) for g in gates}
        return parameter, Gates(parts, name)
    shapes = {Matrix: ("H", *sizes), Map: tuple(reversed(sizes)), Vector: tuple(sizes) or ("H",), Scalar: ()}
    parameter = Parameter(name, shapes[word], ())
    return parameter, Symbol(builder, builder.weight(parameter))


def _call(step: Step, positional: list[Symbol], keywords: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The page's result and its local names, read off its frame as it returns, so that the graph keeps them."""
    names: dict[str, Any] = {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is step.__code__:
            names.update(frame.f_locals)

    def call() -> Any:
        sys.setprofile(watch)
        return step(*positional, **keywords)

    # In a thread of its own, for a profile hook belongs to a thread: a profiler of the user's is left alone.
    with ThreadPoolExecutor(max_workers=1) as thread:
        try:
            return thread.submit(call).result(), names
        except (TypeError, AttributeError) as error:
            raise CellError(f"the page cannot be computed: {error}") from error


def _value_names(
    builder: GraphBuilder, names: dict[str, Any], inputs: set[str], following: dict[str, int]
) -> dict[int, str]:
    """Position → the page's name for it. A name that shadows an input or a state gets a prime: h' is the next h."""
    found: dict[int, str] = {}
    of_gates = [(n, v._parts) for n, v in names.items() if isinstance(v, Gates)]  # those of u = R @ h: u_i, u_f, …
    parts = {f"{name}_{gate}": value for name, values in of_gates for gate, value in values.items()}
    for name, value in (names | {n: v for n, v in parts.items() if n not in names}).items():
        if isinstance(value, Symbol) and value.is_computed and following.get(name, value.position) == value.position:
            found.setdefault(value.position, f"{name}'" if name in inputs or name in following else name)
    return found


def _page_of(step: Step) -> str:
    path = Path(inspect.getsourcefile(step) or "")
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else inspect.getsource(step)
    except (OSError, UnicodeError):
        return ""
