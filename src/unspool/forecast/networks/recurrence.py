"""The recurrent layer inside a forecasting network."""

from unspool.errors import SettingError
from unspool.forecast.networks.reading import Plan
from unspool.forecast.timed import TIME
from unspool.nn import Recurrent
from unspool.passes import settled

BLOCKS = 4
"""Of a block-diagonal matrix, where it divides the units; one otherwise."""


def recurrence(plan: Plan, input_size: int) -> Recurrent:
    """Any cell over time; sizes that its page names besides I and H are set to H, numbers of blocks to 4 or 1.

    Raises:
        SettingError: the cell wants a number per step that a table does not give, or a time step for even times.
    """
    return Recurrent(
        plan.cell, input_size, plan.hidden_size, plan.num_layers, dropout=plan.dropout, sizes=checked_sizes(plan)
    )


def checked_sizes(plan: Plan) -> dict[str, int]:
    """The sizes that the cell's page names besides I and H; raises as `recurrence` does."""
    graph = plan.cell.graph
    given = {TIME} if plan.uneven else set()
    if names := ", ".join(v.name for v in settled(graph).number_inputs if v.name not in given):
        raise SettingError(
            f"cell {graph.name} reads {names} at every step besides its input; a forecast has nothing to give it",
            hint="choose a cell whose only input is x, give the number a default on its page, or use "
            "unspool.nn.Recurrent with per_step=",
        )
    others = dict.fromkeys(graph.sizes - {"I", "H"}, plan.hidden_size)
    return others | {letter: 1 if plan.hidden_size % BLOCKS else BLOCKS for _, letter in graph.divisions}
