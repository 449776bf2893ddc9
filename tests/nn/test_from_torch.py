"""`from_torch`: a module that is one step equals a loop over it, or is refused with the operation and its line."""

import copy
import doctest
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn
from torch.nn import functional

from tests.nn import torch_steps
from tests.nn.random_modules import Drawn, modules
from tests.nn.torch_steps import (
    RULES,
    CatLSTM,
    Columns,
    CutInput,
    Evaluated,
    Heads,
    InPlace,
    LayerNormGRU,
    Leaky,
    OneTensorLSTM,
    OneUnit,
    Parametrized,
    Perceptron,
    Rule,
    Ruled,
    ThreeStates,
    TwoStages,
    Views,
    eager,
)
from unspool import find_cell, from_torch
from unspool.errors import CellError, SettingError, ShapeError
from unspool.ir import graph_from_json, graph_to_json, print_graph
from unspool.nn import FromTorch, Recurrent
from unspool.passes import Plan, StackedProduct, make_plan

B, T = 3, 4


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def assert_equals_loop(module: nn.Module, **options: Any) -> FromTorch:
    """Output, final states and every gradient are those of the loop, to 1e-10 of the largest."""
    layer = from_torch(module, **options)
    x = torch.randn(B, T, layer.input_size, requires_grad=True)
    states = tuple(torch.randn(B, size, requires_grad=True) for size in layer.state_sizes)
    is_tuple = isinstance(options.get("state_sizes"), tuple) or isinstance(module, CatLSTM | nn.LSTMCell)
    output, final = layer(x, tuple(s[None] for s in states))
    expected_output, expected_final = eager(module, x, states, is_tuple)
    found, expected = (output, *(s[0] for s in final)), (expected_output, *expected_final)
    close(found, expected)
    sources = [x, *states, *module.parameters()]
    weights = [torch.randn_like(v) for v in found]
    close(gradients(found, weights, sources), gradients(expected, weights, sources))
    assert graph_from_json(graph_to_json(layer.graph)) == layer.graph
    return layer


def gradients(values: tuple[Tensor, ...], weights: list[Tensor], sources: list[Tensor]) -> tuple[Tensor, ...]:
    total = torch.stack([(v * w).sum() for v, w in zip(values, weights, strict=True)]).sum()
    return torch.autograd.grad(total, sources, allow_unused=True, materialize_grads=True)


def close(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> None:
    scale = max(1.0, *(float(v.detach().abs().max()) for v in expected if v.numel()))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10 * scale)


STEPS: list[tuple[Callable[[], nn.Module], dict[str, Any]]] = [
    *((lambda c=c, i=i, b=b: c(i, 4, bias=b), {}) for c in (nn.RNNCell, nn.GRUCell, nn.LSTMCell) for i in (3, 4)
      for b in (True, False)),
    (lambda: nn.RNNCell(3, 4, nonlinearity="relu"), {}),
    (CatLSTM, {}),
    (lambda: CatLSTM(4, 4), {}),
    (LayerNormGRU, {}),
    (lambda: LayerNormGRU(3, 5), {}),
    (Perceptron, {}),
    (Leaky, {}),
    (TwoStages, {"input_size": 2, "state_sizes": (4, 3)}),
    (OneTensorLSTM, {"state_sizes": 8}),
    (Views, {}),
    (OneUnit, {}),
    (InPlace, {}),
    (Parametrized, {}),
    (CutInput, {}),
    (Columns, {}),
    (Heads, {}),
    (lambda: Evaluated().eval(), {}),
    (ThreeStates, {"input_size": 4, "state_sizes": (4, 4, 2)}),
]  # fmt: skip


@pytest.mark.parametrize(("make", "options"), STEPS, ids=[f"{n}-{make()}".split("\n")[0] for n, (make, _) in
                                                          enumerate(STEPS)])  # fmt: skip
def test_a_layer_is_the_loop_over_its_step(make: Callable[[], nn.Module], options: dict[str, Any]):
    assert_equals_loop(make(), **options)


@pytest.mark.parametrize("name", RULES)
def test_what_can_be_said(name: str):
    assert_equals_loop(Ruled(RULES[name]))


