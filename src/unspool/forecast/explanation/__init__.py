"""Which past steps and covariates a forecast rests on: integrated gradients and occlusion."""

from unspool.forecast.explanation.explaining import explain, parts_of
from unspool.forecast.explanation.result import Driver, Explained, Explanation, Stretch

__all__ = ["Driver", "Explained", "Explanation", "Stretch", "explain", "parts_of"]
