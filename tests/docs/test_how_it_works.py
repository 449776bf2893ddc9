"""The compiler told in docs/how-it-works.md is a program: short, in NumPy alone, and right."""

import ast
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

PAGE = Path(__file__).parents[2] / "docs" / "how-it-works.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)

Arrays = dict[str, np.ndarray]
T, B, I, H = 7, 3, 2, 5  # noqa: E741 - the letters of DESIGN §4


def run_blocks() -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    for number, block in enumerate(BLOCKS, 1):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), namespace)
    return namespace


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    return run_blocks()


def test_it_is_at_most_200_lines_of_numpy_and_the_standard_library():
    source = "\n".join(BLOCKS)
    assert len(BLOCKS) >= 9
    assert sum(bool(line.strip()) for line in source.splitlines()) <= 200
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add((node.module or "").split(".")[0])
    assert "numpy" in modules
    assert modules - {"numpy"} <= sys.stdlib_module_names
    assert max(map(len, TEXT.splitlines())) <= 120


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\((\.\.?/[^)]+)\)", TEXT):
        assert (PAGE.parent / target).exists(), target


def arrays_of(page: dict[str, Any], cell: Callable[..., Any], steps: int, batch: int) -> Arrays:
    """Random values for everything that a page reads, by name; W is [H, I] for each gate, R [H, H]."""
    rng = np.random.default_rng(3)
    shapes = {"input": (steps, batch, I), "state": (batch, H), "matrix": (H, H), "vector": (H,)}
    leaves = [v for v in page["order"](page["results"](page["trace"](cell))) if v.op in shapes]
    return {v.tag: rng.normal(size=(H, I) if v.tag.startswith("W.") else shapes[v.op]) for v in leaves}


def stacked(arrays: Arrays, name: str, gates: str) -> np.ndarray:
    return np.concatenate([arrays[f"{name}.{gate}"] for gate in gates])


def close(got: Any, expected: torch.Tensor | None) -> None:
    assert expected is not None
    np.testing.assert_allclose(got, expected.detach().numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("steps", "batch"), [(T, B), (1, 1), (40, 2)])
@pytest.mark.parametrize(("cell", "gates"), [("gru", "rzn"), ("lstm", "ifgo")])
def test_outputs_and_gradients_are_those_of_torch_nn(
    page: dict[str, Any], cell: str, gates: str, steps: int, batch: int
):
    arrays = arrays_of(page, page[cell], steps, batch)
    layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](I, H, dtype=torch.float64)
    stored = {"W": "weight_ih_l0", "R": "weight_hh_l0", "b": "bias_ih_l0", "bR": "bias_hh_l0"}
    for name, theirs in stored.items():
        with torch.no_grad():
            getattr(layer, theirs).copy_(torch.from_numpy(stacked(arrays, name, gates)))
    x = torch.from_numpy(arrays["x"]).requires_grad_()
    states = {name: torch.from_numpy(arrays[name]).requires_grad_() for name in ("h", "c") if name in arrays}
    first = [s[None] for s in states.values()]
    output, final = layer(x, first[0] if cell == "gru" else tuple(first))
    final = (final,) if cell == "gru" else final
    rng = np.random.default_rng(4)
    dy = rng.normal(size=(steps, batch, H))
    dfinal = {f"d{name}": rng.normal(size=(batch, H)) for name in states}
    loss = (output * torch.from_numpy(dy)).sum()
    for value, gradient in zip(final, dfinal.values(), strict=True):
        loss = loss + (value[0] * torch.from_numpy(gradient)).sum()
    loss.backward()

    y, d = page["gradients"](page[cell], arrays, dy, **dfinal)

    close(y, output)
    close(d["dx"], x.grad)
    for name, state in states.items():
        close(d[f"d{name}"], state.grad)
    for name, theirs in stored.items():
        close(stacked(d, f"d{name}", gates), getattr(layer, theirs).grad)


Weights = dict[str, torch.Tensor]


