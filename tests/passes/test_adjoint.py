"""The adjoint of a step is its derivative: every rule against finite differences, and a wrong rule is found out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.passes.sweeps import Values, evaluate, folded, step_gradients, text, values_for
from unspool.cells import built_in
from unspool.ir import OPERATIONS, REDUCTIONS, Apply, Constant, GraphBuilder, Read, Variable, Weight
from unspool.ir.operations import DERIVED
from unspool.lang import Input, Matrix, State, cell, tanh
from unspool.passes import as_run
from unspool.passes.adjoint import RULES, Adjoint, Term, adjoint
from unspool.passes.sweep import Sweep

STEP = 1e-6
"""Of the differences: they are good to about 1e-10."""

LEAVES = {
    "h": Read("h", ("H",)),
    "u": Read("u", ("H",)),
    "w": Read("w", ("H",)),
    "v": Weight("v", None, ("H",)),
    "dt": Read("dt", ()),
    "s": Weight("s", None, ()),
    "R": Weight("R", "a", ("H", "H")),
    "D": Weight("D", None, ("H", "H/N")),
    "P": Weight("P", None, ("P", "H")),
    "0.7": Constant(0.7),
}
H = Variable("h", "H")


def sweep(equations: Callable[..., Term | tuple[Term, ...]], *leaves: str) -> Sweep:
    """H' = equations(leaves…); further results are written."""
    builder = GraphBuilder()
    found = equations(*(Term(builder, builder.add(LEAVES[leaf])) for leaf in leaves))
    result, *written = found if isinstance(found, tuple) else (found,)
    writes = tuple((f"y{i}", term.position) for i, term in enumerate(written))
    return Sweep("small", tuple(builder.nodes), (H,), (result.position,), writes)


def of(operation: str, *leaves: str) -> Sweep:
    """H' = operation(leaves…) ∘ u, so that a number makes a vector too and no gradient is plain."""
    last = "u" if "u" not in leaves else "w"
    return sweep(lambda *terms: terms[-1].apply("tanh") * terms[0].apply(operation, *terms[1:-1]), *leaves, last)


PAIRS = [("h", "u"), ("h", "v"), ("v", "h"), ("h", "h"), ("h", "dt"), ("dt", "h"), ("h", "s"), ("s", "h")]
PAIRS += [("dt", "s"), ("s", "dt"), ("h", "0.7"), ("0.7", "h"), ("dt", "0.7"), ("0.7", "dt")]
BINARY = ("add", "subtract", "multiply", "divide", "power", "maximum", "minimum")
UNARY = [o for o in RULES if o not in (*BINARY, *REDUCTIONS, "product", "spread")]
CASES: dict[str, list[Sweep]] = {
    **{o: [of(o, leaf) for leaf in ("h", "u", "dt")] for o in UNARY},
    **{o: [of(o, *pair) for pair in PAIRS] for o in BINARY},
    "product": [
        of("product", "R", "h"),
        of("product", "D", "h"),
        of("product", "R", "u"),
        sweep(lambda R, h, v: R.apply("product", h * v), "R", "h", "v"),
        sweep(lambda R, h, v: R.apply("product", R.apply("product", h) * v), "R", "h", "v"),
        sweep(lambda P, h, u: (u, P.apply("product", h)), "P", "h", "u"),
        sweep(lambda R, D, h: R.apply("product", h) + D.apply("product", h) * h, "R", "D", "h"),
    ],
    **{o: [of(o, "h"), sweep(lambda h, s, o=o: h * (h * s).apply(o), "h", "s")] for o in ("sum", "size", "largest")},
    "spread": [of("spread", "dt", "h"), of("spread", "s", "h"), of("spread", "dt", "v")],
}
ARGUMENTS = [(o, i) for o in RULES for i in range((OPERATIONS | DERIVED)[o].arity)]


