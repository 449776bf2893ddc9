"""Every built-in page passes the kit that a third party runs on a cell of theirs; nothing is edited for a new one."""

import pytest

from unspool.cells import built_in
from unspool.testing import Check, checks


@pytest.mark.parametrize(
    "check",
    [pytest.param(check, id=f"{name}: {check}") for name, cell in built_in().items() for check in checks(cell)],
)
def test_a_built_in_cell_conforms(check: Check):
    check()
