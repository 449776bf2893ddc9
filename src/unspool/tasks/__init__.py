"""Classical experiments: data made to order."""

from unspool.tasks.flip_flop import flip_flop

__all__ = ["flip_flop"]
