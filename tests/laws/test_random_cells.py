"""The reference kernel computes any cell the language can say, over time, as one step at a time does.

So do the passes of the compiled one in NumPy: what leaves the loop, its adjoint, what is saved, the order of stages.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.passes.sweeps import folded, values_for
from tests.passes.test_fold import the_loop_computes_the_step
from tests.passes.test_save import STEPS as TRAINED
from tests.passes.test_save import gradients_over_time
from tests.passes.test_stages import in_order
from tests.random_cells import SIZES, graphs, numbers_for
from unspool.ir import StepGraph
from unspool.passes.save import plan_training
from unspool.passes.stages import schedule
from unspool.runtime.dispatch import kernel_for
from unspool.testing.interpreter import run
from unspool.testing.tolerances import tolerance

STEPS, BATCH = 4, 2


@pytest.mark.parametrize("reverse", [False, True])
@settings(max_examples=50)
@given(
    graph=graphs(),
    seed=st.integers(0, 2**32 - 1),
    lengths=st.none() | st.lists(st.integers(1, STEPS), min_size=BATCH, max_size=BATCH),
    resets=st.none() | st.lists(st.booleans(), min_size=STEPS * BATCH, max_size=STEPS * BATCH),
)
def test_the_kernel_is_the_interpreter(
    graph: StepGraph, seed: int, lengths: list[int] | None, resets: list[bool] | None, reverse: bool
):
    numbers = numbers_for(graph, seed, steps=STEPS, batch=BATCH)
    reset = None if resets is None else np.reshape(resets, (STEPS, BATCH))
    expected_output, expected_final = run(
        graph, numbers.inputs, numbers.parameters, numbers.initial,
        lengths=lengths, reset=reset, rest=numbers.rest, reverse=reverse,
    )  # fmt: skip
    output, final = kernel_for(graph, "reference")(
        {k: torch.tensor(v) for k, v in numbers.inputs.items()},
        {k: torch.tensor(v) for k, v in numbers.parameters.items()},
        [torch.tensor(s) for s in numbers.initial],
        lengths=None if lengths is None else torch.tensor(lengths),
        reset=None if reset is None else torch.tensor(reset),
        rest=None if reset is None else [torch.tensor(s) for s in numbers.rest],
        reverse=reverse,
    )
    assert output.shape == (STEPS, BATCH, SIZES[graph.output_size])
    scale = max(float(np.abs(v).max()) for v in (expected_output, *expected_final))
    allowed = 100 * tolerance(torch.float64, STEPS, scale=scale)  # a random cell may amplify what it rounds
    np.testing.assert_allclose(output.numpy(), expected_output, rtol=0, atol=allowed)
    for found, expected in zip(final, expected_final, strict=True):
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=allowed)


@settings(max_examples=200)
@given(graph=graphs(), seed=st.integers(0, 2**32 - 1))
def test_the_loop_is_the_step(graph: StepGraph, seed: int):
    the_loop_computes_the_step(graph, numbers_for(graph, seed))


@settings(max_examples=200)
@given(graph=graphs(), seed=st.integers(0, 2**32 - 1))
def test_the_adjoint_has_the_gradients_over_time(graph: StepGraph, seed: int):
    """From nothing but what the forward sweep saved."""
    forward = folded(graph).forward
    values = values_for(forward, seed, steps=TRAINED, sizes=SIZES)
    gradients_over_time(forward, values, allowed=1e-10)  # a random cell may amplify what it rounds


@settings(max_examples=200)
@given(graphs())
def test_stages_are_in_order(graph: StepGraph):
    forward = folded(graph).forward
    training = plan_training(forward)
    for sweep in (forward, training.forward, training.adjoint):
        in_order(schedule(sweep))
