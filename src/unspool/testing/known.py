"""The values that an equation may name, found under the names and letters that equations use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unspool.errors import CellError
from unspool.lang.equations import Name, latin

Array = Any
"""A float64 array, or a number of NumPy's."""


@dataclass(frozen=True)
class Known:
    """What an equation may name.

    Attributes:
        values: inputs, states, parameters (with gates: whole, stacked) and what earlier equations define, `c'` too.
        constants: numbers that the page gives a name.
        gates: in the order of stacking.
        units: H.
    """

    values: Mapping[str, Array]
    constants: Mapping[str, float]
    gates: tuple[str, ...]
    units: int

    def value(self, name: Name) -> Array:
        """The value of h, h', γ, W_r, or of I, the identity, where nothing else has that name.

        Raises:
            CellError: there is none.
        """
        if str(name) in self.values:
            return self.values[str(name)]
        found = None if name.is_next else self._by_its_letters(name)
        if found is None:
            raise CellError(f"{name} is not known here")
        return found

    def parts(self, value: Array) -> dict[str, Array]:
        """Gate → its part of a value that holds one for each gate, such as R h; empty for any other value."""
        if not self.gates or np.shape(value)[:1] != (len(self.gates) * self.units,):
            return {}
        return dict(zip(self.gates, np.split(value, len(self.gates)), strict=True))

    def _by_its_letters(self, name: Name) -> Array | None:
        for spelling in latin(name.text):  # a constant first: beside an input dt, Δt is the page's DT
            if spelling in self.constants:
                return np.float64(self.constants[spelling])
        for spelling in latin(name.base):
            whole = f"{spelling}_{name.subscript}" if name.subscript else spelling
            if whole in self.values:
                return self.values[whole]
            part = self.parts(self.values.get(spelling)).get(name.subscript)
            if part is not None:
                return part
        return np.eye(self.units) if name.text == "I" else None