@settings(max_examples=60)
@given(drawn=modules())
def test_any_module_of_such_parts_is_traced(drawn: tuple[Drawn, int, int | tuple[int, ...]]):
    module, input_size, state_sizes = drawn
    assert_equals_loop(module, input_size=input_size, state_sizes=state_sizes)


def work(plan: Plan) -> list[tuple[list[int], int]]:
    """Per part of a plan: how products are stacked, and how many unitwise operations there are."""
    parts = (plan.prologue, plan.loop, plan.epilogue)
    return [
        ([len(i.matrices) for i in part if isinstance(i, StackedProduct)], sum(isinstance(i, int) for i in part))
        for part in parts
    ]


@pytest.mark.parametrize(
    ("make", "page"),
    [
        (lambda: nn.GRUCell(3, 4), "gru"),
        (lambda: nn.GRUCell(4, 4), "gru"),
        (lambda: nn.LSTMCell(3, 4), "lstm"),
        (CatLSTM, "lstm"),
        (lambda: nn.RNNCell(3, 4), "elman"),
        (lambda: nn.RNNCell(3, 4, nonlinearity="relu"), "elman_relu"),
    ],
)
def test_the_plan_is_as_good_as_the_pages(make: Callable[[], nn.Module], page: str):
    traced, written = (work(make_plan(g)) for g in (from_torch(make()).graph, find_cell(page).graph))
    assert [products for products, _ in traced] == [products for products, _ in written]
    assert all(ours <= theirs for (_, ours), (_, theirs) in zip(traced, written, strict=True))


def test_a_traced_step_reads_as_equations():
    assert print_graph(from_torch(nn.LSTMCell(3, 4)).graph).startswith(
        "LSTMCell: x [I], h [H], c [H] → h [H], c [H]\nweight_hh [4·H, H]  bias_hh [4·H]  weight_ih [4·H, I]"
    )
    layer = from_torch(Perceptron())
    assert "; output [N]\nnet_0_weight_x [M, I]  net_0_weight_h [M, H]" in print_graph(layer.graph)
    assert layer.sizes == {"H": 4, "I": 3, "K": 6, "M": 9, "N": 2}


def test_equal_numbers_are_not_one_size():
    assert {v.size for v in from_torch(nn.GRUCell(4, 4)).graph.inputs} == {"I"}


def test_parameters_are_the_modules_own():
    module = nn.GRUCell(3, 4)
    layer = from_torch(module)
    assert list(layer.parameters()) == list(module.parameters())
    assert list(layer.state_dict()) == [f"step.{name}" for name in module.state_dict()]
    before = layer(torch.ones(1, 1, 3))[0]
    layer(torch.randn(2, 3, 3))[0].sum().backward()
    torch.optim.SGD(module.parameters(), 0.1).step()
    after = layer(torch.ones(1, 1, 3))[0]
    assert not torch.equal(before, after)
    torch.testing.assert_close(after[:, 0], module(torch.ones(1, 3)))
    layer.load_state_dict({name: torch.zeros_like(value) for name, value in layer.state_dict().items()})
    assert not module.weight_ih.any()


def test_a_layer_can_be_swapped_functionally():
    layer = from_torch(nn.GRUCell(3, 4))
    zeros = {name: torch.zeros_like(value) for name, value in layer.named_parameters()}
    assert not torch.func.functional_call(layer, zeros, (torch.ones(2, 3, 3),))[0].any()


def test_lengths_resets_and_axes():
    module, x = nn.GRUCell(3, 4), torch.randn(2, 5, 3)
    layer = from_torch(module)
    output, (h,) = layer(x, lengths=torch.tensor([5, 2]))
    torch.testing.assert_close(h[0, 1], layer(x[1:, :2])[1][0][0, 0])
    assert not output[1, 2:].any()
    reset = torch.zeros(2, 5, dtype=torch.bool)
    reset[:, 3] = True
    torch.testing.assert_close(layer(x, reset=reset)[0][:, 3:], layer(x[:, 3:])[0])
    second = from_torch(module, batch_first=False)
    turned, _ = second(x.transpose(0, 1), reset=reset.T)
    assert torch.equal(turned.transpose(0, 1), layer(x, reset=reset)[0])
    single = torch.randn(1, 2, 4)
    assert torch.equal(layer(x, single)[0], layer(x, (single,))[0])


