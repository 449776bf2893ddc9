"""Reads a recording operation by operation onto a tape."""

import contextlib
import functools
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

from unspool.errors import CellError
from unspool.ir import GraphBuilder, Variable
from unspool.lang import Symbol
from unspool.nn.tracing.record import Recording, line_of
from unspool.nn.tracing.tape import Elements, Matrix, Tape
from unspool.nn.tracing.units import LIKE, MOVES, PARTIAL, UNITWISE
from unspool.nn.tracing.weights import run_node
from unspool.nn.tracing.wholes import WHOLES, reduce

_TRANSPOSES = ("t", "transpose", "permute")
_HINTS = {
    "detach": "a gradient that is cut cannot be said in the language; leave detach out",
    "copy_": "a step may not change its module; carry what changes as a state",
    "_local_scalar_dense": "no value of a tensor may become a Python number",
}


class Interpreter:
    """Walks through a recording. A *still* value depends on parameters, buffers and constants only.

    Attributes:
        tape: what the step computes from its input and states.
    """

    def __init__(self, recording: Recording, values: dict[str, Tensor], x: Tensor, states: Sequence[Tensor]) -> None:
        self.tape = Tape(len(x), x.dtype)
        self._recording = recording
        self._ids: dict[fx.Node, Any] = {}  # of a moving value; of a still one where it is wanted
        self._still: dict[fx.Node, Any] = {}  # the value itself
        self._learned: set[fx.Node] = set()
        self._first: dict[str, fx.Node] = {}  # an expression of still values → where it was computed first
        self._same: dict[fx.Node, fx.Node] = {}
        placeholders = [n for n in recording.graph.nodes if n.op == "placeholder"]
        self._names = dict(zip(placeholders, recording.names, strict=False))
        for node, value in zip(placeholders, values.values(), strict=False):
            self._still[node] = value
            self._learned.add(node)
        moving = placeholders[len(values) :]
        for node, name, value in zip(moving, variable_names(len(states)), (x, *states), strict=True):
            self._ids[node] = self.tape.variable(name, value.shape[1])
        self.variables = moving

    def run(self) -> list[Elements]:
        """The elements of the output and of each next state.

        Raises:
            CellError: an operation cannot be said in the language; the message names it and its line.
        """
        for node in self._recording.graph.nodes:
            if node.op == "get_attr":
                self._still[node] = getattr(self._recording.constants, str(node.target)).detach()
            elif node.op == "output":
                return [self._result(result, number) for number, result in enumerate(node.args[0])]
            elif node.op == "call_function":
                try:
                    self._step(node)
                except CellError as error:
                    source = node.all_input_nodes[-1] if _name(node) == "copy_" else node
                    where = f"{line_of(source)}: torch operation '{_name(node)}': {error.message}"
                    raise CellError(where, error.hint or _HINTS.get(_name(node))) from None
        raise AssertionError("a recording ends in its results")

    def still(self, node: fx.Node) -> Tensor:
        """The value of a still node in the trace."""
        return self._still[node]

    def _step(self, node: fx.Node) -> None:
        name = _name(node)
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise CellError("it draws random numbers", hint="dropout: module.eval(), or p=0; noise: give it in x")
        inputs = node.all_input_nodes
        if name == "copy_":
            if inputs[0] not in self.variables:
                raise CellError(f"it changes the module's '{self._names.get(inputs[0], 'own tensor')}'")
            self._ids[node] = self._of(inputs[1])
        elif all(i in self._still for i in inputs):
            if name.endswith("_"):
                raise CellError("it changes a tensor in place that depends on parameters only")
            self._compute(node, name)
        elif name in LIKE or name in ("full_like", "new_full"):
            self._ids[node] = self._like(node, name)
        else:
            self._ids[node] = self._move(node, name.removesuffix("_"))
            self._check_dtype(node)
            if name.endswith("_"):  # only inside of torch's own kernels; what a user's code changes is recorded as pure
                self._ids[inputs[0]] = self._ids[node]

    def _compute(self, node: fx.Node, name: str) -> None:
        """A still value: computed, and read onto the tape where it is a vector of something that can be said."""
        self._still[node] = run_node(node, self._still.__getitem__)
        if any(i in self._learned for i in node.all_input_nodes):
            self._learned.add(node)
        expression = repr((node.target, *(map_arg(a, lambda n: self._same.get(n, n)) for a in node.args)))
        if not node.kwargs:
            self._same[node] = self._first.setdefault(expression, node)
        if (name in MOVES or name in UNITWISE or name == "getitem") and node in self._learned:
            known = (i in self._ids or _is_vector(self._still[i]) for i in node.all_input_nodes)
            if all(known) and all(_is_float(self._still[i]) for i in node.all_input_nodes):
                # What is still need not be said in the language: it is computed before the first step.
                with contextlib.suppress(CellError):
                    self._ids[node] = self._move(node, name)

    def _move(self, node: fx.Node, name: str) -> Any:
        """Ids of the result of an operation on ids."""
        if name in ("mm", "addmm", "bmm", "baddbmm", "linear"):
            return self._products(node, name)
        if name == "getitem":
            source, which = node.args
            return self._of(source)[which]
        if name in MOVES:
            return run_node(node, self._moved)
        args: list[Any] = [map_arg(a, self._of) for a in node.args]
        kwargs: dict[str, Any] = {k: map_arg(a, self._of) for k, a in node.kwargs.items()}
        if name == "_to_copy":
            return args[0]
        if name == "constant_pad_nd":
            ids, pad, *value = args
            return torch.constant_pad_nd(ids, pad, int(self.tape.number(float(*value), [])))
        if name in ("max", "min") and len(args) == 2 and isinstance(args[1], Tensor):
            name = {"max": "maximum", "min": "minimum"}[name]
        if name in UNITWISE:
            if any(not isinstance(a, Tensor | int | float | None) for a in args):
                raise CellError("it cannot be said in the language with these arguments")
            function: Callable[..., Any] = partial(UNITWISE[name], **kwargs) if kwargs else UNITWISE[name]
            _try(function, args)
            result = self.tape.unitwise(function, *args, total=name not in PARTIAL)
            return (result, None) if name == "log_sigmoid_forward" else result
        if name in WHOLES:
            return WHOLES[name](self.tape, *args, **kwargs)
        raise CellError("it cannot be said in the language")

    def _products(self, node: fx.Node, name: str) -> Tensor:
        """Of moving vectors with a still matrix; per member of the batch, of two moving ones."""
        *added, left, right = node.args if name != "linear" else (*node.args[2:], *node.args[:2])
        options: dict[str, Any] = dict(node.kwargs)
        beta, alpha = options.get("beta", 1), options.get("alpha", 1)
        assert isinstance(left, fx.Node)
        assert isinstance(right, fx.Node)
        result = self._product(left, right, transposed=name != "linear")
        if alpha != 1:
            result = self.tape.unitwise(lambda a: alpha * a, result)
        if added and added[0] is not None:
            term = self._of(added[0])
            result = self.tape.unitwise(lambda a, b: a + (b if beta == 1 else beta * b), result, term)
        return result

    def _product(self, left: fx.Node, right: fx.Node, transposed: bool) -> Tensor:
        if right in self._still and left not in self._still:
            a, b = self._of(left), self._still[right]
            width = b.shape[-1] if transposed else b.shape[-2]
            if b.dim() == 2:
                rows = self.tape.product(self._matrix(right, None, transposed), width, a.reshape(-1, a.shape[-1]))
                return rows.reshape(*a.shape[:-1], width)
            parts = [self.tape.product(self._matrix(right, n, True), width, part) for n, part in enumerate(a)]
            return torch.stack(parts)
        if left in self._still:
            a, b = self._still[left], self._of(right).mT
            if a.dim() == 2:
                return self.tape.product(self._matrix(left, None, False), len(a), b).mT
            parts = [self.tape.product(self._matrix(left, n, False), a.shape[1], part) for n, part in enumerate(b)]
            return torch.stack(parts).mT
        a, b = self._of(left), self._of(right)
        if b.shape[-1] > 1 and not self.tape.breaks((b.flatten(0, -2)[0] // self.tape.batch).numpy()):
            columns = (
                self.tape.unitwise(operator.mul, v, w) for v, w in zip(a.split(1, -1), b.split(1, -2), strict=True)
            )
            return functools.reduce(partial(self.tape.unitwise, operator.add), columns)
        pairs = self.tape.unitwise(operator.mul, a[..., :, None, :], b.mT[..., None, :, :])
        return reduce(self.tape, "sum", pairs, -1)

    def _matrix(self, node: fx.Node, index: int | None, transposed: bool) -> Matrix:
        node = self._same.get(node, node)
        while index is None and _name(node) in _TRANSPOSES and node.op == "call_function":
            (source,) = node.all_input_nodes
            target: Any = node.target
            turned = target(torch.empty(1, 2), *node.args[1:]).shape == (2, 1)
            node, transposed = self._same.get(source, source), transposed != turned
        return Matrix(node, index, transposed)

    def _like(self, node: fx.Node, name: str) -> Tensor:
        like = self._of(node.args[0])
        shape = like.shape if name.endswith("_like") else node.args[1]
        value = LIKE[name] if name in LIKE else node.args[-1]
        if not isinstance(value, int | float):
            raise CellError("it is filled with something that is not a number")
        return self.tape.number(float(value), shape)  # type: ignore[arg-type] - a list of numbers by now

    def _of(self, node: Any) -> Any:
        """Ids of a value; a still one becomes a leaf, or a number if it is constant and uniform."""
        if node not in self._ids:
            value = self._still[node]
            node = self._same.get(node, node)
            if node not in self._ids:
                if value.is_complex():
                    raise CellError("complex numbers cannot be said in the language")
                if node not in self._learned and value.numel() and bool((value == value.flatten()[0]).all()):
                    self._ids[node] = self.tape.number(float(value.flatten()[0]), value.shape)
                else:
                    self._ids[node] = self.tape.leaf(node, value.shape)
        if self._ids[node] is None:
            raise CellError(
                f"a result of '{_name(node.all_input_nodes[0])}' is used that cannot be said in the language"
            )
        return self._ids[node]

    def _moved(self, node: fx.Node) -> Any:
        """What an operation that moves data takes: ids; the value itself of an index."""
        value = self._still.get(node)
        if value is None or _is_float(value):
            return self._of(node)
        if node in self._learned:
            raise CellError("a buffer says which units are taken", hint="take them by a slice, or by a constant tensor")
        return value

    def _check_dtype(self, node: fx.Node) -> None:
        values = node.meta["val"] if isinstance(node.meta["val"], tuple | list) else [node.meta["val"]]
        for value in values:
            if isinstance(value, Tensor) and value.is_floating_point() and value.dtype != self.tape.dtype:
                raise CellError(f"it changes the dtype to {value.dtype}", hint="a step runs in the dtype of its input")

    def _result(self, node: Any, number: int) -> Elements:
        ids = self._of(node)
        elements = self.tape.vector(ids) if ids.dim() == 2 and len(ids) == self.tape.batch else None
        if elements is None:
            what = f"the next state {number - 1}" if number else "the output"
            raise CellError(f"{line_of(node)}: {what} {list(ids.shape)} is not [B, size] with the batch in x's order")
        return elements


def variable_names(states: int) -> tuple[str, ...]:
    """Of the input and the states."""
    return ("x", *(("h", "c") if states <= 2 else tuple(f"h{k}" for k in range(states)))[:states])


def _name(node: fx.Node) -> str:
    if node.target is operator.getitem:
        return "getitem"
    packet = getattr(node.target, "overloadpacket", None)
    return packet.__name__ if packet is not None else str(node.target)


def _try(function: Callable[..., Any], args: Sequence[Any]) -> None:
    """Raise CellError, where the line is known, if `function` refuses its arguments."""
    builder = GraphBuilder()
    symbol = Symbol(builder, builder.read(Variable("v", "H")))
    try:
        function(*(symbol if isinstance(a, Tensor) else a for a in args))
    except TypeError as error:
        raise CellError(f"it cannot be said in the language with these arguments: {error}") from None


def _is_vector(value: Any) -> bool:
    return isinstance(value, Tensor) and value.numel() == max(value.shape, default=1)


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()
