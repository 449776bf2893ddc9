"""The recurrent layer inside a forecasting network."""

from unspool.forecast.networks.reading import Plan
from unspool.nn import Recurrent


def recurrence(plan: Plan, input_size: int) -> Recurrent:
    """Any cell over time; sizes that its page names besides I and H are set to H."""
    others = dict.fromkeys(plan.cell.graph.sizes - {"I", "H"}, plan.hidden_size)
    return Recurrent(plan.cell, input_size, plan.hidden_size, plan.num_layers, dropout=plan.dropout, sizes=others)
