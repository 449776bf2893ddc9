"""The recurrent layer inside a forecasting network."""

from unspool.forecast.networks.reading import Plan
from unspool.nn import Recurrent


def recurrence(plan: Plan, input_size: int) -> Recurrent:
    """Any cell over time; sizes that its page names besides I and H are set to H."""
    others = {letter: plan.hidden_size for letter in plan.cell.graph.sizes - {"I", "H"}}
    return Recurrent(
        plan.cell, input_size, plan.hidden_size, plan.num_layers, dropout=plan.dropout, bias=True, **others
    )
