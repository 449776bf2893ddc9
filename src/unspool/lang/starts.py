"""First values of parameters, declared on a page: `@cell(start={"R": orthogonal(), "b.f": 1.0})`.

A start is a number, or a `Start`. What has none starts uniform in ±1/√H, as torch.nn's recurrent layers do. A page may
write its own with NumPy: `Start("what it is", draw)`.

| start | first values | source |
|---|---|---|
| `constant(v)` | v | |
| `uniform(low, high)` | uniform in low … high | |
| `normal(deviation)` | normal, mean 0 | |
| `glorot()` | uniform in ±√(6 / (rows + columns)) | Glorot & Bengio 2010, AISTATS, eq. 16 |
| `fan_in(scale)` | uniform in ±scale/√columns | LeCun et al. 1998, Efficient BackProp, section 4.6 |
| `normal_fan_in(gain)` | normal, deviation gain/√columns | |
| `normal_columns(scale)` | normal, deviation scale/columns | |
| `he()` | normal, deviation √(2/columns) | He et al. 2015, arXiv:1502.01852, eq. 10 |
| `orthogonal(gain)` | gain · an orthogonal matrix | Saxe et al. 2014, arXiv:1312.6120 |
| `eye(scale)` | scale · I | Le et al. 2015, arXiv:1504.00941 |
| `spectral_radius(r, density)` | normal, sparse, scaled to spectral radius r | Jaeger 2001, GMD report 148 |
| `chrono(longest)` | ln u, u uniform in 1 … longest − 1 | Tallec & Ollivier 2018, arXiv:1804.11188, section 3 |
| `power_law(first, last, p)` | from first to last along the units, as (k / (units − 1))ᵖ | github.com/NX-AI/xlstm |
| `negative_of("b.f")` | −1 times what another parameter has | |
| `planes()` | angles in ±π at (k, k + 1), k even: of A − Aᵀ | Henaff et al. 2016, arXiv:1602.06662 |
| `periods(groups)` | 1, 2, 4, … for groups of units of equal size | Koutník et al. 2014, arXiv:1402.3511 |
| `longer_periods("p")` | 1 where p of the column ≥ p of the row, else 0 | as before, eq. 3 |
| `glorot_normal()` | normal, variance 2 / (rows + columns) | Glorot & Bengio 2010, as Keras names it |
| `definite_diagonal()` | diagonal of GᵀG/H + I, G normal, over its largest eigenvalue | Brenner et al. 2024 |
| `last(units)` | 1 for the last units, else 0 | |
| `keeping(low, high, power)` | σ(−v)^power uniform in low … high | De et al. 2024, arXiv:2402.19427, section 2.4 |
| `ring(low, high)` | exp(−exp(v)), a modulus, uniform by area in a ring | Orvieto et al. 2023, arXiv:2303.06349 |
| `phases(largest)` | exp(v), an angle, uniform in 0 … largest | as before |
| `ring_gain("nu")` | ln √(1 − r²), r = exp(−exp(nu)) | as before |
| `legendre(theta)` | A of m' = A m + B u, where m holds the last theta steps | Voelker et al. 2019, NeurIPS, eqs. 1–5 |
| `legendre_input(theta)` | its B | as before |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unspool.errors import CellError

Array = NDArray[np.floating[Any]]
Draw = Callable[[tuple[int, ...], np.random.Generator, Mapping[str, Array]], Array]


@dataclass(frozen=True)
class Start:
    """How a parameter gets its first values.

    Attributes:
        text: what it is, for people: "orthogonal".
        draw: (shape in numbers, random numbers, what was drawn before by name) → float64 array of that shape. With
            gates the shape is that of one gate, `b.f`; of a block-diagonal matrix it is one block's. Whole parameters
            and gates are drawn in the order in which the page declares their starts.
    """

    text: str
    draw: Draw = field(compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Functions made on a page cannot be pickled: a layer that was (torch.save) cannot draw anew."""
        return Start, (self.text, _lost)


