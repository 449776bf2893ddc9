"""docs/dynamics/biological-networks.md is a program, and what its prose and figures say comes out of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

PAGE = Path(__file__).parents[2] / "docs" / "dynamics" / "biological-networks.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def page() -> Iterator[dict[str, Any]]:
    namespace: dict[str, Any] = {}
    usual = torch.get_default_dtype()  # the page sets float64
    try:
        for number, block in enumerate(BLOCKS, 1):
            exec(compile(block, f"{PAGE.name}, block {number}", "exec"), namespace)
        yield namespace
    finally:
        torch.set_default_dtype(usual)


def close(found: torch.Tensor, expected: Any, tolerance: float = 1e-6) -> None:
    torch.testing.assert_close(found, torch.as_tensor(expected, dtype=torch.float64), rtol=0, atol=tolerance)


def test_its_links_and_figures_are_there():
    assert max(map(len, TEXT.splitlines())) <= 120
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", TEXT) if not t.startswith("http")]
    assert len([t for t in targets if t.endswith(".svg")]) == 6
    for target in targets:
        assert (PAGE.parent / target).exists(), target


def test_a_surround_keeps_the_pattern_at_every_intensity(page: dict[str, Any]):
    close(page["together"] / page["together"].sum(-1, keepdim=True), page["theta"].expand(25, 4))
    assert float(page["together"].sum(-1).max()) < 1
    assert float(page["alone"][-1].min()) > 0.999


def test_the_signal_function_decides_what_remains(page: dict[str, Any]):
    last = {name: history[-1] for name, history in page["histories"].items()}
    close(last["linear"], 0.75 * page["theta"])
    close(last["slower than linear"], [3.8 / 17] * 4)
    close(last["faster than linear"], [0, 0, 0, (1 + (1 - 4 / 10) ** 0.5) / 2])
    close(last["sigmoid"], [0, 0, *[float(last["sigmoid"][3])] * 2])
    assert float(last["sigmoid"][3]) > 0.4


def test_the_quenching_thresholds_are_those_of_theory(page: dict[str, Any]):
    for name, expected in page["in_theory"].items():
        assert page["thresholds"][name] == pytest.approx(expected, abs=1e-4)
        quenched = page["first_shares"] < expected - 1e-6
        assert bool((page["last_shares"][name][quenched] < 1e-3).all())
        assert bool((page["last_shares"][name][page["first_shares"] > expected + 1e-6] > 0.19).all())


def test_the_outstar_learns_only_while_it_samples(page: dict[str, Any]):
    stages = page["traces"].unflatten(0, (4, 81))
    ratios = stages / stages.sum(-1, keepdim=True)
    close(ratios[0, -1], page["theta"], 1e-3)
    close(ratios[2], ratios[1, -1].expand(81, 4))
    close(ratios[3, -1], page["theta"].flip(0), 5e-3)
    close(page["recalled_shares"], [0.4, 0.3, 0.2, 0.1], 5e-3)


def test_v_falls_where_it_must(page: dict[str, Any]):
    monitors = page["monitors"]
    assert monitors["symmetric"].promised
    assert monitors["symmetric"].largest_growth < 0
    assert not monitors["not symmetric"].promised
    assert monitors["not symmetric"].largest_growth > 0.01
    assert monitors["steps too long"].largest_growth > 1


def test_recall_fails_at_the_loads_that_the_page_names(page: dict[str, Any]):
    distributed, competitive = page["curves"]["distributed"], page["curves"]["competitive"]
    assert bool((distributed.mean[:4] > 0.95).all())
    assert bool((distributed.mean[-2:] < 0.5).all())
    assert bool((competitive.mean[:4] > 0.99).all())
    assert float((competitive.overlaps[-1] > 0.99).double().mean()) == pytest.approx(0.5, abs=0.2)
