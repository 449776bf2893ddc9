"""A frozen dataclass of plain fields, to JSON and back with every field checked."""

from dataclasses import MISSING, asdict, fields
from typing import Any, Literal, TypeVar, get_args, get_origin

from unspool.errors import ModelError

T = TypeVar("T")

_PLAIN: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    int | float: (float, int),
    str | None: (str, type(None)),
    bool: (bool,),
    tuple[float, ...]: (list, tuple),
    tuple[str, ...]: (list, tuple),
    tuple[int, ...]: (list, tuple),
}


def to_record(value: Any) -> dict[str, Any]:
    """The fields by name, ready for `json.dumps`."""
    return asdict(value)


def from_record(cls: type[T], data: Any, what: str) -> T:
    """An instance of `cls` from what `to_record` gave.

    Raises:
        ModelError: a field is missing, unknown or of another type: the file was damaged or edited. A field that has a
            default may be missing: it is newer than the file.
    """
    if not isinstance(data, dict):
        raise ModelError(
            f"the saved {what} is damaged: not an object but {data!r}", hint="fit and save the model again"
        )
    wanted = {field.name: field.type for field in fields(cls)}  # pyright: ignore[reportArgumentType]
    newer = {f.name for f in fields(cls) if f.default is not MISSING}  # pyright: ignore[reportArgumentType]
    if not wanted.keys() - newer <= data.keys() <= wanted.keys():
        odd = ", ".join(sorted(map(str, (wanted.keys() - newer) - data.keys() | data.keys() - wanted.keys())))
        raise ModelError(f"the saved {what} is damaged: fields missing or unknown: {odd}", hint="fit and save it again")
    for name, value in data.items():
        if not _fits(value, wanted[name]):
            raise ModelError(f"the saved {what} is damaged: {name} is {value!r}", hint="fit and save it again")
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()})


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a field's type: a plain one, or a choice of plain ones and words."""
    if kind in _PLAIN:
        return isinstance(value, _PLAIN[kind]) and (kind is bool or not isinstance(value, bool))
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    return any(_fits(value, each) for each in get_args(kind))
