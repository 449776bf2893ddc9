"""From the Jacobian J of a step to the matrix G of a differential equation: the three readings.

Around a state s₀ the step is s(t) = s₀ + J (s(t−1) − s₀) + v. Three linear equations ṡ = G (s − s₀) + C v stand for it;
they agree only near J = I. An eigenvalue μ of J becomes an eigenvalue λ of G:

    reading   G          C                λ        μ = 0.5   0.9      1.1     2
    forward   J − I      I                μ − 1    −0.5     −0.1     0.1     1         s(t) − s(t−1) = ṡ
    exact     log J      G (J − I)⁻¹      ln μ     −0.6931  −0.1054  0.0953  0.6931    all terms of Taylor's series
    backward  I − J⁻¹    J⁻¹              1 − 1/μ  −1.0     −0.1111  0.0909  0.5       s(t−1) = s(t) − ṡ, the first term

Taylor: s(t−1) = s − ṡ + s̈/2 − … = e^(−d/dt) s. The first term alone, put into a ReLU network on a region where its
units are active, s = W s(t−1) + W_x x + b, gives ṡ = (I − W⁻¹) s + W⁻¹ (W_x x + b). Texts that print ṡ = W s + … have
the forcing right and the matrix wrong: below μ = 1 even its sign is, for such a network decays.
"""

from typing import Literal

import numpy as np
from scipy import linalg

from unspool.errors import SettingError

Reading = Literal["forward", "exact", "backward"]

RESIDUAL = 1e-8
"""The largest ‖e^G − J‖ / ‖J‖ (Frobenius) with which a logarithm is accepted."""


def generator_of(jacobian: np.ndarray, reading: Reading) -> tuple[np.ndarray, np.ndarray]:
    """G and C of the equation that `reading` takes from a step's Jacobian J [S, S].

    "forward" takes any J, "backward" an invertible one, "exact" an invertible one whose negative eigenvalues come in
    equal pairs, each with two eigenvectors: alone, one changes a sign in one step, which no real linear flow does. (By
    Culver 1966, Proc. AMS 17(5), 1146–1151, theorem 1, pairs of equal Jordan blocks would do; those are refused.)
    Time: O(S³).

    Raises:
        SettingError: no such reading, or J does not allow it; the message names the eigenvalue.
    """
    unit = np.eye(len(jacobian))
    match reading:
        case "forward":
            return jacobian - unit, unit
        case "backward":
            _check_invertible(jacobian, reading)
            inverse = np.linalg.inv(jacobian)
            return unit - inverse, inverse
        case "exact":
            _check_invertible(jacobian, reading)
            generator = _logarithm(jacobian)
            return generator, np.linalg.inv(_mean_flow(generator))
    raise SettingError(f"there is no reading '{reading}'", hint="forward, exact or backward")


def residual_of(generator: np.ndarray, jacobian: np.ndarray) -> float:
    """‖e^G − J‖ / ‖J‖ (Frobenius): how far one unit of time along the flow is from the map; ∞ where e^G overflows."""
    with np.errstate(all="ignore"):
        flow = linalg.expm(generator)
        return float(np.linalg.norm(flow - jacobian) / np.linalg.norm(jacobian)) if np.isfinite(flow).all() else np.inf


def _logarithm(jacobian: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eig(jacobian)
    negative = np.real(values[(np.abs(np.imag(values)) <= RESIDUAL * np.abs(values)) & (np.real(values) < 0)])
    generator = _paired_logarithm(values, vectors) if len(negative) else np.real(linalg.logm(jacobian))
    residual = residual_of(generator, jacobian)
    if not residual <= RESIDUAL:
        because = "it is nearly singular"
        if len(negative):
            because = f"its eigenvalue {negative.min():.4g} has no equal one, with an eigenvector of its own, beside it"
        raise SettingError(
            f"exact reading: the Jacobian has no real logarithm: {because} (‖e^G − J‖ / ‖J‖ is {residual:.1e})",
            hint="a step that changes a sign is no real linear flow; reading='forward' exists everywhere",
        )
    return generator


def _paired_logarithm(values: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The real logarithm that turns each pair of equal negative eigenvalues by half a circle in its plane.

    Where they do not come in pairs the result is not a logarithm, which its residual tells. A pair that rounding has
    made conjugate, just off the axis, needs no more than the principal logarithm.
    """
    real = np.real(values)
    negative = np.flatnonzero((np.imag(values) == 0) & (real < 0))
    negative = negative[np.argsort(real[negative])]
    logarithms, vectors = np.log(values.astype(complex)), vectors.astype(complex)
    for one, other in zip(negative[::2], negative[1::2], strict=False):
        plane = vectors[:, [one, other]]
        vectors[:, one], vectors[:, other] = plane @ [1, 1j], plane @ [1, -1j]
        logarithms[other] = np.conj(logarithms[one])
    return np.real((vectors * logarithms) @ np.linalg.pinv(vectors))


def _mean_flow(generator: np.ndarray) -> np.ndarray:
    """∫₀¹ e^(G t) dt, which is what a constant forcing has done after a step."""
    size = len(generator)
    augmented = np.block([[generator, np.eye(size)], [np.zeros((size, 2 * size))]])
    return linalg.expm(augmented)[:size, size:]


def _check_invertible(jacobian: np.ndarray, reading: str) -> None:
    singular = np.linalg.svd(jacobian, compute_uv=False)
    if singular[-1] <= len(jacobian) * np.finfo(float).eps * singular[0]:
        raise SettingError(
            f"{reading} reading: the Jacobian is singular (singular values {singular[-1]:.1e} to {singular[0]:.1e}): "
            "the step forgets a direction at once, which no linear flow does",
            hint="reading='forward' exists everywhere",
        )
