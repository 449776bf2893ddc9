"""Forecasting networks: a window in, numbers per step of the horizon out. A network is a file and a line here."""

from unspool.forecast.networks.direct import Direct
from unspool.forecast.networks.reading import Reading
from unspool.forecast.networks.segment import Segment

NETWORKS = {"direct": Direct, "segment": Segment}

__all__ = ["NETWORKS", "Direct", "Reading", "Segment"]