def differences(forward: Sweep, values: Values, weights: Values) -> dict[str, Any]:
    """The gradient of Σ weight · result by every value, by central differences."""
    results = {f"∂{s.name}": p for s, p in zip(forward.states, forward.next_states, strict=True)}
    results |= {f"∂{n}": p for n, p in forward.writes}

    def loss(changed: Values) -> float:
        found = evaluate(forward, changed)
        return sum(float(np.sum(weights[name] * found[position])) for name, position in results.items())

    gradients = {}
    for name, value in values.items():
        gradient = gradients[f"∂{name}"] = np.zeros_like(value)
        for place in np.ndindex(np.shape(value)):
            there, back = np.array(value), np.array(value)
            there[place] += STEP
            back[place] -= STEP
            gradient[place] = (loss({**values, name: there}) - loss({**values, name: back})) / (2 * STEP)
    return gradients


def check(forward: Sweep, *, seed: int = 0, positive: bool = False, derived: Adjoint | None = None) -> None:
    """Every gradient of one step is a finite difference."""
    values = {n: np.abs(v) + 0.1 if positive else v for n, v in values_for(forward, seed).items()}
    derived = derived or adjoint(forward)
    rng = np.random.default_rng(seed)
    shapes = {f"∂{n}": np.shape(v) for n, v in values.items()}
    found_values = evaluate(forward, values)
    results = [*zip((s.name for s in forward.states), forward.next_states, strict=True), *forward.writes]
    weights = {f"∂{n}": rng.normal(size=np.shape(found_values[p])) for n, p in results}
    found = step_gradients(derived, {**values, **weights})
    for name, expected in differences(forward, values, weights).items():
        gradient = found.get(name, np.zeros(shapes[name]))
        total = gradient if np.shape(gradient) == shapes[name] else np.sum(gradient)  # of a number, unit by unit
        allowed = 1e-8 * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(total, expected, rtol=0, atol=allowed, err_msg=name)


def check_all(operation: str) -> None:
    for forward in CASES[operation]:
        for seed in range(2):
            check(forward, seed=seed, positive=operation in ("divide", "power", "log", "sqrt"))


@pytest.mark.parametrize("operation", RULES)
def test_a_rule_is_a_finite_difference(operation: str):
    assert all(any(isinstance(n, Apply) and n.operation == operation for n in f.nodes) for f in CASES[operation])
    check_all(operation)


def scaled(gradient: Term | None, incoming: Term) -> Term | None:
    return (gradient or incoming) * 1.001


def dropped(gradient: Term | None, incoming: Term) -> Term | None:
    return None if gradient else incoming


def flipped(gradient: Term | None, incoming: Term) -> Term | None:
    return -(gradient or incoming)


@pytest.mark.parametrize("wrongly", [scaled, dropped, flipped])
@pytest.mark.parametrize(("operation", "argument"), [a for a in ARGUMENTS if a != ("product", 0)])
def test_a_wrong_rule_is_found_out(operation: str, argument: int, wrongly: Callable[..., Any], monkeypatch):
    """Each gradient of each rule in turn; one that is zero everywhere becomes what is not. A matrix's is deferred."""
    right = RULES[operation]

    def wrong(*terms: Term) -> tuple[Term | None, ...]:
        gradients = list(right(*terms))
        gradients[argument] = wrongly(gradients[argument], terms[-1])
        return tuple(gradients)

    monkeypatch.setitem(RULES, operation, wrong)
    with pytest.raises(AssertionError):
        check_all(operation)


@pytest.mark.parametrize("name", built_in())
def test_every_pages_adjoint_is_a_finite_difference(name: str):
    forward = folded(as_run(built_in()[name].graph)).forward
    check(forward, positive=True)  # what the prologue computes may be a variance


def test_without_a_deferred_gradient_it_is_found_out():
    forward = CASES["product"][0]
    with pytest.raises(AssertionError, match="R"):
        check(forward, derived=replace(adjoint(forward), deferred=()))


