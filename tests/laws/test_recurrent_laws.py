"""Laws of any cell over time: cutting, padding, batching, turning round and scaling change nothing they should not."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.kinds import KINDS
from tests.lang.mgu_page import mgu
from unspool.cells import built_in
from unspool.lang import Cell
from unspool.nn import Recurrent
from unspool.testing.tolerances import tolerance

I, H, P = 3, 4, 2  # noqa: E741 - the axes' letters
T, B = 6, 3
CELLS = [*KINDS.values(), mgu]

every_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda c: c.name)
few = settings(max_examples=8)
lengths_drawn = st.lists(st.integers(1, T), min_size=B, max_size=B)
resets_drawn = st.lists(st.booleans(), min_size=B * T, max_size=B * T)
seeds = st.integers(0, 2**32 - 1)


def build(cell: Cell | str, **options: Any) -> Recurrent:
    """A layer in float64 with every parameter random, a learned initial state too."""
    graph = cell.graph if isinstance(cell, Cell) else built_in()[cell].graph
    sizes = dict.fromkeys(graph.sizes - {"I", "H"}, P)
    layer = Recurrent(cell, I, H, sizes=sizes, dtype=torch.float64, **options)
    generator = torch.Generator().manual_seed(len(graph.nodes))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-0.6, 0.6, generator=generator)
    return layer


def series(seed: int = 0, batch: int = B, steps: int = T) -> Tensor:
    return torch.randn(batch, steps, I, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def states(layer: Recurrent, batch: int = B) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(7)
    stacked = layer.num_layers * layer.directions
    shapes = [(stacked, batch, size) for size in layer.state_sizes]
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)


def same(found: Tensor | Sequence[Tensor], expected: Tensor | Sequence[Tensor]) -> None:
    found, expected = ([v] if isinstance(v, Tensor) else list(v) for v in (found, expected))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        scale = float(b.detach().abs().max()) if b.numel() else 0.0
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance(torch.float64, T, scale=scale))


@every_cell
@pytest.mark.parametrize("cut", [1, 4])
def test_chunked_is_whole(cell: Cell, cut: int):
    layer = build(cell, num_layers=2)
    x, initial = series(), states(layer)
    whole, final = layer(x, initial)
    first, carried = layer(x[:, :cut], initial)
    second, chunked_final = layer(x[:, cut:], carried)
    same(torch.cat([first, second], 1), whole)
    same(chunked_final, final)


@every_cell
@few
@given(lengths=lengths_drawn, resets=resets_drawn, seed=seeds)
def test_a_batch_is_its_sequences_one_by_one(cell: Cell, lengths: list[int], resets: list[bool], seed: int):
    layer = build(cell, num_layers=2, bidirectional=True, learn_initial_state=True)
    x, initial, reset = series(seed), states(layer), torch.tensor(resets).view(B, T)
    output, final = layer(x, initial, lengths=torch.tensor(lengths), reset=reset)
    for b, length in enumerate(lengths):
        own = tuple(s[:, b : b + 1] for s in initial)
        alone, alone_final = layer(x[b : b + 1, :length], own, reset=reset[b : b + 1, :length])
        same(output[b : b + 1, :length], alone)
        assert not output[b, length:].any()
        same(tuple(s[:, b : b + 1] for s in final), alone_final)


@every_cell
@pytest.mark.parametrize("filling", [0.0, 1e6, float("nan")])
def test_padding_changes_nothing(cell: Cell, filling: float):
    """Three more steps of anything, resets among them, behind every sequence."""
    layer = build(cell, num_layers=2, bidirectional=True, learn_initial_state=True)
    x, lengths = series(), torch.tensor([T, 2, 4])
    reset = torch.zeros(B, T, dtype=torch.bool)
    reset[0, 3] = reset[2, 1] = True
    output, final = layer(x, lengths=lengths, reset=reset)
    padded = torch.cat([x, torch.full((B, 3, I), filling, dtype=x.dtype)], 1)
    beyond = torch.arange(T + 3) >= lengths[:, None]
    padded[beyond] = filling
    padded_reset = torch.cat([reset, reset.new_zeros(B, 3)], 1) | beyond
    long, long_final = layer(padded, lengths=lengths, reset=padded_reset)
    same(long[:, :T], output)
    same(long_final, final)
    wanted = torch.autograd.grad(output.sum() + sum(f.sum() for f in final), list(layer.parameters()))
    same(torch.autograd.grad(long.sum() + sum(f.sum() for f in long_final), list(layer.parameters())), wanted)


@every_cell
@few
@given(resets=st.lists(st.booleans(), min_size=T, max_size=T), length=st.integers(1, T), seed=seeds)
def test_a_reset_is_the_pieces_run_by_themselves(cell: Cell, resets: list[bool], length: int, seed: int):
    """In both directions, with padding, a learned initial state, and a given one where the sequence begins."""
    layer = build(cell, bidirectional=True, learn_initial_state=True)
    x, initial = series(seed, batch=1), states(layer, batch=1)
    output, final = layer(x, initial, lengths=torch.tensor([length]), reset=torch.tensor([resets]))
    begins = [0, *(t for t in range(1, length) if resets[t]), length]
    pieces = list(pairwise(begins))
    rest = tuple(layer.get_parameter(f"initial_{s.name}") for s in layer.graph.states)
    for begin, end in pieces:
        # forward, the state given reaches the first piece, unless that is reset; backward, the last
        own = tuple(
            torch.cat([s[:1] if begin == 0 and not resets[0] else r[:1], s[1:] if end == length else r[1:]])
            for s, r in zip(initial, rest, strict=True)
        )
        piece, piece_final = layer(x[:, begin:end], own)
        same(output[:, begin:end], piece)
        for which, there in ((1, begin == 0), (0, end == length)):
            if there:
                same(tuple(s[which] for s in final), tuple(s[which] for s in piece_final))


@every_cell
def test_the_reverse_direction_is_flip_run_flip(cell: Cell):
    both, one = build(cell, bidirectional=True), build(cell)
    stored = both.state_dict()
    one.load_state_dict({name: stored[f"{name}_reverse"] for name in one.state_dict()})
    x, initial = series(), states(both)
    output, final = both(x, initial)
    flipped, flipped_final = one(x.flip(1), tuple(s[1:] for s in initial))
    same(output[..., output.shape[-1] // 2 :], flipped.flip(1))
    same(tuple(s[1:] for s in final), flipped_final)


@every_cell
def test_layers_are_layers_one_after_another(cell: Cell):
    deep = build(cell, num_layers=2)
    x, initial = series(), states(deep)
    output, final = deep(x, initial)
    for k in range(2):
        sizes = dict.fromkeys(deep.graph.sizes - {"I", "H"}, P)
        single = Recurrent(cell, x.shape[-1], H, sizes=sizes, dtype=torch.float64)
        stored = deep.state_dict()
        single.load_state_dict({name: stored[name.replace("_l0", f"_l{k}")] for name in single.state_dict()})
        x, single_final = single(x, tuple(s[k : k + 1] for s in initial))
        same(tuple(s[k : k + 1] for s in final), single_final)
    same(x, output)


@every_cell
@pytest.mark.parametrize("now", [0, 3])
def test_the_future_does_not_reach_the_past(cell: Cell, now: int):
    layer = build(cell, num_layers=2)
    x = series()
    changed = x.clone()
    changed[:, now + 1 :] += 100
    same(layer(changed)[0][:, : now + 1], layer(x)[0][:, : now + 1])
    touched = x.clone()
    touched[:, now] += 1
    heard = (layer(touched)[0] != layer(x)[0])[:, now:]
    assert heard.any(-1).any(0).all()  # and every later step hears of it


@every_cell
def test_steps_from_rest_do_not_know_the_time(cell: Cell):
    """A sequence that begins three steps later, by a reset, gives the same three steps later."""
    layer = build(cell, learn_initial_state=True)
    x = series()
    reset = torch.zeros(B, T + 3, dtype=torch.bool)
    reset[:, 3] = True
    late, final = layer(torch.cat([series(1, steps=3), x], 1), reset=reset)
    output, expected = layer(x)
    same(late[:, 3:], output)
    same(final, expected)


@every_cell
def test_another_unit_of_x_is_another_w(cell: Cell):
    layer = build(cell)
    x = series()
    output, final = layer(x)
    with torch.no_grad():
        for parameter in layer.graph.parameters:
            if parameter.shape[-1:] == ("I",):
                layer.get_parameter(f"{parameter.name}_l0").div_(1000)
    scaled, scaled_final = layer(1000 * x)
    same(scaled, output)
    same(scaled_final, final)


def test_the_linear_network_is_linear():
    layer = build("elman_linear", bias=False)
    x, y = series(1), series(2)
    h = states(layer)
    zero = tuple(torch.zeros_like(s) for s in h)
    same(layer(2 * x - 3 * y, h)[0], 2 * layer(x, h)[0] - 3 * layer(y, h)[0] + 2 * layer(torch.zeros_like(x), h)[0])
    same(layer(torch.zeros_like(x), zero)[0], torch.zeros(B, T, H, dtype=x.dtype))


@pytest.mark.parametrize("cell", [c for c in CELLS if c.graph.output == c.graph.next_states[0]], ids=lambda c: c.name)
def test_the_final_state_is_what_was_put_out_last(cell: Cell):
    layer = build(cell)
    lengths = torch.tensor([T, 1, 4])
    output, final = layer(series(), lengths=lengths)
    same(final[0][0], output[torch.arange(B), lengths - 1])
