"""All checks of a cell: one by one for a test runner, or at once for its author."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch

from unspool.cells import find_cell
from unspool.lang import Cell
from unspool.runtime.dispatch import BACKENDS
from unspool.testing.check import Check
from unspool.testing.equations import check_equations
from unspool.testing.gradients import (
    every_gradient,
    gradients_are_finite_differences,
    gradients_for_a_constant_input,
    second_derivatives_are_finite_differences,
)
from unspool.testing.jacobian import the_jacobian_is_autograds
from unspool.testing.laws import a_batch_is_its_sequences_one_by_one, chunked_is_whole
from unspool.testing.padding import padding_may_hold_anything
from unspool.testing.page import a_layers_gradients_are_finite_differences, the_layer_is_the_page
from unspool.testing.saving import a_layer_saved_and_loaded_is_the_same, the_graph_survives_json
from unspool.testing.subject import Subject
from unspool.testing.values import an_empty_batch, an_input_of_any_layout, outputs_and_final_states

DTYPES = (torch.float64, torch.float32)

_OF_A_CELL: tuple[Callable[[Cell], None], ...] = (
    check_equations,
    the_layer_is_the_page,
    a_layers_gradients_are_finite_differences,
    the_jacobian_is_autograds,
    the_graph_survives_json,
    a_layer_saved_and_loaded_is_the_same,
)

_IN_ANY_DTYPE: tuple[Callable[[Subject], None], ...] = (
    outputs_and_final_states,
    every_gradient,
    chunked_is_whole,
    a_batch_is_its_sequences_one_by_one,
    an_empty_batch,
    an_input_of_any_layout,
)

_IN_FLOAT64: tuple[Callable[[Subject], None], ...] = (
    padding_may_hold_anything,
    gradients_are_finite_differences,
    second_derivatives_are_finite_differences,
)

_IN_FLOAT32: tuple[Callable[[Subject], None], ...] = (gradients_for_a_constant_input,)


def check_cell(
    cell: Cell | str, *, backends: Sequence[str] | None = None, dtypes: Sequence[torch.dtype] | None = None
) -> None:
    """Run every check of a cell.

    Args:
        cell: a cell, the name of one, or `"FILE.py:NAME"`.
        backends: those of `unspool.runtime.dispatch.BACKENDS` to run it on; by default all.
        dtypes: torch.float64, torch.float32 or both, which is the default.

    Raises:
        AssertionError: a check fails. The message has a line for each that does, since which ones do says where to
            look: only float32, only with resets, only gradients.
        CellError: there is no such cell.

    Time: about four seconds where the cell has not been compiled before, most of it compilation. Every check uses the
    same numbers each time, and no network.
    """
    failures: list[str] = []
    for check in checks(cell, backends=backends, dtypes=dtypes):
        try:
            check()
        except Exception as error:  # whatever a backend raises is its failure
            said = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            failures.append(f"  {check.name}: {said}")
    if failures:
        name = find_cell(cell).name
        raise AssertionError("\n".join([f"cell '{name}' fails {len(failures)} of its checks:", *failures]))


def checks(
    cell: Cell | str, *, backends: Sequence[str] | None = None, dtypes: Sequence[torch.dtype] | None = None
) -> Iterator[Check]:
    """The checks one by one, the simple ones first; see `check_cell`.

    Example:
        >>> @pytest.mark.parametrize("check", checks(my_cell), ids=str)
        ... def test_my_cell(check):
        ...     check()
    """
    cell = find_cell(cell)
    for ask in _OF_A_CELL:
        yield Check(_words(ask), partial(ask, cell))
    for backend in BACKENDS if backends is None else backends:
        for dtype in DTYPES if dtypes is None else dtypes:
            alone = {torch.float64: _IN_FLOAT64, torch.float32: _IN_FLOAT32}.get(dtype, ())
            for ask in (*_IN_ANY_DTYPE, *alone):
                name = f"{_words(ask)} ({backend}, {str(dtype).removeprefix('torch.')})"
                yield Check(name, partial(ask, Subject(cell, backend, dtype)))


def _words(ask: Callable[..., None]) -> str:
    return ask.__name__.replace("_", " ")