def test_a_state_in_pieces_is_reset_whole():
    layer, x = from_torch(OneTensorLSTM(), state_sizes=8), torch.randn(2, 5, 3)
    reset = torch.zeros(2, 5, dtype=torch.bool)
    reset[:, 2] = True
    output, (state,) = layer(x, torch.randn(1, 2, 8), reset=reset)
    assert (output.shape, state.shape, len(layer.graph.states)) == ((2, 5, 8), (1, 2, 8), 2)
    torch.testing.assert_close(output[:, 2:], layer(x[:, 2:])[0])


def test_its_cell_is_a_cell():
    layer = from_torch(CatLSTM())
    other = Recurrent(layer.cell, 5, 7, num_layers=2, bidirectional=True)
    assert other(torch.randn(2, 3, 5))[0].shape == (2, 3, 14)
    norm = Recurrent(from_torch(LayerNormGRU()).cell, 3, 6)  # a mean over the units is over all of them, however many
    x, h = torch.randn(2, 3), torch.randn(2, 6)
    step = LayerNormGRU(3, 6)
    with torch.no_grad():
        for name, parameter in norm.named_parameters():
            room, _, part = name.removesuffix("_l0").rpartition("_")
            parameter.copy_(step.get_parameter(f"{room}.{part}"))
    torch.testing.assert_close(norm(x[:, None], h[None])[0][:, 0], step(x, h))


def test_copies_dtypes_and_modes():
    layer = from_torch(nn.GRUCell(3, 4))
    twin = copy.deepcopy(layer).float()
    x = torch.randn(2, 5, 3)
    torch.testing.assert_close(twin(x.float())[0].double(), layer(x)[0], rtol=0, atol=1e-5)
    assert next(iter(layer.parameters())).dtype == torch.float64
    with torch.no_grad():
        assert not twin(x.float())[0].requires_grad


def test_it_is_traced_anew_in_another_mode():
    module = Evaluated().eval()
    layer, x = from_torch(module), torch.randn(2, 5, 3)
    layer(x)
    layer.train()
    with pytest.raises(CellError, match="'native_batch_norm': it mixes the members of the batch"):
        layer(x)
    module.eval()
    layer(x)


def test_random_numbers_are_left_as_they_were():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    module = Ruled(RULES["choice"])
    torch.manual_seed(1)
    from_torch(module)
    assert torch.equal(torch.rand(3), expected)
    assert module.calls == 0


def test_tied_and_frozen_parameters():
    module = Ruled(lambda m, v, x, h: torch.tanh(m.B(v)))
    module.A = nn.Linear(3, 4).requires_grad_(False)
    extra: Any = module
    extra.C = nn.Linear(4, 4)
    extra.C.weight = module.B.weight
    module.rule = lambda m, v, x, h: torch.tanh(m.C(v) + m.B(h))
    layer = from_torch(module)
    x = torch.randn(2, 3, 3)
    layer(x)[0].sum().backward()
    assert module.A.weight.grad is None
    close(layer(x)[1][0], eager(module, x, (torch.zeros(2, 4),), False)[1])


def test_doubles_of_one_expression_are_one_parameter():
    layer = from_torch(Ruled(lambda m, v, x, h: v + m.B(m.B(h))))
    assert [p.name for p in layer.graph.parameters].count("B_weight") == 1
    assert len(layer.graph.parameters) == 4


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *args: Any, **_: Any) -> Any:
        return args[0].sign()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return grad_outputs[0]


def _counts(m: Ruled, v: Tensor, x: Tensor, h: Tensor) -> Tensor:
    m.count += 1
    return v


def _remembers(m: Ruled, v: Tensor, x: Tensor, h: Tensor) -> Tensor:
    m.calls += 1
    return v * m.calls


