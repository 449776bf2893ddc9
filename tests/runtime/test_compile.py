"""Under torch.compile a layer is one operator per direction, whatever T is, and gives what it gives without."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.testing import CompileCounter
from torch._functorch._aot_autograd.utils import make_boxed_func
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from unspool.nn import GRU, LSTM, Recurrent
from unspool.testing.tolerances import tolerance

I, H, T, B = 2, 8, 5, 3  # noqa: E741 - the axes' letters
SWEEP, ADJOINT = torch.ops.unspool.sweep.default, torch.ops.unspool.sweep_adjoint.default

# torch 2.13 scripts some of its own code, and warns of that itself.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script.*` is deprecated:DeprecationWarning")

LAYERS: dict[str, tuple[Callable[[], nn.Module], int]] = {  # and how many sweeps run
    "deep": (lambda: Recurrent("gru", I, H, 2, bidirectional=True, learn_initial_state=True), 4),
    "layer norm": (lambda: Recurrent("lstm_layernorm", I, H), 1),
    "LSTM": (lambda: LSTM(I, H, 2, batch_first=True), 2),
    "GRU": (lambda: GRU(I, H, batch_first=True, bias=False), 1),
}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)


@pytest.fixture(params=LAYERS)
def case(request: pytest.FixtureRequest) -> tuple[nn.Module, int]:
    make, sweeps = LAYERS[request.param]
    return make(), sweeps


def results(run: Any, layer: nn.Module, x: Tensor, **options: Any) -> list[Tensor]:
    """Output, final states and every gradient."""
    x = x.clone().requires_grad_()
    output, final = run(x, **options)
    parts = [output, *(final if isinstance(final, tuple) else (final,))]
    loss = sum((p * torch.linspace(-1, 1, p.numel()).view_as(p)).sum() for p in parts)
    assert isinstance(loss, Tensor)
    return [*(p.detach() for p in parts), *torch.autograd.grad(loss, [x, *layer.parameters()])]


def close(found: list[Tensor], expected: list[Tensor], steps: int = T) -> None:
    assert len(found) == len(expected)
    for f, e in zip(found, expected, strict=True):
        scale = float(e.detach().abs().max())
        torch.testing.assert_close(f, e, rtol=0, atol=tolerance(e.dtype, steps, scale=scale))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_training_is_that_of_eager_mode(case: tuple[nn.Module, int], backend: str):
    layer, _ = case
    x = torch.randn(B, T, I)
    close(results(torch.compile(layer, backend=backend, fullgraph=True), layer, x), results(layer, layer, x))


def test_inductor():
    model = nn.Sequential(nn.Linear(I, I), Head(Recurrent("lstm", I, H)))
    x = torch.randn(B, T, I)
    run = torch.compile(model, fullgraph=True)
    close(
        results(lambda v: (run(v), ()), model, x),
        results(lambda v: (model(v), ()), model, x),
    )


class Head(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        output, _ = self.layer(x)
        return output.tanh().sum(-1)


def recorded(layer: nn.Module, x: Tensor) -> tuple[list[Any], list[Any]]:
    """What the forward and the backward program call, in order."""
    programs: list[list[Any]] = []

    def record(module: torch.fx.GraphModule, inputs: Any) -> Any:
        programs.append([n.target for n in module.graph.nodes if n.op == "call_function"])
        return make_boxed_func(module.forward)

    torch._dynamo.reset()
    backend = aot_autograd(fw_compiler=record, bw_compiler=record)
    results(torch.compile(layer, backend=backend, fullgraph=True), layer, x)
    forward, backward = programs
    return forward, backward


def test_a_program_has_one_operator_per_sweep_however_many_steps(case: tuple[nn.Module, int]):
    layer, sweeps = case
    forward, backward = recorded(layer, torch.randn(B, 4, I))
    assert forward.count(SWEEP) == sweeps
    assert backward.count(ADJOINT) == sweeps
    assert SWEEP not in backward, "the forward pass runs once"
    longer = recorded(layer, torch.randn(B, 64, I))
    assert longer == (forward, backward)


def test_without_gradients_nothing_is_saved():
    layer, x = Recurrent("lstm", I, H), torch.randn(B, T, I)
    saving: list[bool] = []

    def record(module: torch.fx.GraphModule, inputs: Any) -> Any:
        saving.extend(n.args[-1] for n in module.graph.nodes if n.target == SWEEP)
        return make_boxed_func(module.forward)

    run = torch.compile(layer, backend=aot_autograd(fw_compiler=record), fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(run(x), layer(x))
    assert saving == [False]


def test_shapes_may_change_without_compiling_again():
    layer, counter = Recurrent("gru", I, H, bidirectional=True), CompileCounter()
    run = torch.compile(layer, backend=counter, fullgraph=True, dynamic=True)
    for steps, batch in ((5, 3), (9, 4), (17, 2), (64, 7)):
        x = torch.randn(batch, steps, I)
        close(results(run, layer, x), results(layer, layer, x), steps)
    assert counter.frame_count == 1


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_any_shape_after_the_first(backend: str):
    """As torch does it by default: static at first, symbolic from the second shape on; batches of one as well."""
    layer = LSTM(I, H, batch_first=True)
    run = torch.compile(layer, backend=backend, fullgraph=True)
    for steps, batch in ((5, 3), (9, 3), (1, 1), (6, 5)):
        x = torch.randn(batch, steps, I)
        output, final = run(x)
        expected, expected_final = layer(x)
        close([output, *final], [expected, *expected_final], steps)


def test_lengths_and_resets():
    layer = Recurrent("gru", I, H, bidirectional=True, learn_initial_state=True)
    x, lengths = torch.randn(B, T, I), torch.tensor([5, 1, 3])
    reset = torch.zeros(B, T, dtype=torch.bool)
    reset[0, 2] = reset[2, 1] = True
    run = torch.compile(layer, backend="aot_eager", fullgraph=True)
    close(results(run, layer, x, lengths=lengths, reset=reset), results(layer, layer, x, lengths=lengths, reset=reset))


def test_autocast_inside_a_program():
    layer, x = Recurrent("gru", I, H), torch.randn(B, T, I)

    def run(v: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return layer(v.bfloat16())[0]

    found = torch.compile(run, backend="aot_eager", fullgraph=True)(x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, run(x))


def test_nothing_runs_on_fake_tensors():
    with FakeTensorMode():
        layer = Recurrent("lstm", I, H, 2, bidirectional=True)
        output, final = layer(torch.randn(B, T, I))
        output.sum().backward()
    assert output.shape == (B, T, 2 * H)
    assert [f.shape for f in final] == [(4, B, H)] * 2
    gradients = [p.grad for p in layer.parameters()]
    assert [None if g is None else g.shape for g in gradients] == [p.shape for p in layer.parameters()]


class Recorder(TorchDispatchMode):
    """Keeps the arguments of the compiled operators."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[Any, tuple[Any, ...]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (SWEEP, ADJOINT):
            self.calls[func] = args
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["gru", "lem", "lstm_layernorm"])
@pytest.mark.parametrize("ragged", [False, True])
def test_opcheck(name: str, ragged: bool):
    layer = Recurrent(name, I, H)
    options: dict[str, Any] = {}
    if ragged:
        options = {"lengths": torch.tensor([5, 1, 3]), "reset": torch.arange(B * T).view(B, T) % 4 == 0}
    with Recorder() as recorder:
        results(layer, layer, torch.randn(B, T, I), **options)
    cell, tensors, *others = recorder.calls[SWEEP]
    leaves = [t.detach().clone().requires_grad_() for t in tensors]
    torch.library.opcheck(SWEEP, (cell, leaves, *others))
    cell, tensors, saved, gradients, *others = recorder.calls[ADJOINT]
    plain = [[None if t is None else t.detach() for t in group] for group in (tensors, saved, gradients)]
    torch.library.opcheck(ADJOINT, (cell, *plain, *others))