@pytest.mark.parametrize(
    ("equations", "leaves", "given", "gradient"),
    [
        (lambda h: h.apply("relu"), "h", [0.0, 1.0], [0, 1]),
        (lambda h: h.apply("abs"), "h", [0.0, -1.0], [0, -1]),
        (lambda h: h.apply("sign"), "h", [0.0, 2.0], [0, 0]),
        (lambda h, n: h.apply("maximum", n), "h 0.7", [0.7, 0.6, 0.8], [1, 0, 1]),
        (lambda h, n: n.apply("minimum", h), "h 0.7", [0.7, 0.6, 0.8], [1, 1, 0]),
        (lambda h, u: h.apply("maximum", u), "h u", [0.7, 0.6, 0.8], [0.5, 0, 1]),
        (lambda h, u: u.apply("minimum", h), "h u", [0.7, 0.6, 0.8], [0.5, 1, 0]),
        (
            lambda h, u: h.apply("largest").apply("spread", h) * u,
            "h u",
            [0.2, 0.5, 0.5, 0.5],
            [0, 0.28 / 0.3, 0.28 / 0.3, 0.28 / 0.3],
        ),
    ],
)
def test_at_a_kink(equations: Callable[..., Term], leaves: str, given: list[float], gradient: list[float]):
    """Where there are two derivatives: none of a sign's, half of each of two, all for a vector against a number."""
    derived = adjoint(sweep(equations, *leaves.split()))
    values = {"h": np.array(given), "u": np.full(len(given), 0.7), "∂h": np.ones(len(given))}
    np.testing.assert_allclose(step_gradients(derived, values)["∂h"], gradient, rtol=1e-15)


@cell
def elman(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
    return tanh(W @ x + R @ h)


def test_the_docstrings_example():
    forward = folded(elman.graph).forward
    derived = adjoint(forward)
    assert text(forward, "h'") == "tanh(W@x + R @ h)"
    delta = "(∂h' + ∂h) ∘ (1 − tanh(W@x + R @ h) ∘ tanh(W@x + R @ h))"
    assert text(derived.sweep, "∂W@x") == delta
    assert text(derived.sweep, "∂h") == f"Rᵀ @ ({delta})"
    (gradient,) = derived.deferred
    assert gradient.weight == Weight("R", None, ("H", "H"))
    assert gradient.delta == dict(derived.sweep.writes)["∂W@x"]
    assert derived.sweep.nodes[gradient.operand] == Read("h", ("H",))


def test_the_forward_sweep_comes_first_and_nothing_is_computed_twice():
    for page in built_in().values():
        forward = folded(page.graph).forward
        derived = adjoint(forward)
        assert derived.sweep.nodes[: derived.forward_nodes] == forward.nodes
        assert len(set(derived.sweep.nodes)) == len(derived.sweep.nodes)


def test_one_gradient_waits_for_each_product_with_a_matrix():
    forward = CASES["product"][4]  # R @ (R @ h ∘ v): one matrix, two operands
    derived = adjoint(forward)
    products = [p for p, n in enumerate(forward.nodes) if isinstance(n, Apply) and n.operation == "product"]
    operands = [n.arguments[1] for p in products if isinstance(n := forward.nodes[p], Apply)]
    assert [d.operand for d in derived.deferred] == operands
    assert len({d.delta for d in derived.deferred}) == 2


def test_what_a_step_forgets_has_no_gradient():
    """A state that no result needs carries zeros on; a read that none needs is not written."""
    forward = sweep(lambda u, h: (u.apply("tanh"), h.apply("sign")), "u", "h")
    derived = adjoint(forward)
    assert text(derived.sweep, "∂h") == "0"
    assert [name for name, _ in derived.sweep.writes] == ["∂u"]
    assert derived.deferred == ()


def test_products_are_added_first():
    """They accumulate in registers; what else reaches a value comes after them."""
    forward = sweep(lambda R, D, h, u: (R.apply("product", h) * u + h * u, D.apply("product", h)), "R", "D", "h", "u")
    assert text(adjoint(forward).sweep, "∂h").startswith("Dᵀ @ ∂y0 + R.aᵀ @ (∂h ∘ u) + ")
