"""The recurrent layer inside a forecasting network."""

from unspool.errors import SettingError
from unspool.forecast.networks.reading import Plan
from unspool.nn import Recurrent

BLOCKS = 4
"""Of a block-diagonal matrix, where it divides the units; one otherwise."""


def recurrence(plan: Plan, input_size: int) -> Recurrent:
    """Any cell over time; sizes that its page names besides I and H are set to H, numbers of blocks to 4 or 1.

    Raises:
        SettingError: the cell wants a number per step, such as a time step, which a table does not give.
    """
    graph = plan.cell.graph
    if graph.number_inputs:
        names = ", ".join(v.name for v in graph.number_inputs)
        raise SettingError(
            f"cell {graph.name} reads {names} at every step besides its input; a forecast has nothing to give it",
            hint="choose a cell whose only input is x, or use unspool.nn.Recurrent with per_step=",
        )
    others = dict.fromkeys(graph.sizes - {"I", "H"}, plan.hidden_size)
    others |= {letter: 1 if plan.hidden_size % BLOCKS else BLOCKS for _, letter in graph.divisions}
    return Recurrent(plan.cell, input_size, plan.hidden_size, plan.num_layers, dropout=plan.dropout, sizes=others)
