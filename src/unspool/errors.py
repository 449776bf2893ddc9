"""The exception tree: every error a user can mend is an `UnspoolError`.

    UnspoolError
    ├── CellError      a cell's page cannot be read as equations
    ├── ShapeError     a tensor's shape or dtype does not fit
    ├── DataError      a table, a column, a time or a value is not usable
    ├── SettingError   an option has no meaning or contradicts another
    ├── ModelError     a saved model is damaged, incomplete, newer, or made for other columns
    └── OutputError    a file or folder cannot be written

The message says what failed and where; `hint` says what to do. The command line prints both on
one clear line each and exits with code 2.
"""


class UnspoolError(Exception):
    """What failed, with a hint how to mend it."""

    def __init__(self, message: str, hint: str | None = None):
        self.message = message
        self.hint = hint
        super().__init__(message if hint is None else f"{message}\nHint: {hint}")


class CellError(UnspoolError):
    """A cell's page cannot be read as equations."""


class ShapeError(UnspoolError):
    """A tensor's shape or dtype does not fit."""


class DataError(UnspoolError):
    """A table, a column, a time or a value is not usable."""


class SettingError(UnspoolError):
    """An option has no meaning or contradicts another."""


class ModelError(UnspoolError):
    """A saved model is damaged, incomplete, newer than this version, or made for other columns."""


class OutputError(UnspoolError):
    """A file or folder cannot be written."""
