"""Traces a module that is one step, and checks the result against the module."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from unspool.errors import CellError, SettingError
from unspool.ir import StepGraph
from unspool.nn.tracing.emit import Emitter, Span
from unspool.nn.tracing.interpret import Interpreter, variable_names
from unspool.nn.tracing.layout import Layout
from unspool.nn.tracing.record import Form, Recording, line_of, record
from unspool.nn.tracing.weights import Weights
from unspool.passes import simplify
from unspool.runtime import kernel_for

BATCHES = (5, 7, 11, 13, 17, 19, 23)
"""Members of the batch in a trace: the first that is no other size, so that an axis cannot be taken for another."""

TOLERANCES = {torch.float64: 1e-7, torch.float32: 2e-4}
"""Relative difference allowed between one step of the graph and of the module, by dtype; 0.1 for others. (Torch's own
float64 is at times that of float32 constants: the gradient of its hardsigmoid is off by 1e-9.)"""


@dataclass(frozen=True)
class TracedStep:
    """A module's step as a graph.

    Attributes:
        graph: the step.
        weights: computes the graph's parameters from the module's.
        spans: for the input and each state, the graph's variables that it is made of, with their spans.
        sizes: size letter → number.
    """

    graph: StepGraph
    weights: Weights
    spans: tuple[tuple[tuple[str, Span], ...], ...]
    sizes: Mapping[str, int]

    def inputs(self, x: Tensor) -> dict[str, Tensor]:
        """The graph's inputs [T, B, ·] of x [T, B, I]."""
        return {name: _cut(x, span) for name, span in self.spans[0]}

    def split(self, states: Sequence[Tensor]) -> list[Tensor]:
        """The graph's states of the module's, each [B, size]."""
        return [_cut(s, span) for s, spans in zip(states, self.spans[1:], strict=True) for _, span in spans]

    def join(self, states: Sequence[Tensor]) -> list[Tensor]:
        """The module's states of the graph's."""
        rest = list(states)
        taken = [[rest.pop(0) for _ in spans] for spans in self.spans[1:]]
        return [parts[0] if len(parts) == 1 else torch.cat(parts, -1) for parts in taken]


def trace_step(module: nn.Module, form: Form, input_size: int, state_sizes: Sequence[int]) -> TracedStep:
    """The step that `module` computes in its present mode (training or not), dtype and device.

    Raises:
        CellError: an operation cannot be said in the language, with its line; or the graph does not compute what
            the module does.
    """
    with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        module = copy.deepcopy(module)
        values = tensors_of(module)
        x, states = draw(values, _batch(values, input_size, state_sizes), input_size, state_sizes)
        traced = _trace(module, form, values, x, states)
        check_step(traced, module, form, values, input_size, state_sizes)
    return traced


def try_call(module: nn.Module, form: Form, input_size: int, state_sizes: Sequence[int]) -> None:
    """Call a copy of the module once.

    Raises:
        SettingError: it cannot be called in this form, or returns something else.
    """
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        module = copy.deepcopy(module)
        values = tensors_of(module)
        x, states = draw(values, _batch(values, input_size, state_sizes), input_size, state_sizes)
        shown = f"state ({', '.join(f'[B, {n}]' for n in state_sizes)})" if form.is_tuple else f"[B, {state_sizes[0]}]"
        try:
            returned = form.call(module, values, x, states)
        except Exception as error:
            raise SettingError(f"with {shown} raises {type(error).__name__}: {error} ({line_of(error)})") from error
    parted = form.parted(returned, len(states))
    if parted is None or any(a.shape != b.shape for a, b in zip(parted[1:], states, strict=True)):
        raise SettingError(f"with {shown} returns {_show(returned)}")


def _trace(module: nn.Module, form: Form, values: dict[str, Tensor], x: Tensor, states: list[Tensor]) -> TracedStep:
    recording = record(module, form, values, x, states)
    interpreter = Interpreter(recording, values, x, states)
    output, *following = interpreter.run()
    placeholders = [n for n in recording.graph.nodes if n.op == "placeholder"]
    names = dict(zip(placeholders, recording.names, strict=False))
    emitter = Emitter(interpreter.tape, Layout(interpreter.tape, output, following), names)
    graph = simplify(emitter.graph(type(module).__name__, output, following))
    used = {p.name for p in graph.parameters}
    return TracedStep(
        graph,
        Weights({n: p for n, p in emitter.found.items() if n in used}, names, _constants(recording)),
        tuple(tuple(emitter.spans[n]) for n in variable_names(len(states))),
        {letter: emitter.sizes[letter] for letter in sorted(graph.sizes)},
    )


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Detached copies of the module's parameters and buffers."""
    return {n: v.detach().clone() for n, v in (*module.named_parameters(), *module.named_buffers())}


