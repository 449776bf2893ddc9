"""Which cells are piecewise linear."""

import pytest
import torch

from unspool.cells import built_in
from unspool.dynamics.equilibria.piecewise import is_piecewise_linear
from unspool.dynamics.systems.functions import function_system
from unspool.dynamics.systems.system import as_system
from unspool.lang import Cell, Input, Matrix, State, cell, maximum, tanh
from unspool.nn import Recurrent
from unspool.passes import as_run

CELLS = [name for name, page in built_in().items() if not as_run(page.graph).number_inputs]
PIECEWISE = {"alrnn", "elman_linear", "elman_relu", "indrnn", "irnn", "lru", "mingru", "minlstm", "plrnn", "rglru"}
PIECEWISE |= {"shallow_plrnn"}


@pytest.mark.parametrize("name", CELLS)
def test_a_page_is_told_by_its_graph(name: str):
    sizes = dict.fromkeys(built_in()[name].graph.sizes - {"I", "H"}, 2)
    assert is_piecewise_linear(as_system(Recurrent(name, 2, 4, sizes=sizes))) == (name in PIECEWISE)


def test_in_a_stack_the_input_is_a_state_too():
    """Gates that read the input only, as the minGRU's, multiply the state with a state in the layer above."""
    assert is_piecewise_linear(as_system(Recurrent("elman_relu", 2, 4, num_layers=2)))
    assert not is_piecewise_linear(as_system(Recurrent("mingru", 2, 4, num_layers=2)))


@cell
def kinked(x: Input, h: State, *, R: Matrix[State], W: Matrix[Input]) -> State:
    return maximum(abs(R @ h), -0.5 * h) / (1 + tanh(W @ x)) - tanh(W @ x) * h


@cell
def squared(x: Input, h: State, *, W: Matrix[Input]) -> State:
    return h * h + W @ x


@cell
def divided(x: Input, h: State, *, W: Matrix[Input]) -> State:
    return h / (1 + abs(h)) + W @ x


PAGES = {"kinks": (kinked, True), "a square": (squared, False), "a quotient": (divided, False)}


@pytest.mark.parametrize(("page", "expected"), PAGES.values(), ids=PAGES)
def test_a_page_of_ones_own(page: Cell, expected: bool):
    assert is_piecewise_linear(as_system(Recurrent(page, 2, 3))) == expected


def test_of_a_function_nothing_is_known():
    assert not is_piecewise_linear(function_system(torch.relu, 2))
