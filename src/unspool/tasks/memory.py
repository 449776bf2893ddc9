"""Sizes that do not fit into memory are a fault of the settings, told in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from unspool.errors import SettingError


@contextmanager
def within_memory(what: str) -> Iterator[None]:
    """Turn torch's and Python's complaints about memory into an error of ours.

    Raises:
        SettingError: what is done in the block needs more memory than there is.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            raise SettingError(
                f"{what}: there is not enough memory for it",
                hint="a smaller length, hidden size or batch size, or fewer layers",
            ) from None
        raise
