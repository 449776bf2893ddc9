"""Classical experiments: data made to order."""

from unspool.tasks.flip_flop import flip_flop
from unspool.tasks.temporal_order import temporal_order

__all__ = ["flip_flop", "temporal_order"]
