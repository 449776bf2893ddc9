"""A torch module that is one recurrent step, run over time by its traced equations."""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, final

from torch import Tensor, nn

from unspool.errors import CellError, SettingError
from unspool.ir import StepGraph, Variable
from unspool.lang import Cell
from unspool.nn.check import check_input, check_lengths, check_reset, check_states
from unspool.nn.stack import States
from unspool.nn.tracing import Form, TracedStep, trace_step, try_call, variable_names
from unspool.runtime import unroll


def from_torch(
    module: nn.Module,
    *,
    input_size: int | None = None,
    state_sizes: int | Sequence[int] | None = None,
    batch_first: bool = True,
) -> "FromTorch":
    """A layer that runs `module`, one step, over time by its equations.

    The module is called as `forward(x, state)` with x [B, I]; the state is one tensor [B, size], or a tuple of them.
    It returns the next state in the same form, or `(output, next state)`; without an output of its own, the first
    state is the output. It is traced into a step graph by its operations, whatever its class; nothing of it is called
    when the layer runs.

    Args:
        module: one step: `torch.nn.GRUCell`, `LSTMCell`, `RNNCell`, or anyone's own.
        input_size: I; by default the module's attribute of this name.
        state_sizes: a number where the state is one tensor, a sequence of numbers where it is a tuple. By default the
            module's attribute `hidden_size`, for one tensor or else for a tuple of two.
        batch_first: x and output are [B, T, ·], not [T, B, ·].

    Raises:
        SettingError: a size is not known, or forward cannot be called in this way.
        CellError: an operation cannot be said in the language; the message names it and its line. Or the graph does
            not compute what the module does, compared on random numbers (results and gradients).

    Numbers that the module's Python code computes (`1 / math.sqrt(size)`, `self.alpha` that is not a tensor) and
    tensors that are neither parameters nor buffers are those of the trace. The module is traced again when its mode
    (training or not), dtype, device or shapes have changed. Time: seconds at most, once.

    Example:
        >>> import torch
        >>> layer = from_torch(torch.nn.GRUCell(3, 8))
        >>> output, (h,) = layer(torch.zeros(2, 5, 3))
        >>> output.shape, h.shape
        (torch.Size([2, 5, 8]), torch.Size([1, 2, 8]))
    """
    return FromTorch(module, input_size=input_size, state_sizes=state_sizes, batch_first=batch_first)


