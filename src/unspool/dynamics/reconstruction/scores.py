"""How well a network reconstructs the system behind a series: the distance of its long run from the data's long run.

A chaotic trajectory cannot be followed, so what is compared is what stays the same: where in state space it is how
often (D_stsp), and at which frequencies it moves (D_H). Both are estimates from finite series and do not reach zero
even for the system itself; the floor beside each score is what they give for the data's two halves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.special import rel_entr

from unspool.errors import DataError, SettingError, ShapeError

LARGEST = 5
"""Dimensions up to which bins are visited often enough to be counted."""

SMOOTHING = 1e-5
"""Laplace's: added to the count of every bin."""


@dataclass(frozen=True)
class ReconstructionScores:
    """Two distances of a generated series from the data, and how far the data's second half is from its first.

    Attributes:
        d_stsp: D_stsp, nats, 0 and up: divergence of the visits to the bins of state space.
        d_stsp_floor: the same of the two halves.
        d_h: D_H, 0 … 1: Hellinger distance of the power spectra, the mean over the dimensions.
        d_h_floor: the same of the two halves.
        outside: share of the generated points that lie in no bin.
        variant: how the two were estimated, in words.

    A half is noisier than the whole: a score near or below its floor cannot be told from the true system's. (Two
    independent runs of Lorenz-63 over 100,000 steps of 0.01 come to D_stsp 0.12 ± 0.02, their halves to 0.22, 0.26 and
    0.36.)
    """

    d_stsp: float
    d_stsp_floor: float
    d_h: float
    d_h_floor: float
    outside: float
    variant: str

    def __str__(self) -> str:
        return (
            f"D_stsp {self.d_stsp:.3f} (floor {self.d_stsp_floor:.3f}), D_H {self.d_h:.3f} "
            f"(floor {self.d_h_floor:.3f}), outside {self.outside:.1%}; {self.variant}"
        )


def reconstruction_scores(
    generated: ArrayLike, data: ArrayLike, *, bins: int = 30, smoothing: float = 20.0
) -> ReconstructionScores:
    """D_stsp and D_H of a generated series [T, N] from a data series [T, N], each beside its noise floor.

    Args:
        generated: a free run of the network, its transient dropped.
        data: what it is to be like; a trajectory that it was not trained on.
        bins: per dimension.
        smoothing: σ of the Gaussian that smooths the power spectra, in frequencies of the discrete transform.

    Raises:
        ShapeError: a series is not [T, N] with T ≥ 4, or the shapes differ.
        DataError: a value is not finite, or a dimension of the data is constant.
        SettingError: bins or smoothing mean nothing, or N is more than 5.

    Cost: O(T log T) per dimension, and memory for bins ^ N counts.

    Source: Hess et al. 2023, arXiv:2306.04406, in the variants of their evaluation.
    """
    run, truth = _checked(generated, "generated"), _checked(data, "data")
    if run.shape != truth.shape:
        raise ShapeError(
            f"reconstruction_scores: generated is [T, N] = {list(run.shape)}, data {list(truth.shape)}",
            hint="generate as many steps as there are data: estimates from different lengths do not compare",
        )
    half = len(truth) // 2
    first, second = truth[:half], truth[half : 2 * half]
    low, high = _box(truth)
    return ReconstructionScores(
        d_stsp=state_space_divergence(run, truth, bins),
        d_stsp_floor=state_space_divergence(second, first, bins),
        d_h=spectral_distance(run, truth, smoothing),
        d_h_floor=spectral_distance(second, first, smoothing),
        outside=float(((run < low) | (run > high)).any(1).mean()),
        variant=f"D_stsp: KL(data ‖ generated) over {bins} bins a dimension, from the data's range ± 0.1 σ, Laplace "
        f"{SMOOTHING:g}; D_H: Hellinger, spectra smoothed with σ = {smoothing:g}; floors: second half of the data "
        f"against the first",
    )


def state_space_divergence(generated: ArrayLike, data: ArrayLike, bins: int = 30) -> float:
    """D_stsp: KL(data ‖ generated) of the shares of points per bin, in nats; series [T', N] and [T, N].

    The bins fill the box from the data's least to its greatest value, 0.1 σ wider at each end; points outside are not
    counted. Infinite where no generated point is inside.
    """
    run, truth = _checked(generated, "generated"), _checked(data, "data")
    if bins < 2:
        raise SettingError(f"D_stsp: bins is {bins}; there must be at least 2 a dimension")
    if (size := truth.shape[1]) > LARGEST:
        raise SettingError(
            f"D_stsp: {size} dimensions are too many for bins: {bins}^{size} of them would be almost all empty",
            hint=f"score the data's first {LARGEST} principal components, or fewer: project data and run alike",
        )
    edges = np.linspace(*_box(truth), bins + 1).T
    expected, found = (np.histogramdd(points, list(edges))[0].ravel() for points in (truth, run))
    if not found.any():
        return float("inf")
    return float(rel_entr(_shares(expected), _shares(found)).sum())


def spectral_distance(generated: ArrayLike, data: ArrayLike, smoothing: float = 20.0) -> float:
    """D_H: the Hellinger distance, 0 … 1, of the smoothed power spectra of two series [T, N]; mean over dimensions.

    A dimension's power sums to 1, so that its size does not matter. One that does not move at all has no power at any
    frequency: its distance is 1.
    """
    if smoothing < 0:
        raise SettingError(f"D_H: smoothing is {smoothing:g}; it is a standard deviation, 0 or more")
    run, truth = (_spectra(_checked(s, n), smoothing) for s, n in ((generated, "generated"), (data, "data")))
    if run.shape != truth.shape:
        raise ShapeError("D_H: the two series differ in length or dimensions", hint="cut the longer one")
    return float(np.sqrt(np.clip(1 - np.sqrt(run * truth).sum(0), 0, 1)).mean())


def _checked(series: ArrayLike, name: str) -> NDArray[np.float64]:
    points = np.asarray(series, dtype=np.float64)
    if points.ndim != 2 or points.shape[0] < 4 or not points.shape[1]:
        raise ShapeError(
            f"{name} is {list(points.shape)}; expected [T, N], at least 4 steps of at least one dimension",
            hint="a series of numbers is series[:, None]",
        )
    if not np.isfinite(points).all():
        step = int(np.argmin(np.isfinite(points).all(1)))
        raise DataError(
            f"{name} is not finite from step {step} on"
            if name == "generated"
            else f"{name}: step {step} is not finite",
            hint="the network's run diverges" if name == "generated" else "fill or cut what is missing",
        )
    if name == "data" and (still := np.flatnonzero(np.ptp(points, axis=0) == 0)).size:
        raise DataError(f"data: dimension {int(still[0])} is constant", hint="leave it out of both series")
    return points


def _box(truth: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    margin = 0.1 * truth.std(0)
    return truth.min(0) - margin, truth.max(0) + margin


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return (counts + SMOOTHING) / (counts.sum() + SMOOTHING * counts.size)


def _spectra(points: NDArray[np.float64], smoothing: float) -> NDArray[np.float64]:
    """Power [frequencies, N] that sums to 1 over the frequencies; zero where a dimension stands still."""
    power = np.abs(np.fft.rfft(points - points.mean(0), axis=0)) ** 2 * (np.ptp(points, axis=0) > 0)
    if smoothing:
        power = gaussian_filter1d(power, smoothing, axis=0)
    whole = power.sum(0)
    return power / np.where(whole > 0, whole, 1)
