"""Settings of the networks that are fed their own forecast, and of heads: what goes together, and what is usual."""

from typing import TYPE_CHECKING

from unspool.errors import ModelError, SettingError
from unspool.forecast.heads import COUNTS
from unspool.forecast.networks import FED
from unspool.forecast.quantiles import check_levels
from unspool.forecast.smoothing import SMOOTHING

if TYPE_CHECKING:
    from unspool.forecast.options import Options


def usual_head(network: str) -> str:
    """The head where none is named: a density for a network that is drawn from, quantiles for the others."""
    return "student" if network in FED else "quantile"


def fed_lags(options: "Options", lookback: int, season: int) -> tuple[int, ...]:
    """The lags to read: those that were named, or one and two seasons where the window holds them.

    Raises:
        SettingError: a lag is longer than the window.
    """
    if options.lags is None:
        return tuple(lag for lag in (season, 2 * season) if 2 <= lag <= lookback)
    if options.lags and max(options.lags) > lookback:
        raise SettingError(
            f"lag {max(options.lags)} is longer than the window of {lookback} steps", hint="lengthen the window"
        )
    return tuple(sorted(set(options.lags)))


def check_paths(paths: int, network: str) -> None:
    """Raises `SettingError` where paths are asked of a network that has none, or fewer than none."""
    if paths < 0:
        raise SettingError(f"paths is {paths}", hint="give a number of paths, for example 100")
    if paths and network not in FED:
        raise SettingError(
            f"network '{network}' forecasts the steps of the horizon each by itself and has no paths through them",
            hint=f"fit one that has: --network {FED[0]}",
        )


def check_explained(network: str, head: str) -> None:
    """Raises `ModelError` where the point forecast has no gradient."""
    if network in FED or head in COUNTS:
        what = f"network '{network}' draws its forecast" if network in FED else f"head '{head}' has SciPy's quantiles"
        raise ModelError(
            f"no gradient passes to the inputs: {what}", hint="explain a model of another network and head"
        )


def check_exported(network: str, head: str) -> None:
    """Raises `ModelError` where quantiles are not a plain function of the inputs that ONNX has operations for."""
    if network in FED or head not in ("quantile", "normal"):
        what = f"network '{network}' draws its forecast" if network in FED else f"head '{head}' has SciPy's quantiles"
        raise ModelError(f"it cannot be written as ONNX: {what}", hint="export a model with head quantile or normal")


def check_fed(options: "Options") -> None:
    """Raises `SettingError` where network, head, normalisation and what goes with them do not fit each other."""
    fed, head = options.network in FED, options.head
    if options.lags is not None and not fed:
        raise SettingError("lags are read by the network 'autoregressive'", hint="--network autoregressive")
    if odd := [lag for lag in options.lags or () if lag < 2]:
        raise SettingError(f"lag {odd[0]} is below 2", hint="the value one step before is always read")
    if options.budget is not None and (fed or head in COUNTS):
        what = f"network '{options.network}'" if fed else f"head '{head}'"
        raise SettingError(
            f"a budget searches normalisations and highways, which {what} does not have", hint="leave the budget out"
        )
    if fed and options.gap:
        raise SettingError(
            f"network '{options.network}' is fed its own forecast from step to step; a gap of {options.gap} breaks it",
            hint="forecast the steps of the gap as well, with a longer horizon, or take another network",
        )
    if fed and options.highway:
        raise SettingError(
            f"a highway forecasts the horizon at once; network '{options.network}' goes step by step",
            hint="leave the highway out; the values before are read by --lags",
        )
    if fed and head == "quantile" and len(check_levels(options.quantiles)) < 3:
        raise SettingError(
            "paths are drawn between the quantiles, and one quantile leaves nothing to draw from",
            hint="give a level below ½ and one above, or another head",
        )
    if head in COUNTS and options.normalisation not in ("auto", "ratio"):
        raise SettingError(
            f"head '{head}' counts from zero; normalisation '{options.normalisation}' takes a level off",
            hint="take normalisation ratio, or another head",
        )
    if head in COUNTS and options.log:
        raise SettingError(f"head '{head}' counts from zero, which has no logarithm", hint="leave --log out")
    if fed and options.normalisation == SMOOTHING:
        raise SettingError(
            f"normalisation '{SMOOTHING}' goes on by itself; network '{options.network}' goes on from what it drew",
            hint="take another normalisation or network",
        )
    if head not in COUNTS and options.normalisation == "ratio":
        raise SettingError(
            f"normalisation 'ratio' is for values that count from zero; head '{head}' takes any",
            hint=f"take head {' or '.join(COUNTS)}, or another normalisation",
        )
    if head in COUNTS and options.highway:
        raise SettingError(f"a highway may go below zero, which head '{head}' cannot", hint="leave the highway out")
