"""Finds cells by name: a page of this folder, one that an installed package declares, or `FILE.py:NAME`.

A package declares its cells in its pyproject.toml, and they are loaded when they are asked for:

    [project.entry-points."unspool.cells"]
    mgu = "my_package.mgu:mgu"
"""

import difflib
import importlib
import importlib.util
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from unspool import cells
from unspool.errors import CellError
from unspool.lang import Cell

GROUP = "unspool.cells"


@cache
def built_in() -> dict[str, Cell]:
    """Every cell whose page lies in this folder, by name."""
    names = sorted(m.name for m in pkgutil.iter_modules(cells.__path__) if m.name != "library")
    return {name: getattr(importlib.import_module(f"{cells.__name__}.{name}"), name) for name in names}


def installed() -> dict[str, Cell]:
    """Every cell that an installed package declares, by name. What cannot be used is left out: see `unusable`."""
    return {name: cell for name, cell in _loaded().items() if isinstance(cell, Cell)}


def unusable() -> dict[str, CellError]:
    """Name of each declared cell that cannot be used → why: it fails to load, or the name is taken."""
    return {name: error for name, error in _loaded().items() if isinstance(error, CellError)}


def find_cell(name: str | Cell) -> Cell:
    """The cell called `name`, or the one in `FILE.py:NAME`; a `Cell` is returned as it is.

    A built-in cell goes before an installed package's of the same name.

    Raises:
        CellError: there is no such cell; the hint names the nearest ones. Or an installed package declares it, and it
            fails to load, or two packages do.
    """
    if isinstance(name, Cell):
        return name
    stem, suffix, cell_name = name.rpartition(".py")
    if suffix:
        return load_cell_file(Path(stem + suffix), cell_name.removeprefix(":") or None)
    known = built_in()
    if name in known:
        return known[name]
    declared = _declared()
    if name in declared:
        return _load(name)
    near = difflib.get_close_matches(name, [*known, *declared], n=1)
    guess = f"did you mean '{near[0]}'? " if near else ""
    others = f"; of installed packages: {', '.join(sorted(declared.keys() - known.keys()))}" if declared else ""
    raise CellError(
        f"unknown cell '{name}'", hint=f"{guess}cells: {', '.join(known)}{others}; or your own: FILE.py:NAME"
    )


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


@cache
def _declared() -> dict[str, tuple[EntryPoint, ...]]:
    """Name → the declarations of it, each once: a package may be found in two places of the path."""
    found: dict[str, dict[tuple[str, str], EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, {}).setdefault((_package(point), point.value), point)
    return {name: tuple(points.values()) for name, points in sorted(found.items())}


def _loaded() -> dict[str, Cell | CellError]:
    """Every declared name, with its cell or with what is wrong with it."""
    loaded: dict[str, Cell | CellError] = {}
    for name, points in _declared().items():
        try:
            if name in built_in():
                raise CellError(
                    f"cell '{name}' of package {_packages(points)} has the name of a built-in cell, which is used",
                    hint=f"its author can declare it under another name; until then import it from {points[0].value}",
                )
            loaded[name] = _load(name)
        except CellError as error:
            loaded[name] = error
    return loaded


@cache
def _load(name: str) -> Cell:
    """The cell that the one package declares under the name."""
    points = _declared()[name]
    point, *others = points
    if others:
        raise CellError(
            f"cell '{name}' is declared by several packages: {_packages(points)}",
            hint=f"uninstall one, or import the cell that you mean: {' or '.join(p.value for p in points)}",
        )
    where = f"cell '{name}' of package {_packages(points)} ({point.value})"
    try:
        found = point.load()
    except Exception as error:  # whatever an author's module raises
        said = error.message if isinstance(error, CellError) else f"{type(error).__name__}: {error}"
        raise CellError(f"{where} cannot be loaded: {said}", hint="mend the package, or uninstall it") from error
    if not isinstance(found, Cell):
        raise CellError(f"{where} is not a cell but {type(found).__name__}", hint="declare a function under @cell")
    if found.name != name:
        raise CellError(f"{where} is called '{found.name}' on its page", hint="declare it under that name")
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "?"


def _packages(points: tuple[EntryPoint, ...]) -> str:
    return ", ".join(sorted(_package(p) for p in points))
