"""Every torch transform goes through: each against a slow loop, finite differences, or autograd itself."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev, jvp, stack_module_state, vmap
from torch.nn.utils.rnn import pack_padded_sequence

from tests.kinds import KINDS
from unspool.cells import built_in
from unspool.nn import GRU, LSTM, RNN, Recurrent

# torch 2.13 scripts its own forward-mode formulas when they are first used, and warns of that itself.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

I, H, T, B, P = 2, 4, 3, 4, 2  # noqa: E741 - the axes' letters
DOUBLE: dict[str, Any] = {"dtype": torch.float64}


def recurrent(name: str, **options: Any) -> Callable[[], nn.Module]:
    sizes = dict.fromkeys(built_in()[name].graph.sizes - {"I", "H"}, P)
    return lambda: Recurrent(name, I, H, sizes=sizes, **options, **DOUBLE)


LAYERS: dict[str, Callable[[], nn.Module]] = {
    **{name: recurrent(name) for name in KINDS},
    "deep": recurrent("gru", num_layers=2, bidirectional=True, learn_initial_state=True),
    "RNN": lambda: RNN(I, H, batch_first=True, **DOUBLE),
    "LSTM": lambda: LSTM(I, H, 2, batch_first=True, bidirectional=True, **DOUBLE),
    "LSTM projected": lambda: LSTM(I, H, batch_first=True, proj_size=P, **DOUBLE),
    "GRU": lambda: GRU(I, H, batch_first=True, **DOUBLE),
}


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    made = LAYERS[request.param]()
    for parameter in made.parameters():
        nn.init.uniform_(parameter, -0.7, 0.7)
    return made


@pytest.fixture
def x() -> Tensor:
    return torch.randn(B, T, I, generator=torch.Generator().manual_seed(1), **DOUBLE)


def everything(result: Any) -> Tensor:
    """Output and final states in one vector."""
    output, final = result
    parts = [output, *(final if isinstance(final, tuple) else (final,))]
    return torch.cat([part.reshape(-1) for part in parts])


def forward_mode(function: Any, at: tuple[Any, ...], along: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
    value, tangent, *_ = jvp(function, at, along)
    return value, tangent


def weights(layer: nn.Module) -> dict[str, Tensor]:
    return {n: p.detach() for n, p in layer.named_parameters()}


def loss(layer: nn.Module, parameters: dict[str, Tensor], sequence: Tensor) -> Tensor:
    """A number for one sequence [T, I]."""
    return everything(functional_call(layer, parameters, (sequence[None],))).square().sum()


def test_jvp_is_a_finite_difference(layer: nn.Module, x: Tensor):
    parameters = weights(layer)
    generator = torch.Generator().manual_seed(2)
    direction = {n: torch.randn(p.shape, generator=generator, **DOUBLE) for n, p in parameters.items()}
    x_direction = torch.randn(x.shape, generator=generator, **DOUBLE)

    def at(step: float) -> Tensor:
        moved = {n: p + step * direction[n] for n, p in parameters.items()}
        return everything(functional_call(layer, moved, (x + step * x_direction,)))

    value, tangent = forward_mode(
        lambda p, v: everything(functional_call(layer, p, (v,))), (parameters, x), (direction, x_direction)
    )
    torch.testing.assert_close(value, at(0.0))
    torch.testing.assert_close(tangent, (at(1e-6) - at(-1e-6)) / 2e-6, atol=1e-7, rtol=1e-6)


def test_vmap_over_inputs_is_a_loop(layer: nn.Module, x: Tensor):
    inputs = torch.stack([x, x.flip(1), 2 * x])
    mapped = vmap(lambda one: everything(layer(one)))(inputs)
    torch.testing.assert_close(mapped, torch.stack([everything(layer(one)) for one in inputs]))


def test_vmap_over_parameters_is_a_loop(layer: nn.Module, x: Tensor, request: pytest.FixtureRequest):
    layers = [layer, *(LAYERS[request.node.callspec.params["layer"]]() for _ in range(2))]
    stacked, _ = stack_module_state(layers)
    mapped = vmap(lambda p: everything(functional_call(layer, p, (x,))))(stacked)
    torch.testing.assert_close(mapped, torch.stack([everything(one(x)) for one in layers]))


def test_jacrev_is_one_backward_pass_per_output(layer: nn.Module, x: Tensor):
    sequence = x[:1].clone().requires_grad_()
    found = jacrev(lambda v: everything(layer(v)))(sequence.detach())
    result = everything(layer(sequence))
    rows = [torch.autograd.grad(part, sequence, retain_graph=True)[0] for part in result]
    torch.testing.assert_close(found, torch.stack(rows))


def test_gradients_per_sample_are_a_loop(layer: nn.Module, x: Tensor):
    parameters = weights(layer)
    gradient = grad(lambda p, sequence: loss(layer, p, sequence))
    mapped = vmap(gradient, in_dims=(None, 0))(parameters, x)
    for b in range(B):
        one = gradient(parameters, x[b])
        for name, expected in one.items():
            torch.testing.assert_close(mapped[name][b], expected)


def test_the_second_derivative_is_a_finite_difference(layer: nn.Module, x: Tensor):
    """Of a gradient penalty, as a training loop takes it."""
    parameters = list(layer.parameters())

    def slope(sequence: Tensor) -> Tensor:
        (of_x,) = torch.autograd.grad(everything(layer(sequence)).square().sum(), sequence, create_graph=True)
        return of_x.square().sum()

    sequence = x[:1].clone().requires_grad_()
    found = torch.autograd.grad(slope(sequence), parameters, allow_unused=True)
    checked = 0
    for parameter, derivative in zip(parameters, found, strict=True):
        direction = torch.ones_like(parameter)
        sides = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                parameter += step * direction
            sides.append(float(slope(sequence).detach()))
            with torch.no_grad():
                parameter -= step * direction
        expected = (sides[0] - sides[1]) / 2e-6
        assert (0.0 if derivative is None else float(derivative.sum())) == pytest.approx(expected, rel=1e-5, abs=1e-6)
        checked += derivative is not None
    assert checked


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_a_packed_sequence_under_transforms(kind: Any, x: Tensor):
    """Forward mode through x, and vmap over stacked parameters."""
    layers = [kind(I, H, **DOUBLE) for _ in range(2)]
    # torch packs without a forward-mode formula, so the derivative is by the packed data.
    packed = pack_padded_sequence(x, torch.tensor([2, 3, 1, 3]), batch_first=True, enforce_sorted=False)

    def run(layer: nn.Module, parameters: dict[str, Tensor], data: Tensor) -> Tensor:
        output, final = functional_call(layer, parameters, (packed._replace(data=data),))
        return everything((output.data, final))

    stacked, _ = stack_module_state(layers)
    mapped = vmap(lambda p: run(layers[0], p, packed.data))(stacked)
    torch.testing.assert_close(mapped, torch.stack([run(m, weights(m), packed.data) for m in layers]))
    first, own = layers[0], weights(layers[0])
    _, tangent = forward_mode(lambda data: run(first, own, data), (packed.data,), (torch.ones_like(packed.data),))
    sides = [run(first, own, packed.data + step) for step in (1e-6, -1e-6)]
    torch.testing.assert_close(tangent, (sides[0] - sides[1]) / 2e-6, atol=1e-7, rtol=1e-6)


def test_reset_and_lengths_under_transforms(x: Tensor):
    layer = recurrent("gru", bidirectional=True, learn_initial_state=True)()
    lengths = torch.tensor([3, 1, 2, 3])
    reset = torch.zeros(B, T, dtype=torch.bool)
    reset[0, 2] = reset[3, 1] = True
    each = vmap(lambda v, r: everything(layer(v[None], reset=r[None])), in_dims=(0, 0))(x, reset)
    torch.testing.assert_close(
        each, torch.stack([everything(layer(x[b : b + 1], reset=reset[b : b + 1])) for b in range(B)])
    )
    _, tangent = forward_mode(lambda v: everything(layer(v, lengths=lengths, reset=reset)), (x,), (torch.ones_like(x),))
    sides = [everything(layer(x + step, lengths=lengths, reset=reset)) for step in (1e-6, -1e-6)]
    torch.testing.assert_close(tangent, (sides[0] - sides[1]) / 2e-6, atol=1e-7, rtol=1e-6)
