"""The three readings of a matrix, KNOWN-ANSWERS §1, and what each refuses."""

import numpy as np
import pytest
from scipy.linalg import expm

from unspool.dynamics.equation.generator import RESIDUAL, generator_of, residual_of
from unspool.errors import SettingError

TABLE = {  # scalar w: forward w − 1, exact ln w, backward 1 − 1/w, to the digits printed there
    0.5: (-0.5, -0.6931, -1.0),
    0.9: (-0.1, -0.1054, -0.1111),
    1.1: (0.1, 0.0953, 0.0909),
    2.0: (1.0, 0.6931, 0.5),
}
QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])


@pytest.mark.parametrize("w", TABLE)
def test_the_table_of_scalar_generators(w: float):
    readings = ("forward", "exact", "backward")
    found = [generator_of(np.array([[w]]), reading)[0].item() for reading in readings]
    np.testing.assert_allclose(found, TABLE[w], rtol=0, atol=5e-5)
    np.testing.assert_allclose(found, [w - 1, np.log(w), 1 - 1 / w], rtol=1e-15)
    assert np.sign(found).tolist() == [np.sign(w - 1)] * 3  # W alone has the wrong sign below 1


def test_the_readings_agree_near_the_identity_and_part_at_second_order():
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(6, 6))
    for size in (1e-2, 1e-3):
        J = np.eye(6) + size * direction
        forward, exact, backward = (generator_of(J, r)[0] for r in ("forward", "exact", "backward"))
        square = size**2 * direction @ direction
        np.testing.assert_allclose(forward - exact, square / 2, atol=60 * size**3)
        np.testing.assert_allclose(exact - backward, square / 2, atol=60 * size**3)


@pytest.mark.parametrize("size", [1, 5, 40])
def test_one_unit_of_time_along_the_exact_flow_is_the_map_with_its_forcing(size: int):
    rng = np.random.default_rng(size)
    J = 0.7 * np.eye(size) + 0.2 * rng.normal(size=(size, size)) / np.sqrt(size)
    G, C = generator_of(J, "exact")
    v = rng.normal(size=(size, 1))
    augmented = expm(np.block([[G, C @ v], [np.zeros((1, size + 1))]]))
    np.testing.assert_allclose(augmented[:size], np.hstack([J, v]), rtol=0, atol=1e-13)
    assert residual_of(G, J) < 1e-13


def test_an_eigenvalue_of_one_is_no_trouble():
    G, C = generator_of(np.diag([1.0, 0.5]), "exact")
    np.testing.assert_allclose(G, np.diag([0, np.log(0.5)]), atol=1e-15)
    np.testing.assert_allclose(C, np.diag([1, np.log(0.5) / -0.5]), atol=1e-14)


def test_a_quarter_turn_rotates_dies_out_or_explodes_by_its_reading():
    """|μ| = 1: the map neither grows nor decays. Only the exact flow does so too."""
    for reading, expected in {"forward": -1.0, "exact": 0.0, "backward": 1.0}.items():
        eigenvalues = np.linalg.eigvals(generator_of(QUARTER, reading)[0])  # pyright: ignore[reportArgumentType]
        np.testing.assert_allclose(np.real(eigenvalues), [expected] * 2, atol=1e-15)
    np.testing.assert_allclose(generator_of(QUARTER, "exact")[0], np.pi / 2 * QUARTER, atol=1e-15)


def test_pairs_of_equal_negative_eigenvalues_have_a_real_logarithm():
    rng = np.random.default_rng(3)
    basis = np.eye(6) + 0.1 * rng.normal(size=(6, 6))
    for values in ([-1, -1], [-0.5, -0.5, 0.3, 0.9, -2, -2]):
        V = basis[: len(values), : len(values)]
        J = V @ np.diag(np.array(values, float)) @ np.linalg.inv(V)
        G, _ = generator_of(J, "exact")
        assert G.dtype == float
        assert residual_of(G, J) < 1e-13


@pytest.mark.parametrize(
    ("J", "eigenvalue"),
    [
        ([[-2.0]], "-2"),
        ([[-0.5, 0.0], [0.0, 0.3]], "-0.5"),
        ([[-0.5, 0.0], [0.0, -0.6]], "-0.6"),
        ([[-0.5, 1.0], [0.0, -0.5]], "-0.5"),  # one Jordan block of two
    ],
)
def test_a_negative_eigenvalue_alone_has_no_real_logarithm(J: list[list[float]], eigenvalue: str):
    with pytest.raises(SettingError, match=f"no real logarithm.*eigenvalue {eigenvalue} ") as error:
        generator_of(np.array(J), "exact")
    assert "forward" in str(error.value.hint)
    assert generator_of(np.array(J), "backward")[0].shape == np.shape(J)


@pytest.mark.parametrize("reading", ["exact", "backward"])
@pytest.mark.parametrize("J", [np.zeros((2, 2)), np.diag([1.0, 0.0]), np.ones((3, 3)), np.diag([1.0, 1e-17])])
def test_a_singular_matrix_is_no_flow(reading: str, J: np.ndarray):
    with pytest.raises(SettingError, match=f"{reading} reading: the Jacobian is singular"):
        generator_of(J, reading)  # pyright: ignore[reportArgumentType] - parametrised strings
    np.testing.assert_array_equal(generator_of(J, "forward")[0], J - np.eye(len(J)))


def test_every_logarithm_that_is_accepted_is_one():
    rng = np.random.default_rng(5)
    accepted = 0
    for _ in range(200):
        size = int(rng.integers(2, 20))
        J = rng.normal(size=(size, size)) / np.sqrt(size) + rng.uniform(0, 1) * np.eye(size)
        lonely = np.linalg.eigvals(J)
        exists = not ((np.imag(lonely) == 0) & (np.real(lonely) < 0)).any()
        if exists:
            accepted += 1
            assert residual_of(generator_of(J, "exact")[0], J) <= RESIDUAL
        else:
            with pytest.raises(SettingError):
                generator_of(J, "exact")
    assert 40 < accepted < 160


def test_an_unknown_reading():
    with pytest.raises(SettingError, match="no reading 'central'"):
        generator_of(np.eye(2), "central")  # pyright: ignore[reportArgumentType]
