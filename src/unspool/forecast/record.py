"""A frozen dataclass of plain fields, to JSON and back with every field checked."""

from dataclasses import asdict, fields
from typing import Any, Literal, TypeVar

from unspool.errors import ModelError

T = TypeVar("T")

_PLAIN: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    int | float: (float, int),
    float | Literal["observed"]: (float, int, str),
    str | None: (str, type(None)),
    bool: (bool,),
    tuple[float, ...]: (list, tuple),
    tuple[str, ...]: (list, tuple),
}


def to_record(value: Any) -> dict[str, Any]:
    """The fields by name, ready for `json.dumps`."""
    return asdict(value)


def from_record(cls: type[T], data: Any, what: str) -> T:
    """An instance of `cls` from what `to_record` gave.

    Raises:
        ModelError: a field is missing, unknown or of another type: the file was damaged or edited.
    """
    if not isinstance(data, dict):
        raise ModelError(
            f"the saved {what} is damaged: not an object but {data!r}", hint="fit and save the model again"
        )
    wanted = {field.name: field.type for field in fields(cls)}  # pyright: ignore[reportArgumentType]
    if data.keys() != wanted.keys():
        odd = ", ".join(sorted(map(str, data.keys() ^ wanted.keys())))
        raise ModelError(f"the saved {what} is damaged: fields missing or unknown: {odd}", hint="fit and save it again")
    for name, kind in wanted.items():
        if not isinstance(data[name], _PLAIN[kind]) or (isinstance(data[name], bool) and kind is not bool):
            raise ModelError(f"the saved {what} is damaged: {name} is {data[name]!r}", hint="fit and save it again")
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()})
