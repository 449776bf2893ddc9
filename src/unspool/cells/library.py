"""Finds cells by name: a page of this folder, or `FILE.py:NAME` for a user's own."""

import difflib
import importlib
import importlib.util
import pkgutil
from functools import cache
from pathlib import Path

from unspool import cells
from unspool.errors import CellError
from unspool.lang import Cell


@cache
def built_in() -> dict[str, Cell]:
    """Every cell whose page lies in this folder, by name."""
    names = sorted(m.name for m in pkgutil.iter_modules(cells.__path__) if m.name != "library")
    return {name: getattr(importlib.import_module(f"{cells.__name__}.{name}"), name) for name in names}


def find_cell(name: str | Cell) -> Cell:
    """The cell called `name`, or the one in `FILE.py:NAME`; a `Cell` is returned as it is.

    Raises:
        CellError: there is no such cell; the hint names the nearest ones.
    """
    if isinstance(name, Cell):
        return name
    stem, suffix, cell_name = name.rpartition(".py")
    if suffix:
        return load_cell_file(Path(stem + suffix), cell_name.removeprefix(":") or None)
    known = built_in()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"did you mean '{near[0]}'? " if near else ""
        raise CellError(f"unknown cell '{name}'", hint=f"{guess}cells: {', '.join(known)}; or your own: FILE.py:NAME")
    return known[name]


def load_cell_file(path: Path, name: str | None = None) -> Cell:
    """The cell `name` of a Python file, which is executed; `name` may be left out where the file has one cell.

    Raises:
        CellError: the file is missing, fails, or has no such cell.
    """
    if not path.is_file():
        raise CellError(f"cell file '{path}' does not exist")
    spec = importlib.util.spec_from_file_location(f"unspool_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise CellError(f"cell file '{path}' is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except CellError:
        raise
    except Exception as error:
        raise CellError(f"cell file '{path}' fails: {type(error).__name__}: {error}") from error
    found = {n: v for n, v in vars(module).items() if isinstance(v, Cell)}
    own = {n: v for n, v in found.items() if v not in built_in().values()}
    if name is None and len(own) == 1:
        return next(iter(own.values()))
    if name is None or name not in found:
        wanted = f"no cell '{name}'" if name else "several cells or none"
        raise CellError(f"{path}: {wanted}", hint=f"its cells: {', '.join(found) or 'none'}; write {path}:NAME")
    return found[name]
