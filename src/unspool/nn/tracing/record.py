"""Records one call of a module as torch's elementary operations, with the source line of each."""

import itertools
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import ProxyTorchDispatchMode, get_proxy_mode, make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from unspool.errors import CellError

_OURS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))
_RULE = "a step is the same operations at every call, with the gradients of those operations"


@dataclass(frozen=True)
class Form:
    """How the module is called: whether its state is a tuple, not a single tensor."""

    is_tuple: bool

    def call(self, module: nn.Module, values: dict[str, Tensor], x: Tensor, states: Sequence[Tensor]) -> Any:
        """What forward returns, with `values` in place of the module's parameters and buffers."""
        return torch.func.functional_call(module, values, (x, tuple(states) if self.is_tuple else states[0]))

    def parted(self, returned: Any, count: int) -> list[Tensor] | None:
        """[output, *next states], or None if `returned` is neither the next state nor (output, next state)."""
        state, output = returned, None
        if isinstance(returned, tuple | list) and not self._is_state(returned, count) and len(returned) == 2:
            output, state = returned
        if not self._is_state(state, count) or not isinstance(output, Tensor | None):
            return None
        states = list(state) if self.is_tuple else [state]
        return [states[0] if output is None else output, *states]

    def _is_state(self, value: Any, count: int) -> bool:
        if not self.is_tuple:
            return isinstance(value, Tensor)
        return isinstance(value, tuple | list) and len(value) == count and all(isinstance(v, Tensor) for v in value)


@dataclass(frozen=True)
class Recording:
    """One call, as a graph of aten operations.

    Attributes:
        graph: its placeholders are the module's tensors by name, then x, then the states.
        names: of the module's parameters and buffers, in the order of the placeholders.
        constants: tensors that are neither, by the name of their `get_attr` node.
    """

    graph: fx.Graph
    names: tuple[str, ...]
    constants: fx.GraphModule


def record(module: nn.Module, form: Form, values: dict[str, Tensor], x: Tensor, states: Sequence[Tensor]) -> Recording:
    """Record `module`.

    Raises:
        CellError: a value decides the control flow, with the line.
    """

    def step(values: dict[str, Tensor], x: Tensor, states: list[Tensor]) -> list[Tensor]:
        with _Lines():
            parted = form.parted(form.call(module, values, x, states), len(states))
        assert parted is not None
        return parted

    pure: Callable[..., Any] = torch.func.functionalize(step, remove="mutations")
    try:
        with torch.autocast(x.device.type, enabled=False):
            traced = make_fx(pure)(values, x, list(states))
    except Exception as error:
        raise CellError(f"{line_of(error)}: {_reason(error)}", hint=_RULE) from error
    return Recording(traced.graph, tuple(values), traced)


def line_of(where: "fx.Node | Exception") -> str:
    """`FILE, line N`: the innermost line outside of torch that led to an operation or an error; else torch's own."""
    if isinstance(where, fx.Node):
        return where.meta.get("line", "unknown line")
    return _line((frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(where.__traceback__)[::-1])


class _Lines(TorchDispatchMode):
    """Notes at every operation which line led to it."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        mode = get_proxy_mode()
        nodes = mode.tracer.graph.nodes if isinstance(mode, ProxyTorchDispatchMode) else ()
        before = len(nodes)
        result = func(*args, **(kwargs or {}))
        line = _line((frame.f_code.co_filename, line) for frame, line in traceback.walk_stack(None))
        for node in itertools.islice(reversed(nodes), len(nodes) - before):
            node.meta["line"] = line
        return result


def _line(places: Iterable[tuple[str, int]]) -> str:
    """The first of `places`, innermost first, that is not torch's or ours; else the first of torch's modules."""
    within = None
    for file, line in places:
        if not file.startswith(_OURS) and not file.startswith("<"):
            return f"{file}, line {line}"
        if within is None and "modules" in Path(file).parts:
            within = f"{file}, line {line}"
        if file == __file__ and within is not None:
            break
    return within or "unknown line"


def _reason(error: Exception) -> str:
    message = (str(error).strip() or type(error).__name__).splitlines()[0]
    if "_local_scalar_dense" in message or "data-dependent" in message:
        return "a tensor's value becomes a Python number, or decides the control flow"
    return f"it cannot be recorded: {message}"
