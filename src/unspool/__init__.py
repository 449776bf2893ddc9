"""Write one recurrent step as equations; it is unrolled over time and forecasts with a command."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unspool.cells import built_in, find_cell
    from unspool.classify import SequenceClassifier
    from unspool.errors import UnspoolError
    from unspool.forecast import Forecaster
    from unspool.lang import Cell, cell
    from unspool.nn import GRU, LSTM, RNN, Recurrent, from_torch
    from unspool.text import TextModel

_HOMES = {
    "Cell": "unspool.lang",
    "Forecaster": "unspool.forecast",
    "GRU": "unspool.nn",
    "LSTM": "unspool.nn",
    "RNN": "unspool.nn",
    "Recurrent": "unspool.nn",
    "SequenceClassifier": "unspool.classify",
    "TextModel": "unspool.text",
    "UnspoolError": "unspool.errors",
    "built_in": "unspool.cells",
    "cell": "unspool.lang",
    "find_cell": "unspool.cells",
    "from_torch": "unspool.nn",
}

__all__ = [
    "Cell",
    "Forecaster",
    "GRU",
    "LSTM",
    "RNN",
    "Recurrent",
    "SequenceClassifier",
    "TextModel",
    "UnspoolError",
    "built_in",
    "cell",
    "find_cell",
    "from_torch",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its room when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'unspool' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
