"""Defects of datasets: reading them before they are finalized, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from support.backend_peer import Peer
from support.simulators import EACH, HANAMI, OPENHANAMI, simulator

TABLE = b"a,b\n1,2\n3,4\n"


def test_the_name_of_a_truth_value_is_listed_as_such(tmp_path: Path) -> None:
    with simulator(tmp_path, HANAMI, "names-of-truth-values-listed-as-such") as running, Peer(running) as peer:
        for name in ("True", "null"):
            assert peer.ok("csv.init", name=name, input_data_size=4)["name"] == name
        table = peer.ok("dataset.list")
        column = table["header"].index("name")
        assert [row[column] for row in table["body"]] == [True, "null"]


@EACH
def test_datasets_before_finalize_get_500(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "datasets-before-finalize-get-500") as running, Peer(running) as peer:
        assert peer.status("dataset.get", uuid=peer.begin_csv(4)["uuid"]) == 500


def test_an_unknown_dataset_crashes(tmp_path: Path) -> None:
    with simulator(tmp_path, HANAMI, "unknown-datasets-crash") as running, Peer(running) as peer:
        with pytest.raises(httpx.TransportError):
            peer.call("dataset.get", uuid="6b0a0b06-9c0c-4f4e-8e0e-6a1c2b3d4e5f")
        assert running.crash() == "unknown-datasets-crash"


def test_a_table_has_no_columns(tmp_path: Path) -> None:
    with simulator(tmp_path, HANAMI, "tables-have-no-columns") as running, Peer(running) as peer:
        found = peer.ok("dataset.get", uuid=peer.csv_dataset(TABLE))
        assert (found["inputs"], found["outputs"], found["lines"]) == (0, 0, 2)


def test_rows_beyond_the_end_get_status_001(tmp_path: Path) -> None:
    with simulator(tmp_path, OPENHANAMI, "rows-beyond-the-end-get-status-001") as running, Peer(running) as peer:
        uuid = peer.csv_dataset(TABLE)
        assert peer.column(uuid, "b", 0, 2) == [[2.0], [4.0]]
        path = peer.dialect.route("dataset.content").path
        query = f"?uuid={uuid}&column_name=b&row_offset=1&number_of_rows=2"
        response = running.request("GET", path + query, f"X-Auth-Token: {peer.token}")
        assert response.startswith(b"HTTP/1.1 001 ")
