"""REST only: progress polling and listing, beside the load of sockets."""

from __future__ import annotations

from typing import Any

from hanami_loadtests.engine.failures import IncorrectAnswer, LoadFailure
from hanami_loadtests.scenarios.scenario import RunFinished, Scenario
from hanami_loadtests.scenarios.survival import UPLOAD, Survival

ANNOUNCED = 1000  # bytes of the upload that is polled and never sent
POLLS = 3  # progress queries between two lists


class RestOnly(Scenario):
    """A user that polls the progress of an upload without data, and lists datasets and clusters (PROG-1, PROG-2)."""

    name = "rest"
    title = "REST only: progress polling and listing"
    weight = 2
    sockets = 0
    paced_series = "rest dataset.progress"

    def begin(self) -> None:
        """Set the initial state."""
        self.uuid = ""
        self.upload_name = ""
        self.turns = 0
        self.survival = Survival(self, UPLOAD)

    def work(self) -> None:
        """Send one request."""
        if self.over():
            raise RunFinished
        self.survival.asking()
        try:
            if not self.uuid:
                self.upload_name = self.session.name("rest")
                begun = self.call("csv.init", body={"name": self.upload_name, "input_data_size": ANNOUNCED})
                self.uuid = self.text(begun, "uuid", "INIT-2")
                self.survival.made()
            scheduled = self.wait_turn()
            self.turns += 1
            if self.turns % (POLLS + 1):
                self.call("dataset.progress", {"uuid": self.uuid}, verify=_not_complete, scheduled=scheduled)
                self.survival.found()
            elif self.turns % (2 * POLLS + 2) and "cluster.list" in self.session.dialect.routes:
                self.call("cluster.list", verify=_is_list, scheduled=scheduled)
            else:
                self.call("dataset.list", verify=_is_list, scheduled=scheduled)
        except LoadFailure as error:
            self.record_untimed(error)
            if self.uuid and self.turns % (POLLS + 1) and self.survival.is_lost(error):
                self.uuid = ""
            self.back_off()
        if self.over():
            raise RunFinished

    def clean_up(self) -> None:
        """Delete the upload."""
        if self.uuid:
            self.delete("dataset", self.uuid, self.upload_name)


def _not_complete(found: dict[str, Any]) -> None:
    if found.get("complete") is not False:
        actual = f"complete = {found.get('complete')!r:.60}"
        raise IncorrectAnswer("PROG-2", "complete = false: no data was sent", actual)


def _is_list(found: dict[str, Any]) -> None:
    header, body = found.get("header"), found.get("body")
    if not isinstance(header, list) or not isinstance(body, list):
        raise IncorrectAnswer("FIN-1", "a list with header and body", f"an object with {', '.join(found) or 'nothing'}")