def _cuts_a_gradient(m: Ruled, v: Tensor, x: Tensor, h: Tensor) -> Tensor:
    with torch.no_grad():
        gate = torch.sigmoid(v)
    return gate * h


REFUSED: list[tuple[Rule, str]] = [
    (lambda m, v, x, h: v if h.sum() > 0 else -v, "a tensor's value becomes a Python number, or decides"),
    (lambda m, v, x, h: v * h.mean().item(), "a tensor's value becomes a Python number"),
    (lambda m, v, x, h: torch.erf(v), "torch operation 'erf': it cannot be said"),
    (lambda m, v, x, h: v.cumsum(-1), "torch operation 'cumsum'"),
    (lambda m, v, x, h: functional.gelu(v), "torch operation 'gelu': gelu by the error function"),
    (lambda m, v, x, h: torch.div(v, h, rounding_mode="floor"), "torch operation 'div': division with rounding_mode"),
    (lambda m, v, x, h: v * v.argmax(-1, keepdim=True), "torch operation 'argmax'"),
    (lambda m, v, x, h: v * v.max(-1, keepdim=True)[1], "a result of 'max' is used that cannot be said"),
    (lambda m, v, x, h: v - v.mean(0), "torch operation 'mean': it mixes the members of the batch"),
    (lambda m, v, x, h: v * v.sum(), "torch operation 'sum': it mixes the members of the batch"),
    (lambda m, v, x, h: v @ (h.T @ h), "torch operation 'mm': .*members of the batch"),
    (lambda m, v, x, h: v + h[0], "torch operation 'add': it mixes the members of the batch"),
    (lambda m, v, x, h: v + h.flip(0), "torch operation 'add': it mixes the members of the batch"),
    (lambda m, v, x, h: h[:1].expand_as(h), r"the output \[5, 4\] is not \[B, size\]"),
    (lambda m, v, x, h: h.roll(1, 0), r"the output \[5, 4\] is not \[B, size\]"),
    (lambda m, v, x, h: v * torch.arange(len(x))[:, None], "members of the batch are not treated alike"),
    (lambda m, v, x, h: functional.dropout(v, 0.5), "torch operation 'bernoulli': it draws random numbers"),
    (lambda m, v, x, h: v + torch.randn_like(v), "torch operation 'randn_like': it draws random numbers"),
    (lambda m, v, x, h: v + torch.rand(4), "torch operation 'rand': it draws random numbers"),
    (lambda m, v, x, h: v.detach() * h, "torch operation 'detach'"),
    (lambda m, v, x, h: v.float().double(), "torch operation '_to_copy': it changes the dtype to torch.float32"),
    (lambda m, v, x, h: v[:, m.order], "torch operation 'index': a buffer says which units"),
    (lambda m, v, x, h: torch.where(v > 0, v.log(), v), "torch operation 'where': a choice .* may not be finite"),
    (lambda m, v, x, h: torch.fft.fft(v).real, "torch operation '_fft_r2c'"),
    (lambda m, v, x, h: m.B.weight.data.mul_(0.5)[0] + v, "'copy_': it changes the module's 'B.weight'"),
    (_counts, "torch operation 'copy_': it changes the module's 'count'"),
    (lambda m, v, x, h: _Straight.apply(v), "it cannot be recorded: .*autograd.Function"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_what_cannot_be_said_is_refused_with_its_line(rule: Rule, says: str):
    with pytest.raises(CellError, match=says) as caught:
        from_torch(Ruled(rule))
    lines, first = inspect.getsourcelines(rule)
    found = re.match(r"from_torch\(Ruled\): (.*), line (\d+): ", caught.value.message)
    assert found, caught.value.message
    assert found[1] == __file__
    assert int(found[2]) in range(first, first + len(lines)) or rule is REFUSED[-1][0]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (lambda m, v, x, h: v / len(x), "results"),
        (_remembers, "results"),
        (lambda m, v, x, h: m.A(x) * 1.0 if len(x) == 5 else v, "results"),
        (lambda m, v, x, h: torch.empty_like(v) + v, "results"),
        (_cuts_a_gradient, "gradients"),
        (lambda m, v, x, h: v + m.B.bias * len(x), "results"),
    ],
)
def test_what_a_trace_would_freeze_is_refused(rule: Rule, what: str):
    module = Ruled(rule)
    nn.init.zeros_(module.B.bias)
    with pytest.raises(CellError, match=f"does not give the {what} of the module's forward"):
        from_torch(module)


