"""The result of a load run on terminals of every width: nothing is cut off."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from hanami_reports.load.terminal import print_result
from support.load_results import failed_run


@pytest.mark.parametrize(("width", "tables"), [(70, 2), (80, 2), (140, 1)])
def test_names_and_cells_of_the_table_are_whole(width: int, tables: int) -> None:
    result = failed_run()
    output = io.StringIO()
    print_result(result, Path("reports"), Console(file=output, width=width, highlight=False))
    lines = output.getvalue().splitlines()
    table = lines[: lines.index("~ low sample count")]
    assert max(map(len, table)) <= width
    assert not [line for line in table if "…" in line]
    assert sum(line.split()[:1] == ["message"] for line in table) == tables
    for name, series in result.series.items():
        rows = [line for line in table if line.strip().startswith(f"{name} ")]
        assert len(rows) == tables
        assert rows[0].split()[len(name.split())] == str(series.sent)