def draw(
    values: Mapping[str, Tensor], batch: int, input_size: int, state_sizes: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """Random x [batch, I] and states of the parameters' dtype and device."""
    like = next((v for v in values.values() if v.is_floating_point()), torch.zeros(()))
    x, *states = (torch.randn(batch, size).to(like) for size in (input_size, *state_sizes))
    return x, states


def check_step(
    traced: TracedStep,
    module: nn.Module,
    form: Form,
    values: Mapping[str, Tensor],
    input_size: int,
    state_sizes: Sequence[int],
) -> None:
    """Compare one step of the graph with the module's forward: results and gradients, other numbers, other batches.

    Raises:
        CellError: they differ.
    """
    for batch, positive in ((3, False), (2, True), (4, False)):
        moved = {n: _moved(v, positive) for n, v in values.items()}
        x, states = draw(values, batch, input_size, state_sizes)
        learned = [moved[n] for n, _ in module.named_parameters() if moved[n].is_floating_point()]
        sources = [v.requires_grad_() for v in (x, *states, *learned)]
        try:
            expected = form.parted(form.call(module, moved, x.clone(), [s.clone() for s in states]), len(states)) or []
        except Exception as error:
            message = f"{line_of(error)}: forward fails at a second call, or with gradients: {error}"
            raise CellError(f"{traced.graph.name}: {message}") from error
        output, final = kernel_for(traced.graph, "reference")(
            traced.inputs(x[None]), traced.weights(moved.__getitem__, x), traced.split(states)
        )
        found = [output[0], *traced.join(final)]
        _compare("results", traced.graph.name, found, expected)
        weights = [torch.randn_like(v) for v in expected]
        gradients = (_gradients(results, weights, sources) for results in (found, expected))
        _compare("gradients", traced.graph.name, *gradients)


def _gradients(results: Sequence[Tensor], weights: Sequence[Tensor], sources: Sequence[Tensor]) -> list[Tensor]:
    total = sum(((r * w).sum() for r, w in zip(results, weights, strict=True)), torch.zeros(()))
    if not isinstance(total, Tensor) or not total.requires_grad:
        return [torch.zeros_like(s) for s in sources]
    return list(torch.autograd.grad(total, sources, allow_unused=True, materialize_grads=True))


def _compare(what: str, name: str, found: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    for a, b in zip(found, expected, strict=True):
        allowed = TOLERANCES.get(b.dtype, 0.1)
        scale = max(1.0, float(b.detach().nan_to_num(0, 0, 0).abs().max()))
        if a.shape != b.shape or not torch.allclose(a, b, rtol=allowed, atol=allowed * scale, equal_nan=True):
            raise CellError(
                f"{name}: the traced step does not give the {what} of the module's forward",
                hint="does it depend on the number of rows, on values it keeps between calls, or cut a gradient "
                "(no_grad, detach)? A step is the same function of x, state and parameters at every call.",
            )


def _moved(value: Tensor, positive: bool) -> Tensor:
    """Other numbers of the same kind, so that what a parameter happens to be (zero, one) hides nothing."""
    if not value.is_floating_point():
        return value.clone()
    noise = 0.3 * torch.rand(value.shape).to(value)
    return value + noise if positive else value + (noise - 0.15) * (1 + value.abs()) / 2


def _constants(recording: Recording) -> dict[fx.Node, Tensor]:
    nodes = [n for n in recording.graph.nodes if n.op == "get_attr"]
    return {n: getattr(recording.constants, str(n.target)).detach() for n in nodes}


def _cut(value: Tensor, span: Span) -> Tensor:
    start, end = span
    return value if end - start == value.shape[-1] else value[..., start:end]


def _batch(values: Mapping[str, Tensor], input_size: int, state_sizes: Sequence[int]) -> int:
    taken = {input_size, *state_sizes, *(n for v in values.values() for n in v.shape)}
    return next(b for b in (*BATCHES, *range(24, 10_000)) if b not in taken)


def _show(returned: Any) -> str:
    if isinstance(returned, Tensor):
        return f"a tensor {list(returned.shape)}"
    if isinstance(returned, tuple | list):
        return f"({', '.join(map(_show, returned))})"
    return f"a {type(returned).__name__}"
