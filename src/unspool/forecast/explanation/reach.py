"""How far back the recurrence of a model can carry anything: the link to the dynamics lens, `unspool inspect`."""

from unspool.dynamics.gradients.horizon import gradient_horizon
from unspool.errors import UnspoolError
from unspool.forecast.core import recurrent_core
from unspool.forecast.fitted import FittedModel
from unspool.forecast.tables.panel import Panel

STEPS = 200
"""Steps of the layer that are measured, about."""


def recurrent_reach(model: FittedModel, panel: Panel) -> int | None:
    """Steps of the data over which gradients stay above a thousandth in the first member's recurrent layer.

    The window's length where they do all the way; None for a layer that cannot be measured. See `gradient_horizon`.
    """
    try:
        core = recurrent_core(model, panel, STEPS)
        found = gradient_horizon(core.layer, core.x, longest=min(core.reads, len(core.x)))
    except UnspoolError:
        return None
    window = model.recipe.model.lookback
    return window if found.horizon is None else min(window, found.horizon * core.per_step)
