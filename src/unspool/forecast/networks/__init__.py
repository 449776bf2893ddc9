"""Forecasting networks: a window in, numbers per step of the horizon out. A network is a file and a line here."""

from unspool.forecast.networks.autoregressive import Autoregressive
from unspool.forecast.networks.direct import Direct
from unspool.forecast.networks.onward import Onward
from unspool.forecast.networks.reading import Reading
from unspool.forecast.networks.segment import Segment

NETWORKS = {"direct": Direct, "segment": Segment, "onward": Onward, "autoregressive": Autoregressive}

TIMED = ("onward",)
"""Those that read `Reading.dt`; the others' horizons and segments are equal steps."""

FED = ("autoregressive",)
"""Those that read their own forecast: they draw whole paths."""

__all__ = ["FED", "NETWORKS", "TIMED", "Autoregressive", "Direct", "Onward", "Reading", "Segment"]
