"""Whole workflows with values that meet in pairs: forms on the wire, sizes, numbers, order, users, what runs beside."""

from __future__ import annotations

import pytest

from hanami_conformance.catalogue import requirement
from hanami_conformance.stateful.row_runner import RowRunner

pytestmark = pytest.mark.parallel

PARTS = 6  # cases of a model; the rows of a model depend on what the target can do, so their number is not known before
parts = pytest.mark.parametrize("part", range(1, PARTS + 1), ids=[f"part-{part}" for part in range(1, PARTS + 1)])
UPLOADS = requirement(
    *("DATA-1", "DATA-2", "DATA-3", "DATA-4", "DATA-5", "DATA-7", "DATA-9", "DATA-10", "DATA-11"),
    *("ATT-1", "ATT-2", "PROG-1", "PROG-2", "PROG-3", "FIN-1", "FIN-3", "GEN-3"),
)


@requirement("INIT-2")
@UPLOADS
@pytest.mark.hostile
@pytest.mark.may_violate("FIN-2")
@parts
def test_tables_in_any_combination_of_forms(rows: RowRunner, part: int) -> None:
    """An upload of a table has the same outcome whatever valid forms, sizes, orders and neighbours it meets."""
    rows("table", part, PARTS)


@requirement("INIT-1")
@UPLOADS
@requirement("DATA-8")
@pytest.mark.hostile
@pytest.mark.may_violate("FIN-2")
@parts
def test_images_in_any_combination_of_forms(rows: RowRunner, part: int) -> None:
    """An upload of images has the same outcome whatever valid forms, sizes, orders and neighbours it meets."""
    rows("images", part, PARTS)


@requirement("FIN-1", "INIT-1", "INIT-2", "INIT-6", "DEL-1", "GEN-3")
@pytest.mark.hostile
@parts
def test_lists_after_any_combination_of_calls(rows: RowRunner, part: int) -> None:
    """A list has what was created without what was deleted, whatever valid forms the calls have."""
    rows("listing", part, PARTS)


@requirement("MODE-1")
@requirement("DIO-1", "DIO-2", "DIO-4", "DIO-5", "DIO-7", "DIO-9", "DIO-10", "DIO-11", "ATT-1", "ATT-2")
@pytest.mark.hostile
@pytest.mark.may_violate("DIO-3", "DIO-6")
@parts
def test_cycles_in_any_combination_of_forms(rows: RowRunner, part: int) -> None:
    """A cycle gets the same answer whatever valid forms, sizes, orders and neighbours it meets."""
    rows("cluster", part, PARTS)
