"""The sizes that a forecasting network gives to a cell."""

from dataclasses import replace

import pytest

from unspool.cells import built_in
from unspool.errors import SettingError
from unspool.forecast.networks.reading import Plan
from unspool.forecast.networks.recurrence import recurrence
from unspool.lang import Input, Matrix, PerStep, State, cell, tanh

PLAN = Plan(
    cell=built_in()["slstm"], lookback=5, horizon=2, outputs=1, features=0, hidden_size=8, num_layers=1, dropout=0,
    segment=1,
)  # fmt: skip


@cell
def irregular(x: Input, dt: PerStep, h: State, *, W: Matrix[Input]) -> State:
    return h + dt * tanh(W @ x)


@pytest.mark.parametrize(("hidden", "width"), [(8, 2), (6, 6), (4, 1)])
def test_blocks_are_four_where_that_divides_the_units(hidden: int, width: int):
    layer = recurrence(replace(PLAN, hidden_size=hidden), 3)
    assert layer.get_parameter("R_l0").shape == (4 * hidden, width)


def test_any_other_size_is_that_of_the_units():
    layer = recurrence(replace(PLAN, cell=built_in()["lstm_projection"]), 3)
    assert layer.get_parameter("P_l0").shape == (8, 8)


def test_a_cell_that_reads_a_number_per_step_is_refused():
    with pytest.raises(SettingError, match="cell irregular reads dt at every step"):
        recurrence(replace(PLAN, cell=irregular), 3)