def _lost(shape: tuple[int, ...], random: np.random.Generator, drawn: Mapping[str, Array]) -> Array:
    raise CellError("a layer that was pickled has lost how its first values are drawn", hint="build it anew")


def as_start(value: Start | float) -> Start:
    """A number as the start that it stands for."""
    return value if isinstance(value, Start) else constant(value)


def constant(value: float) -> Start:
    """Every entry is `value`."""
    return Start(f"{value:g}", lambda shape, _, __: np.full(shape, float(value)))


def uniform(low: float, high: float) -> Start:
    """Uniform between two numbers."""
    return Start(f"uniform in {low:g} … {high:g}", lambda shape, random, _: random.uniform(low, high, shape))


def normal(deviation: float = 1.0) -> Start:
    """Normal with mean 0."""
    return Start(f"normal, deviation {deviation:g}", lambda shape, random, _: random.normal(0, deviation, shape))


def glorot() -> Start:
    """Uniform in ±√(6 / (rows + columns)), which keeps variances in both directions."""

    def draw(shape: tuple[int, ...], random: np.random.Generator, _: Mapping[str, Array]) -> Array:
        bound = np.sqrt(6 / (shape[0] + shape[-1]))
        return random.uniform(-bound, bound, shape)

    return Start("uniform in ±√(6 / (rows + columns))", draw)


def fan_in(scale: float = 1.0) -> Start:
    """Uniform in ±scale/√columns."""

    def draw(shape: tuple[int, ...], random: np.random.Generator, _: Mapping[str, Array]) -> Array:
        bound = scale / np.sqrt(shape[-1])
        return random.uniform(-bound, bound, shape)

    return Start(f"uniform in ±{scale:g}/√columns", draw)


def normal_fan_in(gain: float = 1.0) -> Start:
    """Normal with deviation gain/√columns, so that a sum over the columns has deviation `gain`."""
    return Start(
        f"normal, deviation {gain:g}/√columns",
        lambda shape, random, _: random.normal(0, gain / np.sqrt(shape[-1]), shape),
    )


def normal_columns(scale: float = 1.0) -> Start:
    """Normal with deviation scale/columns, so small that the matrix vanishes as it grows."""
    return Start(
        f"normal, deviation {scale:g}/columns", lambda shape, random, _: random.normal(0, scale / shape[-1], shape)
    )


def he() -> Start:
    """Normal with variance 2/columns, which keeps variances through rectifiers."""
    return normal_fan_in(np.sqrt(2))


def orthogonal(gain: float = 1.0) -> Start:
    """Orthogonal times `gain`, uniform among such matrices; of a matrix that is not square, its columns or rows are."""

    def draw(shape: tuple[int, ...], random: np.random.Generator, _: Mapping[str, Array]) -> Array:
        q, r = np.linalg.qr(random.normal(size=(max(shape), min(shape))))
        q *= np.sign(np.diag(r))
        return gain * (q if shape[0] >= shape[1] else q.T)

    return Start("orthogonal" if gain == 1 else f"orthogonal times {gain:g}", draw)


def eye(scale: float = 1.0) -> Start:
    """`scale` times the identity."""
    return Start(
        "identity" if scale == 1 else f"{scale:g} · identity", lambda shape, _, __: scale * np.eye(shape[0], shape[1])
    )


def spectral_radius(radius: float, density: float = 1.0) -> Start:
    """Normal entries, a share `density` of them, the rest 0, scaled so that the largest |eigenvalue| is `radius`."""

    def draw(shape: tuple[int, ...], random: np.random.Generator, _: Mapping[str, Array]) -> Array:
        matrix = random.normal(size=shape) * (random.uniform(size=shape) < density)
        largest = np.abs(np.linalg.eigvals(matrix)).max()
        return matrix * (radius / largest) if largest > 0 else matrix

    sparse = "" if density == 1 else f", {density:.0%} of the entries"
    return Start(f"normal{sparse}, spectral radius {radius:g}", draw)


