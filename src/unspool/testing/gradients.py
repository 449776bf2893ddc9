"""Gradients: finite differences in float64, first and second; and those of the reference in float64, everywhere."""

from dataclasses import replace
from functools import partial

from unspool.testing.case import CASES, ODD_SIZES, SMALL, TINY
from unspool.testing.check import compare
from unspool.testing.differences import check_first, check_second
from unspool.testing.numbers import numbers_of
from unspool.testing.subject import Subject, reference_gradients, with_gradients


def every_gradient(subject: Subject) -> None:
    """By every input, parameter and state, in every case, both ways, and the values that come with them."""
    for case in (*CASES.values(), *ODD_SIZES):
        leaves = subject.leaves(case, differentiable=True)
        found = with_gradients(subject.run(case, leaves), leaves)
        expected = reference_gradients(subject.cell, case)
        compare(subject.where(case), found, expected, subject.dtype, case.steps)


def gradients_for_a_constant_input(subject: Subject) -> None:
    """An input of few features that needs no gradient is multiplied in the loop, feature by feature."""
    case = CASES["no sizes in common"]
    expected = reference_gradients(subject.cell, case)
    inputs = numbers_of(subject.cell, case).inputs.keys()
    leaves = subject.leaves(case, differentiable=True)
    leaves |= {n: leaves[n].detach() for n in inputs}
    found = with_gradients(subject.run(case, leaves), leaves)
    wanted = {n: v for n, v in expected.items() if n.removeprefix("d ") not in inputs}
    compare(f"{subject.where(case)}, a constant input", found, wanted, subject.dtype, case.steps)


def gradients_are_finite_differences(subject: Subject) -> None:
    """Both ways, in a random direction of every input, parameter and state; float64."""
    for case in (SMALL, replace(SMALL, name=f"{SMALL.name}, reversed", reverse=True)):
        leaves = subject.leaves(case, differentiable=True)
        check_first(subject.where(case), partial(subject.run, case), leaves)


def second_derivatives_are_finite_differences(subject: Subject) -> None:
    """As for the first, but for states to reset to: nothing is reset."""
    leaves = subject.leaves(TINY, differentiable=True)
    leaves |= {n: v.detach() for n, v in leaves.items() if n.startswith("rest ")}
    check_second(subject.where(TINY), partial(subject.run, TINY), leaves)
