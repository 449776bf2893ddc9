"""JAX: `lax.scan` under jit, gates stacked and W x hoisted; gradients by vjp under jit."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor

from benchmarks.kernels.case import Case
from benchmarks.kernels.contenders.contender import Contender, Unable
from benchmarks.kernels.contenders.loop import Library, PlanLoop

UNROLL = (1, 8)
"""Steps per iteration of XLA's loop; the better is taken."""


def jax_scan(case: Case, mode: str, limit: float) -> Iterator[Contender]:
    """The scan with a few unrollings."""
    del limit
    library = _library()
    if library is None:
        raise Unable("jax is not installed")
    try:
        loop = PlanLoop(case.graph, library)
    except NotImplementedError as error:
        raise Unable(str(error)) from error
    for unroll in UNROLL:
        yield _contender(case, mode, loop, unroll)


def _contender(case: Case, mode: str, loop: PlanLoop, unroll: int) -> Contender:
    import jax
    import jax.numpy as jnp

    parameters = [jnp.asarray(p.detach().numpy()) for p in case.parameters.values()]
    x, gradient = jnp.asarray(case.x.numpy()), jnp.asarray(case.gradient.numpy())
    initial = [jnp.asarray(s.numpy()) for s in case.initial()]
    names = ["gradient x", *(f"gradient {n}" for n in case.parameters)]

    def run(x: Any, parameters: Any) -> Any:
        fixed, timed = loop.prologue(x, parameters)
        _, kept = jax.lax.scan(
            lambda states, now: loop.step(fixed, now, states), initial, timed, length=case.size.steps, unroll=unroll
        )
        return loop.epilogue(fixed, timed, kept)

    @jax.jit
    def pulled(x: Any, parameters: Any, gradient: Any) -> Any:
        output, pull = jax.vjp(run, x, parameters)
        dx, found = pull(gradient)
        return [output, dx, *found]

    forward = jax.jit(run)
    label = f"unroll {unroll}"
    if mode == "forward":
        return Contender(
            label, lambda: jax.block_until_ready(forward(x, parameters)), lambda output: {"output": _tensor(output)}
        )
    return Contender(
        label,
        lambda: jax.block_until_ready(pulled(x, parameters, gradient)),
        lambda result: dict(zip(["output", *names], map(_tensor, result), strict=True)),
    )


def _tensor(array: Any) -> Tensor:
    import numpy as np

    return torch.from_numpy(np.array(array))


def _block_product(vector: Any, stored: Any) -> Any:
    import jax.numpy as jnp

    width = stored.shape[-1]
    blocks = vector.shape[-1] // width
    matrices = stored.reshape(-1, blocks, width, width)
    found = jnp.einsum("knji,...ni->...knj", matrices, vector.reshape(*vector.shape[:-1], blocks, width))
    return found.reshape(*vector.shape[:-1], -1)


@cache
def _library() -> Library | None:
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)  # float32 arrays stay float32
    return Library(
        operations={
            "add": jnp.add,
            "subtract": jnp.subtract,
            "multiply": jnp.multiply,
            "divide": jnp.divide,
            "negate": jnp.negative,
            "power": jnp.power,
            "sigmoid": jax.nn.sigmoid,
            "tanh": jnp.tanh,
            "relu": jax.nn.relu,
            "softplus": jax.nn.softplus,
            "exp": jnp.exp,
            "log": jnp.log,
            "sqrt": jnp.sqrt,
            "abs": jnp.abs,
            "sin": jnp.sin,
            "cos": jnp.cos,
            "sign": jnp.sign,
            "maximum": jnp.maximum,
            "minimum": jnp.minimum,
            "sum": lambda a: a.sum(-1, keepdims=True),
            "size": lambda a: jnp.full_like(a[..., :1], a.shape[-1]),
            "largest": lambda a: a.max(-1, keepdims=True),
        },
        product=lambda operand, matrix: operand @ matrix.T,
        block_product=_block_product,
        join=lambda matrices: jnp.concatenate(matrices, 0),
        split=lambda value, count: jnp.split(value, count, -1),
        expand=lambda value, like: jnp.broadcast_to(value, like.shape),
    )
