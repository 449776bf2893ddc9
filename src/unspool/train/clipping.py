"""Clipping: a gradient whose norm exceeds a threshold is scaled down to it; the threshold may come from the run itself.

    if ‖g‖ ≥ θ:  g ← θ g / ‖g‖          Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063v2, algorithm 1

Their rule for θ: look at the norms over many updates; anything from half to ten times the average trains as well. Here
it is the median, because one exploding step makes any average meaningless.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Literal, final

import numpy as np
from torch import Tensor, nn

from unspool.errors import DataError, SettingError

Threshold = float | Literal["observed"]

WINDOW = 100
"""Updates that the observed norms are of: enough for a median, few enough to follow a run that has moved on."""


def observed_threshold(norms: Sequence[float], quantile: float = 0.5) -> float:
    """θ from the norms of earlier updates: the median, or another quantile, of those that are finite.

    Raises:
        DataError: none is finite and above zero.
    """
    usable = [n for n in norms if math.isfinite(n) and n > 0]
    if not usable:
        raise DataError(
            "no gradient norm to take a threshold from is finite and above zero",
            hint="run some updates first, with the gradients unclipped and the weights in float32 or better",
        )
    return float(np.quantile(usable, quantile))


@final
class GradientClip:
    """Clips the gradients of one run.

    Args:
        threshold: θ; or "observed": before each update the median norm of the last 100, this one among them. The
            first is not clipped, a lasting change of scale is followed, a single step of any size is held back.
        quantile: which quantile of the observed norms; nearer to 1, fewer updates are touched and it takes longer
            to hold back a run of large ones.

    Raises:
        SettingError: a threshold that is not above zero, a quantile that is not between 0 and 1.
    """

    def __init__(self, threshold: Threshold, quantile: float = 0.5) -> None:
        if threshold != "observed" and (isinstance(threshold, str) or not threshold > 0):
            raise SettingError(
                f"clip is {threshold!r}; it is a norm above 0, or 'observed'", hint="float('inf') clips nothing"
            )
        if not 0 < quantile < 1:
            raise SettingError(f"clip_quantile is {quantile}", hint="it lies between 0 and 1; 0.5 is the median")
        self.threshold, self.quantile = threshold, quantile
        self._norms: deque[float] = deque(maxlen=WINDOW)

    def __call__(self, parameters: Iterable[nn.Parameter]) -> Tensor:
        """Scale the gradients in place; the norm that they had before. One that is not finite is left as it is."""
        given = list(parameters)
        norm = nn.utils.get_total_norm([p.grad for p in given if p.grad is not None])
        self._norms.append(float(norm))
        if math.isfinite(self._norms[-1]) and self._norms[-1] > 0:
            given_one = self.threshold
            threshold = observed_threshold(self._norms, self.quantile) if isinstance(given_one, str) else given_one
            nn.utils.clip_grads_with_norm_(given, threshold, norm)
        return norm

    def state_dict(self) -> dict[str, Any]:
        """The norms observed so far, at most 100."""
        return {"norms": list(self._norms)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from these norms."""
        self._norms = deque(state["norms"], maxlen=WINDOW)