@final
class FromTorch(nn.Module):
    """What `from_torch` makes.

    Attributes:
        step: the module itself: its parameters are the layer's, under the names `step.…`.
        input_size, output_size, state_sizes: I, features of the output, and size of each state.
        batch_first: the order of the axes.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        input_size: int | None = None,
        state_sizes: int | Sequence[int] | None = None,
        batch_first: bool = True,
    ) -> None:
        super().__init__()
        self.step = module
        self.batch_first = batch_first
        self.training = module.training
        self._title = f"from_torch({type(module).__name__})"
        self.input_size = _input_size(self._title, module, input_size)
        self._traces: dict[Any, TracedStep] = {}
        self._form, self.state_sizes = self._find_form(state_sizes)
        self.output_size = self.sizes[self.graph.output_size]

    @property
    def graph(self) -> StepGraph:
        """The traced step, for `print_graph` and everything that is derived from a graph."""
        return self._traced().graph

    @property
    def cell(self) -> Cell:
        """The step as a cell, for layers with parameters of their own: `Recurrent(layer.cell, 3, 8)`."""
        return Cell.from_graph(self.graph)

    @property
    def sizes(self) -> dict[str, int]:
        """Size letters of the graph, in numbers."""
        return dict(self._traced().sizes)

    def forward(
        self,
        x: Tensor,
        initial_state: Tensor | States | None = None,
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor, States]:
        """Run over time.

        Args:
            x: [B, T, I], or [T, B, I] if not batch_first.
            initial_state: one tensor [1, B, size] per state (a single tensor where there is one state); by default
                zeros.
            lengths: [B] integers in 1 … T: steps beyond a sequence's length change nothing and output zero.
            reset: bool, [B, T] or [T, B] as x: a step at which a new sequence begins, from zeros.

        Returns:
            output, [B, T, output_size] or [T, B, output_size], and the states after each sequence's last step, one
            [1, B, size] per state.

        Raises:
            ShapeError: a shape or dtype does not fit; all of them are named.
            CellError: the module was set to a mode (training) in which it cannot be said in the language.
        """
        traced = self._traced()
        parameters = traced.weights(self._find, x)
        if not self.batch_first:
            x = x.transpose(0, 1) if x.dim() == 3 else x
            reset = None if reset is None else reset.transpose(0, 1)
        check_input(self._title, x, "BTI", self.input_size, traced.graph, parameters)
        batch = x.shape[0]
        if initial_state is None:
            initial = tuple(x.new_zeros((1, batch, size)) for size in self.state_sizes)
        else:
            initial = (initial_state,) if isinstance(initial_state, Tensor) else tuple(initial_state)
            door = replace(traced.graph, states=tuple(Variable(n, "H") for n in self._state_names))
            check_states(self._title, initial, door, 1, x, batch, self.state_sizes)
        if lengths is not None:
            lengths = check_lengths(self._title, lengths, x)
        if reset is not None:
            check_reset(self._title, reset, x)
        rest = [x.new_zeros((1, size)) for size in self.state_sizes]
        output, final = unroll(
            traced.graph,
            traced.inputs(x.transpose(0, 1)),
            parameters,
            traced.split([s[0] for s in initial]),
            lengths=lengths,
            reset=None if reset is None else reset.transpose(0, 1),
            rest=None if reset is None else traced.split(rest),
        )
        return output.transpose(0, 1) if self.batch_first else output, tuple(s[None] for s in traced.join(final))

    def extra_repr(self) -> str:
        """The sizes."""
        return f"input_size={self.input_size}, state_sizes={self.state_sizes}, batch_first={self.batch_first}"

    def __getstate__(self) -> dict[str, Any]:
        """Traces are made again where they are wanted: a copy, another process."""
        return {**super().__getstate__(), "_traces": {}}

    @property
    def _state_names(self) -> tuple[str, ...]:
        return variable_names(len(self.state_sizes))[1:]

    def _find(self, name: str) -> Tensor:
        """The module's parameter or buffer, as it is now."""
        return functools.reduce(getattr, name.split("."), self.step)

    def _traced(self) -> TracedStep:
        """The step in the module's present mode, dtype, device and shapes."""
        key = self._key()
        if key not in self._traces:
            self._traces[key] = self._trace(self._form, self.state_sizes)
        return self._traces[key]

    def _key(self) -> Any:
        tensors = itertools.chain(self.step.parameters(), self.step.buffers())
        return (tuple(m.training for m in self.step.modules()), *((t.dtype, t.device, t.shape) for t in tensors))

    def _trace(self, form: Form, state_sizes: Sequence[int]) -> TracedStep:
        try:
            return trace_step(self.step, form, self.input_size, state_sizes)
        except CellError as error:
            raise CellError(f"{self._title}: {error.message}", error.hint) from error.__cause__

    def _find_form(self, state_sizes: int | Sequence[int] | None) -> tuple[Form, tuple[int, ...]]:
        """How the module is called; each way that its sizes allow is tried."""
        hidden = getattr(self.step, "hidden_size", None)
        if isinstance(state_sizes, int):
            ways = [(Form(is_tuple=False), (state_sizes,))]
        elif state_sizes is not None:
            ways = [(Form(is_tuple=True), tuple(state_sizes))]
        elif isinstance(hidden, int):
            ways = [(Form(is_tuple=False), (hidden,)), (Form(is_tuple=True), (hidden, hidden))]
        else:
            raise SettingError(
                f"{self._title}: the sizes of its state are not known, for it has no attribute hidden_size",
                hint="state_sizes=H where the state is one tensor [B, H]; state_sizes=(H, P) where it is a tuple",
            )
        refused: list[CellError] = []
        failed: list[str] = []
        for form, sizes in ways:
            try:
                try_call(self.step, form, self.input_size, sizes)
                self._traces[self._key()] = self._trace(form, sizes)
            except SettingError as error:
                failed.append(error.message)
            except CellError as error:
                refused.append(error)
            else:
                return form, sizes
        if refused:
            raise refused[0]
        raise SettingError(
            f"{self._title}: forward(x, state) {'; '.join(failed)}",
            hint="it must take x [B, I] and the state, one tensor [B, size] or a tuple of them, and return the next "
            "state in the same form, or (output, state); are input_size and state_sizes right?",
        )


def _input_size(title: str, module: nn.Module, given: int | None) -> int:
    size = getattr(module, "input_size", None) if given is None else given
    if not isinstance(size, int) or size < 1:
        raise SettingError(
            f"{title}: input_size is {'not known' if size is None else size}",
            hint="give input_size=I, the features of x; the module has no such attribute" if size is None else None,
        )
    return size
