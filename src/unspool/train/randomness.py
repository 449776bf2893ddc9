"""The global random generators: where they stand, and put back there."""

import random
from typing import Any

import numpy as np
import torch


def random_state() -> dict[str, Any]:
    """Where the generators of torch (CPU, and every GPU that is in use), NumPy and Python stand."""
    numpy = np.random.get_state(legacy=False)
    assert isinstance(numpy, dict)
    inner = numpy["state"]
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": {
            **{key: value for key, value in numpy.items() if key != "state"},
            "state": {"key": torch.from_numpy(inner["key"].astype(np.int64)), "pos": int(inner["pos"])},
        },
        "python": random.getstate(),
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put the generators where `random_state` found them."""
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    numpy = state["numpy"]
    key = numpy["state"]["key"].numpy().astype(np.uint32)
    np.random.set_state({**numpy, "state": {"key": key, "pos": numpy["state"]["pos"]}})
    random.setstate(state["python"])
