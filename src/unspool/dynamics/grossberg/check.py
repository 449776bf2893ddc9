"""What a network's parameters and states must be."""

from torch import Tensor

from unspool.errors import DataError, SettingError, ShapeError

Number = Tensor | float
"""One number for all units, or a tensor with one for each."""


def check_matrix(title: str, name: str, value: Tensor) -> None:
    """[S, S], finite, S ≥ 1.

    Raises:
        ShapeError, DataError: it is not.
    """
    if not isinstance(value, Tensor) or value.dim() != 2 or value.shape[0] != value.shape[1] or not value.numel():
        what = list(value.shape) if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise ShapeError(f"{title}: {name} is {what}; it is a square tensor [S, S], entry [j, i] from unit j to unit i")
    check_finite(title, name, value)


def check_number(title: str, name: str, value: Number, like: Tensor, *, least: float | None = None) -> None:
    """A number, or a tensor that fits beside `like` [..., S]; finite and at least `least`.

    Raises:
        ShapeError, DataError, SettingError: it is not.
    """
    if isinstance(value, Tensor):
        if value.dim() and value.shape[-1] != like.shape[-1]:
            raise ShapeError(f"{title}: {name} is {list(value.shape)}; its last axis is the S={like.shape[-1]} units")
        if value.dtype != like.dtype or value.device != like.device:
            raise ShapeError(
                f"{title}: {name} is {value.dtype} on {value.device}; the paths are {like.dtype} on {like.device}",
                hint="build everything in torch.float64 on one device",
            )
    elif not isinstance(value, int | float):
        raise ShapeError(f"{title}: {name} is a {type(value).__name__}; it is a number or a torch tensor")
    check_finite(title, name, value)
    if least is not None and bool((value < least).any() if isinstance(value, Tensor) else value < least):
        raise SettingError(f"{title}: {name} goes below {least:g}, which the model does not allow")


def check_finite(title: str, name: str, value: Number) -> None:
    """No NaN and no infinity.

    Raises:
        DataError: there is one.
    """
    if not (bool(value.isfinite().all()) if isinstance(value, Tensor) else abs(value) < float("inf")):
        raise DataError(f"{title}: {name} is, or has, NaN or infinity")


def check_state(title: str, state: Tensor, size: int, *inputs: Number | None) -> None:
    """[..., S], and inputs that are for one state or for just as many: others would silently make N states of one.

    Raises:
        ShapeError: it is not.
    """
    if state.shape[-1:] != (size,):
        raise ShapeError(f"{title}: the state is {list(state.shape)}; it is [..., S={size}]")
    for given in inputs:
        if isinstance(given, Tensor) and given.dim() > 1 and given.shape[:-1] != state.shape[:-1]:
            raise ShapeError(
                f"{title}: the state is {list(state.shape)}, an input {list(given.shape)}",
                hint="an input is [S], or has a row for each of the states",
            )