class _Helper(nn.Module):
    input_size, hidden_size = 3, 4

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.inner(h)

    def inner(self, h: Tensor) -> Tensor:
        return (
            h
            + h.sort(-1)[0]
        )  # fmt: skip


def test_the_line_is_that_of_the_innermost_function():
    _, first = inspect.getsourcelines(_Helper.inner)
    with pytest.raises(CellError, match=f"line {first + 3}: torch operation 'sort'"):
        from_torch(_Helper())


def test_units_are_not_shuffled():
    class Reversed(nn.Module):
        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return torch.tanh(h.flip(1) + x)

    with pytest.raises(CellError, match="taken in 100 pieces"):
        from_torch(Reversed(), input_size=1, state_sizes=100)
    assert_equals_loop(Reversed(), input_size=1, state_sizes=5)


BAD_SETTINGS: list[tuple[Callable[[], Any], str]] = [
    (lambda: from_torch(nn.Linear(3, 4)), r"from_torch\(Linear\): input_size is not known"),
    (lambda: from_torch(nn.GRUCell(3, 4), input_size=0), "input_size is 0"),
    (lambda: from_torch(nn.Linear(3, 4), input_size=3), "the sizes of its state are not known"),
    (lambda: from_torch(nn.Linear(3, 4), input_size=3, state_sizes=4), r"with \[B, 4\] raises TypeError"),
    (lambda: from_torch(nn.GRUCell(3, 4), input_size=5), r"with \[B, 4\] raises RuntimeError: .*got 5 expected 3"),
    (lambda: from_torch(CatLSTM(), state_sizes=4), r"raises ValueError: too many values .*torch_steps.py, line \d+"),
    (lambda: from_torch(Ruled(lambda m, v, x, h: v[:, :3])), r"with \[B, 4\] returns a tensor \[5, 3\]"),
    (lambda: from_torch(Ruled(lambda m, v, x, h: None)), r"with \[B, 4\] returns a NoneType"),
    (lambda: from_torch(Ruled(lambda m, v, x, h: (v, h, h))), r"returns \(a tensor \[5, 4\], a tensor"),
]


@pytest.mark.parametrize(("make", "says"), BAD_SETTINGS, ids=[says for _, says in BAD_SETTINGS])
def test_a_bad_setting_is_refused(make: Callable[[], Any], says: str):
    with pytest.raises(SettingError, match=says):
        make()


def test_a_bad_call_is_refused():
    layer = from_torch(nn.LSTMCell(3, 4))
    with pytest.raises(ShapeError, match=r"from_torch\(LSTMCell\): x has 4 features(?s:.*)weight_ih \[4·H=16, I=3\]"):
        layer(torch.zeros(2, 5, 4))
    with pytest.raises(ShapeError, match="1 initial states given; the cell has 2: h, c"):
        layer(torch.zeros(2, 5, 3), torch.zeros(1, 2, 4))
    with pytest.raises(ShapeError, match=r"initial state h is \[1, 3, 4\]"):
        layer(torch.zeros(2, 5, 3), (torch.zeros(1, 3, 4), torch.zeros(1, 3, 4)))


def test_every_step_of_the_collection_is_tested():
    steps = {v for v in vars(torch_steps).values() if isinstance(v, type) and issubclass(v, nn.Module)}
    assert {type(make()) for make, _ in STEPS} | {Ruled} >= steps


def test_it_prints_its_sizes():
    text = repr(from_torch(nn.GRUCell(3, 4)))
    assert text.startswith("FromTorch(\n  input_size=3, state_sizes=(4,), batch_first=True\n  (step): GRUCell(3, 4)")


def test_its_example_runs():
    assert doctest.testmod(sys.modules["unspool.nn.from_torch"]) == (0, 4)
