"""The page about a network: every analysis is drawn, with the numbers that were found."""

import json
import math
import re
from typing import Any

import numpy as np
import pytest
import torch

from unspool.dynamics import Inspection, inspect
from unspool.nn import Recurrent
from unspool.report.inspection import InspectionReport, render_inspection

MATRIX = [[0.9, 0.2, 0.0], [-0.2, 0.9, 0.0], [0.0, 0.0, 0.5]]
RATES = [math.log(abs(0.9 + 0.2j))] * 2 + [math.log(0.5)]


@pytest.fixture(scope="module")
def found() -> Inspection:
    """Of the linear network h' = MATRIX h + W x, of which everything is known."""
    torch.manual_seed(0)
    layer = Recurrent("elman_linear", 2, 3, dtype=torch.float64).requires_grad_(False)
    layer.get_parameter("R_l0").copy_(torch.tensor(MATRIX))
    return inspect(layer, torch.randn(400, 2, dtype=torch.float64), steps=300)


@pytest.fixture(scope="module")
def page(found: Inspection) -> str:
    return render_inspection(InspectionReport("<b>a network</b>", found, "It ran over noise.", "unspool inspect x"))


def charts(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, flags=re.DOTALL)
    return json.loads(text)["charts"]


def numbers(value: Any) -> list[float]:
    """Every number in a chart."""
    if isinstance(value, dict):
        return [n for v in value.values() for n in numbers(v)]
    if isinstance(value, list):
        return [n for v in value for n in numbers(v)]
    return [float(value)] if isinstance(value, int | float) else []


def shows(chart: Any, expected: float, tolerance: float = 1e-3) -> bool:
    return bool((np.abs(np.array(numbers(chart)) - expected) <= tolerance).any())


def test_every_analysis_has_its_chart(page: str):
    assert charts(page).keys() == {"gradients", "times", "eigenvalues", "exponents", "portrait", "equivalence"}


def test_the_eigenvalues_are_the_matrixs(page: str):
    eigenvalues = charts(page)["eigenvalues"]
    assert all(shows(eigenvalues, value) for value in (0.9, 0.2, -0.2, 0.5))


def test_the_exponents_are_their_logarithms(page: str):
    exponents = charts(page)["exponents"]
    assert all(shows(exponents, rate, 0.005) for rate in RATES)


def test_the_horizon_is_where_the_norm_is_lost(page: str, found: Inspection):
    horizon = math.floor(math.log(1e-3) / RATES[0])
    assert found.horizon is not None
    assert found.horizon.horizon == horizon
    assert f"{horizon} steps" in page
    assert shows(charts(page)["gradients"], horizon)


def test_words_and_tables(page: str, found: Inspection):
    assert str(found.diagnosis) in page
    assert "1 stable focus" in page
    assert found.certificate is not None
    assert found.certificate.verdict.replace("'", "&#39;") in page


def test_what_is_missing_is_said(found: Inspection, page: str):
    torch.manual_seed(0)
    layer = Recurrent("elman_linear", 2, 3, dtype=torch.float64).requires_grad_(False)
    layer.get_parameter("R_l0").copy_(torch.tensor([[0.4, 0.4, 0.0], [0.4, 0.4, 0.0], [0.0, 0.0, 0.3]]))
    singular = inspect(layer, torch.randn(200, 2, dtype=torch.float64), steps=100)
    assert (set(found.missing), set(singular.missing)) == (set(), {"ode exact", "ode backward"})
    text = render_inspection(InspectionReport("a network", singular, ""))
    assert (page.count("Not there: "), text.count("Not there: ")) == (0, 2)


def test_a_title_is_text(page: str):
    assert "<b>a network</b>" not in page
    assert "&lt;b&gt;a network&lt;/b&gt;" in page
