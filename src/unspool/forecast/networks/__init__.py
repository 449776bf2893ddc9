"""Forecasting networks: a window in, numbers per step of the horizon out. A network is a file and a line here."""

from unspool.forecast.networks.autoregressive import Autoregressive
from unspool.forecast.networks.dilated import DilatedStack
from unspool.forecast.networks.direct import Direct
from unspool.forecast.networks.onward import Onward
from unspool.forecast.networks.reading import Reading
from unspool.forecast.networks.segment import Segment
from unspool.forecast.networks.seq2seq import Seq2Seq

NETWORKS = {
    "direct": Direct,
    "segment": Segment,
    "onward": Onward,
    "dilated": DilatedStack,
    "seq2seq": Seq2Seq,
    "autoregressive": Autoregressive,
}

TIMED = ("onward",)
"""Those that read `Reading.dt`; the others' horizons and segments are equal steps."""

FED = ("autoregressive",)
"""Those that read their own forecast: they draw whole paths."""

__all__ = [
    "FED",
    "NETWORKS",
    "TIMED",
    "Autoregressive",
    "DilatedStack",
    "Direct",
    "Onward",
    "Reading",
    "Segment",
    "Seq2Seq",
]
