"""Where a fit runs: device, precision, and the processes that share its batches."""

import atexit
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, distributed

from unspool.errors import DataError, SettingError
from unspool.train.nested import map_tensors, tensors_of

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Precision = Literal["32", "bf16", "16", "64"]


def make_fabric(device: str = "cpu", precision: Precision = "32") -> "Fabric":
    """The device, precision and processes to fit with.

    Args:
        device: "cpu", "cuda" or "auto": a GPU if there is one.
        precision: "32"; "bf16" or "16": products outside recurrences in 16 bits (autocast), weights in float32, with
            "16" the loss is scaled (Micikevicius et al. 2018, arXiv:1710.03740); "64": all in float64.

    Under `torchrun` every process gets its own device and its share of each batch; gradients are averaged with gloo
    on CPUs and NCCL on GPUs.

    Raises:
        SettingError: the device or the precision is unknown, or the device is not there.
    """
    from lightning_fabric import Fabric

    from unspool.train.autocast import Autocast

    if precision not in ("32", "bf16", "16", "64"):
        raise SettingError(f"unknown precision '{precision}'", hint="it is one of: 32, bf16, 16, 64")
    if device not in ("cpu", "cuda", "auto"):
        raise SettingError(f"unknown device '{device}'", hint="it is one of: cpu, cuda, auto")
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingError("there is no CUDA device here", hint="take the device cpu")
    kind: Literal["cuda", "cpu"] = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    options: dict[str, Any] = {"accelerator": kind, "devices": 1}
    if precision == "bf16":
        options["plugins"] = Autocast("bf16-mixed", kind)
    elif precision == "16":
        options["plugins"] = Autocast("16-mixed", kind)
    else:
        options["precision"] = "64-true" if precision == "64" else "32-true"
    if "TORCHELASTIC_RUN_ID" in os.environ:
        local, world = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        if world > 1:
            options |= {"devices": local, "num_nodes": world // local, "strategy": "ddp"}
    joined = distributed.is_initialized()
    fabric = Fabric(**options)
    fabric.launch()
    if distributed.is_initialized() and not joined:
        # Left to itself the interpreter takes the group's threads down while they run, and now and then aborts.
        atexit.register(_leave_group)
    return fabric


def _leave_group() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def local_batch(fabric: "Fabric", batch: Any) -> tuple[Any, float]:
    """The rows of a batch that are this process's, on its device; and their weight among the processes, 1 on average.

    Every tensor in the batch whose first axis is as long as that of the first tensor is split along it.

    Raises:
        DataError: the batch has fewer rows than there are processes, or no tensor with an axis.
    """
    share = 1.0
    if fabric.world_size > 1:
        rows = next((len(t) for t in tensors_of(batch) if t.dim()), 0)
        if rows < fabric.world_size:
            raise DataError(
                f"a batch has {rows} rows for {fabric.world_size} processes",
                hint="give larger batches, or start fewer processes",
            )
        start, end = (rows * k // fabric.world_size for k in (fabric.global_rank, fabric.global_rank + 1))
        batch = map_tensors(batch, lambda t: t[start:end] if t.dim() and len(t) == rows else t)
        share = (end - start) * fabric.world_size / rows
    if fabric.device.type != "cpu":
        batch = map_tensors(batch, lambda t: t.to(fabric.device, non_blocking=True))
    return batch, share


def mean(fabric: "Fabric", value: float) -> float:
    """The mean over the processes, the same number in each."""
    if fabric.world_size == 1:
        return value
    total = torch.tensor(value, dtype=torch.float64, device=fabric.device)
    distributed.all_reduce(total)
    return float(total) / fabric.world_size


def gather(fabric: "Fabric", data: bytes) -> list[bytes]:
    """The bytes of every process, in the order of their ranks. Sent as tensors: nothing is pickled."""
    if fabric.world_size == 1:
        return [data]
    size = torch.tensor(len(data), device=fabric.device)
    sizes = _all(fabric, size, distributed.all_gather)
    padded = torch.zeros(int(max(sizes)), dtype=torch.uint8, device=fabric.device)
    padded[: len(data)] = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    parts = _all(fabric, padded, distributed.all_gather)
    return [bytes(part[: int(n)].cpu().numpy()) for part, n in zip(parts, sizes, strict=True)]


def broadcast(fabric: "Fabric", data: bytes) -> bytes:
    """The bytes of process 0, in every process."""
    if fabric.world_size == 1:
        return data
    size = torch.tensor(len(data), device=fabric.device)
    distributed.broadcast(size, 0)
    sent = torch.zeros(int(size), dtype=torch.uint8, device=fabric.device)
    if fabric.is_global_zero:
        sent[:] = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    distributed.broadcast(sent, 0)
    return bytes(sent.cpu().numpy())


def _all(fabric: "Fabric", value: Tensor, collect: Callable[[list[Tensor], Tensor], Any]) -> list[Tensor]:
    found = [torch.zeros_like(value) for _ in range(fabric.world_size)]
    collect(found, value)
    return found