def chrono(longest: float) -> Start:
    """Of the bias of a gate that keeps a state: time constants spread over 1 to `longest` steps."""
    return Start(
        f"ln u, u uniform in 1 … {longest - 1:g}",
        lambda shape, random, _: np.log(random.uniform(1, longest - 1, shape)),
    )


def power_law(first: float, last: float, exponent: float, *, heads: str | None = None) -> Start:
    """From `first` to `last` along the units, unit k by (k / (units − 1)) ** exponent of the way.

    Args:
        first: value of the first unit.
        last: value of the last.
        exponent: above 0; below 1 most units are near `last`.
        heads: a block-diagonal matrix, declared before, along each of whose blocks it goes anew.
    """

    def draw(shape: tuple[int, ...], _: np.random.Generator, drawn: Mapping[str, Array]) -> Array:
        units = shape[0] if heads is None else _earlier(drawn, heads).shape[1]
        way = (np.arange(units) / max(units - 1, 1)) ** exponent
        return np.tile(first + (last - first) * way, shape[0] // units)

    return Start(f"from {first:g} to {last:g} along the units, exponent {exponent:g}", draw)


def negative_of(name: str) -> Start:
    """−1 times what the parameter or gate `name` has, which is declared before."""
    return Start(f"−{name}", lambda _, __, drawn: -_earlier(drawn, name))


def planes() -> Start:
    """Angles s uniform in ±π at (k, k + 1) for even k, zero elsewhere: expm(A − Aᵀ) turns plane after plane by s."""

    def draw(shape: tuple[int, ...], random: np.random.Generator, _: Mapping[str, Array]) -> Array:
        angles = np.zeros(shape)
        first = np.arange(0, shape[0] - 1, 2)
        angles[first, first + 1] = random.uniform(-np.pi, np.pi, len(first))
        return angles

    return Start("angles uniform in ±π", draw)


def periods(groups: int) -> Start:
    """1, 2, 4, …, doubled from group to group of the units; at most `groups` groups, as equal as they can be."""

    def draw(shape: tuple[int, ...], _: np.random.Generator, __: Mapping[str, Array]) -> Array:
        (units,) = shape
        return 2.0 ** (np.arange(units) * min(groups, units) // units)

    return Start(f"1, 2, 4, …, {2 ** (groups - 1)}", draw)


def longer_periods(name: str) -> Start:
    """1 where the column's unit has the row's period or a longer one, else 0; `name` is the vector of periods."""

    def draw(_: tuple[int, ...], __: np.random.Generator, drawn: Mapping[str, Array]) -> Array:
        lengths = _earlier(drawn, name)
        return (lengths >= lengths[:, None]).astype(np.float64)

    return Start(f"1 where {name} of the column ≥ {name} of the row", draw)


def glorot_normal() -> Start:
    """Normal with variance 2 / (rows + columns), which keeps variances in both directions."""
    return Start(
        "normal, variance 2 / (rows + columns)",
        lambda shape, random, _: random.normal(0, np.sqrt(2 / (shape[0] + shape[-1])), shape),
    )


def definite_diagonal() -> Start:
    """Of a vector: the diagonal of GᵀG/H + I, G normal [H, H], over that matrix's largest eigenvalue; in (0, 1]."""

    def draw(shape: tuple[int, ...], random: np.random.Generator, _: Mapping[str, Array]) -> Array:
        (units,) = shape
        g = random.normal(size=(units, units))
        matrix = g.T @ g / units + np.eye(units)
        return np.diag(matrix) / np.linalg.eigvalsh(matrix)[-1]

    return Start("diagonal of a positive definite matrix, largest eigenvalue 1", draw)


def last(units: int) -> Start:
    """Of a vector: 1 for its last `units` entries, 0 before them."""

    def draw(shape: tuple[int, ...], _: np.random.Generator, __: Mapping[str, Array]) -> Array:
        return (np.arange(shape[0]) >= shape[0] - units).astype(np.float64)

    return Start(f"1 for the last {units}, else 0", draw)


def keeping(low: float, high: float, power: float = 1.0) -> Start:
    """What a unit keeps per step, σ(−v) ** power = exp(−power softplus(v)), is uniform in low … high."""

    def draw(shape: tuple[int, ...], random: np.random.Generator, _: Mapping[str, Array]) -> Array:
        return np.log(np.expm1(-np.log(random.uniform(low, high, shape)) / power))

    return Start(f"σ(−v)^{power:g} uniform in {low:g} … {high:g}", draw)


def ring(low: float, high: float) -> Start:
    """Moduli r = exp(−exp(v)) of eigenvalues that lie uniformly, by area, between two circles around 0."""

    def draw(shape: tuple[int, ...], random: np.random.Generator, _: Mapping[str, Array]) -> Array:
        return np.log(-0.5 * np.log(random.uniform(low**2, high**2, shape)))

    return Start(f"ln(−ln r), r² uniform in {low:g}² … {high:g}²", draw)


def phases(largest: float) -> Start:
    """Angles exp(v) uniform in 0 … largest radians."""

    def draw(shape: tuple[int, ...], random: np.random.Generator, _: Mapping[str, Array]) -> Array:
        return np.log(largest * (1 - random.uniform(size=shape)))  # never ln 0

    return Start(f"ln φ, φ uniform in 0 … {largest:.3g}", draw)


def ring_gain(name: str) -> Start:
    """It is ln √(1 − r²) with r = exp(−exp(v)), v the parameter `name`: states of any r vary alike."""
    return Start(
        f"ln √(1 − r²), r = exp(−exp({name}))", lambda _, __, drawn: 0.5 * np.log(_outside(_earlier(drawn, name)))
    )


def legendre(theta: float) -> Start:
    """The square matrix of a memory of the last `theta` steps, as many Legendre polynomials as it has rows."""
    return Start(f"Legendre memory of {theta:g} steps", lambda shape, _, __: _legendre(shape[0], theta)[0])


def legendre_input(theta: float) -> Start:
    """The input vector of `legendre(theta)`."""
    return Start(f"input of a Legendre memory of {theta:g} steps", lambda shape, _, __: _legendre(shape[0], theta)[1])


def _earlier(drawn: Mapping[str, Array], name: str) -> Array:
    if name not in drawn:
        raise CellError(
            f"a start follows from the first values of '{name}', which has none by then",
            hint=f"give '{name}' a start, and before those that follow from it",
        )
    return drawn[name]


def _outside(log_rate: Array) -> Array:
    """1 − exp(−exp(v))², without cancellation."""
    return -np.expm1(-2 * np.exp(log_rate))


def _legendre(order: int, theta: float) -> tuple[Array, Array]:
    """A [P, P] and B [P] of m' = A m + B u, exact where u is held for the step (zero-order hold).

    Both are parts of the exponential of [[A, B], [0, 0]] / theta, with the A and B of continuous time.
    """
    i, j = np.ogrid[:order, :order]
    whole = np.zeros((order + 1, order + 1))
    whole[:order, :order] = (2 * i + 1) * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    whole[:order, order] = (2 * i[:, 0] + 1) * (-1.0) ** i[:, 0]
    held = _exponential(whole / theta)
    return held[:order, :order], held[:order, order]


def _exponential(matrix: Array) -> Array:
    """The exponential of a square matrix: its series where it is small, squared until it is whole."""
    norm = np.abs(matrix).sum(axis=0).max()
    squarings = max(0, int(np.ceil(np.log2(2 * norm)))) if norm > 0 else 0
    term = power = np.eye(len(matrix))
    for k in range(1, 18):
        term = term @ matrix / (k * 2.0**squarings)
        power = power + term
    for _ in range(squarings):
        power = power @ power
    return power
