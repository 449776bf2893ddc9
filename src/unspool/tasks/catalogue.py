"""The tasks by name."""

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from unspool.errors import SettingError
from unspool.tasks.adding import adding
from unspool.tasks.adding_modern import adding_modern
from unspool.tasks.copy_memory import copy_memory
from unspool.tasks.digits import digits
from unspool.tasks.fitzhugh_nagumo import fitzhugh_nagumo
from unspool.tasks.flip_flop import flip_flop_task
from unspool.tasks.long_lag import long_lag_2a, long_lag_2b, long_lag_2c
from unspool.tasks.lorenz_96 import lorenz_96
from unspool.tasks.memorisation import memorisation
from unspool.tasks.multiplication import multiplication
from unspool.tasks.parity import parity
from unspool.tasks.polyphonic import FILES, polyphonic
from unspool.tasks.random_permutation import random_permutation
from unspool.tasks.reber import reber
from unspool.tasks.symbol_order import symbol_order
from unspool.tasks.task import Task
from unspool.tasks.temporal_order import temporal_order_2013

OF_A_LENGTH: dict[str, Callable[..., Task]] = {
    "long-lag-2a": long_lag_2a,
    "long-lag-2b": long_lag_2b,
    "long-lag-2c": long_lag_2c,
    "adding": adding,
    "adding-modern": adding_modern,
    "multiplication": multiplication,
    "temporal-order": symbol_order,
    "temporal-order-3": partial(symbol_order, symbols=3),
    "temporal-order-2013": temporal_order_2013,
    "random-permutation": random_permutation,
    "memorisation": memorisation,
    "memorisation-20": partial(memorisation, bits=20),
    "copy-memory": copy_memory,
    "parity": parity,
    "flip-flop": flip_flop_task,
    "lorenz-96": lorenz_96,
    "fitzhugh-nagumo": fitzhugh_nagumo,
}
"""Name → task, of a length that may be given."""

AS_IT_IS: dict[str, Callable[[], Task]] = {
    "reber": reber,
    "digits": digits,
    "digits-permuted": partial(digits, is_permuted=True),
}
FROM_DATA = tuple(FILES)
TASKS = ("reber", *OF_A_LENGTH, "digits", "digits-permuted", *FROM_DATA)


def find_task(name: str, *, length: int | None = None, data: Path | None = None) -> Task:
    """The task of a name; `_` may stand for `-`.

    Args:
        name: one of `TASKS`.
        length: T; by default the task's usual one.
        data: file or folder, for the tasks that read one; without it they can be listed, not run.

    Raises:
        SettingError: no task has this name, or it takes no length, or no data.
        DataError: the data cannot be read.
    """
    name = name.replace("_", "-").lower()
    if name not in TASKS:
        near = get_close_matches(name, TASKS, 1, 0.4)
        raise SettingError(
            f"there is no task '{name}'", hint=f"did you mean {near[0]}?" if near else f"there are {', '.join(TASKS)}"
        )
    if data is not None and name not in FROM_DATA:
        raise SettingError(f"{name} makes its own sequences, and reads no data", hint=f"for {', '.join(FROM_DATA)}")
    if name in OF_A_LENGTH:
        return OF_A_LENGTH[name]() if length is None else OF_A_LENGTH[name](length)
    if length is not None:
        raise SettingError(f"{name} takes no length: its sequences are as long as they are")
    return polyphonic(name, data) if name in FROM_DATA else AS_IT_IS[name]()
