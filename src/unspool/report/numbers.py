"""Numbers as a person reads them: four digits, a true minus, narrow spaces at which no line breaks."""

import math
from collections.abc import Iterable

MISSING = "–"
THIN = "\u202f"
HARD = "\u00a0"


def number(value: float | None) -> str:
    """Four significant digits; all digits of a large integer part; powers of ten only beyond 1e-4 … 1e9."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    exponent = int(f"{value:.3e}".split("e")[1])
    if exponent >= 9 or exponent < -4:
        text = f"{value:.3e}"
    elif exponent >= 3:
        text = f"{value:,.0f}".replace(",", THIN)
    else:
        text = f"{value:.{3 - exponent}f}"
    return text.replace("-", "−")


def percent(share: float | None) -> str:
    """A share as a percentage: whole from 10 % up, one decimal below."""
    if share is None or not math.isfinite(share):
        return MISSING
    hundred = 100 * share
    text = f"{hundred:.0f}" if abs(hundred) >= 9.95 else f"{hundred:.1f}".removesuffix(".0")
    return ("0" if float(text) == 0 else text).replace("-", "−") + HARD + "%"


def level(share: float) -> str:
    """A quantile level or a nominal coverage, without rounding what the user wrote: 0.9 → 90 %, 0.975 → 97.5 %."""
    return f"{100 * share:.4g}{HARD}%"


def count(items: int, noun: str, plural: str | None = None) -> str:
    """`1 fold`, `5 folds`, `2 284 observations`."""
    word = noun if items == 1 else (plural or noun + "s")
    return f"{items:,}".replace(",", THIN) + HARD + word


def between(low: float, high: float) -> str:
    """An interval: `370.9 to 372.4` (a dash would be taken for a minus)."""
    return f"{number(low)} to {number(high)}"


def hover_format(values: Iterable[float]) -> str:
    """The d3 format that agrees with `number` for values of this size."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest >= 1e9 or 0 < largest < 1e-4:
        return ".3e"
    return ",.0f" if largest >= 1e4 else ",.4r"


def for_drawing(values: Iterable[float]) -> list[float | None]:
    """Plain JSON numbers with eight significant digits; None where there is none."""
    return [float(f"{value:.8g}") if math.isfinite(value) else None for value in values]
