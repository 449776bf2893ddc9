"""Heads: what a network says of a step is made a distribution. A head is a file and a line here.

| name | distribution | numbers per step | values |
|---|---|---|---|
| `quantile` | quantiles at the levels asked for, straight lines between them | one per level | any |
| `normal` | normal | 2 | any |
| `student` | Student's t | 3 | any |
| `negative_binomial` | negative binomial | 2 | counts |
| `tweedie` | compound Poisson–gamma of power 3/2 | 2 | 0 and above |
"""

from collections.abc import Callable, Sequence

from unspool.forecast.heads.head import Head
from unspool.forecast.heads.negative_binomial import NegativeBinomial
from unspool.forecast.heads.normal import Normal
from unspool.forecast.heads.quantile import Quantile
from unspool.forecast.heads.student import Student
from unspool.forecast.heads.tweedie import Tweedie

HEADS: dict[str, Callable[[Sequence[float]], Head]] = {
    "quantile": Quantile,
    "normal": Normal,
    "student": Student,
    "negative_binomial": NegativeBinomial,
    "tweedie": Tweedie,
}
"""name → the head for these levels."""

COUNTS = ("negative_binomial", "tweedie")
"""Heads whose values are never negative: their data keep their zero, and are only divided by their mean."""

__all__ = ["COUNTS", "HEADS", "Head", "NegativeBinomial", "Normal", "Quantile", "Student", "Tweedie"]