def gru_v3(w: Weights, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    r = torch.sigmoid(x @ w["W.r"].T + w["b.r"] + h @ w["R.r"].T)
    z = torch.sigmoid(x @ w["W.z"].T + w["b.z"] + h @ w["R.z"].T)
    n = torch.tanh(x @ w["W.n"].T + w["b.n"] + (r * h) @ w["R.n"].T)
    return (1 - z) * n + z * h


def min_gru(w: Weights, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    z = torch.sigmoid(x @ w["W.z"].T + w["b.z"])
    return (1 - z) * h + z * (x @ w["W.n"].T + w["b.n"])


@pytest.mark.parametrize("step", [gru_v3, min_gru], ids=lambda step: step.__name__)
def test_the_other_cells_agree_with_torchs_autograd(page: dict[str, Any], step: Callable[..., torch.Tensor]):
    arrays = arrays_of(page, page[step.__name__], T, B)
    leaves = {name: torch.from_numpy(a).requires_grad_() for name, a in arrays.items()}
    h, outputs = leaves["h"], []
    for x in leaves["x"]:
        h = step(leaves, x, h)
        outputs.append(h)
    dy = np.random.default_rng(5).normal(size=(T, B, H))
    (torch.stack(outputs) * torch.from_numpy(dy)).sum().backward()
    y, d = page["gradients"](page[step.__name__], arrays, dy)
    close(y, torch.stack(outputs))
    for name, leaf in leaves.items():
        close(d[f"d{name}"], leaf.grad)


def test_a_page_may_have_one_product_whose_delta_x_shares(page: dict[str, Any]):
    """In an Elman network Wᵀδ and Rᵀδ have one operand and two heights."""

    def elman(x: Any, h: Any, *, W: Any, R: Any, b: Any) -> Any:
        return page["tanh"](W.h @ x + b.h + R.h @ h)

    page["check"](elman)
    _, backward = page["compiled"](elman)
    assert page["products"](backward) == [0, 1, 3]


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 13])
def test_the_scan_is_the_loop(page: dict[str, Any], steps: int):
    def decay(x: Any, h: Any, *, W: Any, a: Any) -> Any:
        return a.h * h + W.h @ x

    for cell in (page["min_gru"], decay):
        arrays = arrays_of(page, cell, steps, B)
        assert page["is_scan"](page["trace"](cell))
        outputs, _ = page["run"](page["compiled"](cell)[0], arrays)
        np.testing.assert_allclose(page["scan"](page["trace"](cell), arrays), outputs["y"], rtol=1e-12, atol=1e-12)


def test_what_the_prose_counts(page: dict[str, Any]):
    assert math.prod((page["saved_bytes"](page["gru"]), 1000, 64, 256)) == pytest.approx(328e6, rel=0.01)
    forward = page["split"](page["stack"](page["trace"](page["gru"])))
    values = [v for v in forward.loop if v.op != "product"]
    pointwise = [v for v in values if v.op != "part"]
    assert len(pointwise) == 12
    assert 4 * (len(values) + 1) == 64
    for cell, stages in (("gru", 1), ("lstm", 1), ("gru_v3", 2)):
        assert [page["stage"](plan.loop[-1]) for plan in page["compiled"](page[cell])] == [stages, stages]


def difference(page: dict[str, Any]) -> Callable[..., Any]:
    """A cell that subtracts one value from another; the GRU only subtracts from 1."""
    return lambda x, h, *, W, R: h - page["tanh"](W.n @ x + R.n @ h)


OPERATIONS = ["add", "subtract", "multiply", "sigmoid", "tanh", "product", "part", "stack"]


def test_every_rule_is_broken_below(page: dict[str, Any]):
    assert list(page["RULES"]) == OPERATIONS


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_wrong_rule_fails_the_pages_check(page: dict[str, Any], operation: str, monkeypatch: pytest.MonkeyPatch):
    rule, slightly_more = page["RULES"][operation], page["Symbol"]("number", tag=1.001)
    monkeypatch.setitem(page["RULES"], operation, lambda d, *rest: rule(slightly_more * d, *rest))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        page["check"](page["gru"])


def test_the_check_passes_with_the_rules_as_they_are(page: dict[str, Any]):
    page["check"](page["gru"])
    page["check"](difference(page))


@pytest.mark.parametrize("argument", [0, 1])
@pytest.mark.parametrize("operation", ["add", "subtract", "multiply", "product"])
def test_a_rule_wrong_for_one_argument_fails_the_pages_check(
    page: dict[str, Any], operation: str, argument: int, monkeypatch: pytest.MonkeyPatch
):
    rule, slightly_more = page["RULES"][operation], page["Symbol"]("number", tag=1.001)

    def wrong(*arguments: Any) -> list[Any]:
        gradients = list(rule(*arguments))
        gradients[argument] = slightly_more * gradients[argument]
        return gradients

    monkeypatch.setitem(page["RULES"], operation, wrong)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        page["check"](difference(page) if operation == "subtract" else page["gru"])
