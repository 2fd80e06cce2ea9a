"""One limit of what the server uses: CPU time, memory, threads, descriptors, sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hanami_loadtests.limits.limit import LimitsError
from hanami_loadtests.limits.table import checked_table, is_number
from hanami_proto.options import OptionError, size
from hanami_reports.common.format import format_memory
from hanami_reports.model.load import LimitResult, RunState
from hanami_reports.model.series import FILE, Series
from hanami_reports.model.server_usage import QUANTITIES, ServerUsage

PREFIX = "server."
SERVER_METRICS = tuple(PREFIX + name for name in QUANTITIES)
GROWTH, PER_UPLOAD = "growth", "growth per upload"
STATISTICS = ("mean", "max", GROWTH, PER_UPLOAD)
NOT_SEEN = "the server's side was not seen: give --server-pid or --server-command"
MOST_BYTES = 1 << 50
_KEYS = {"metric", "statistic", "at_most"}


@dataclass(frozen=True)
class ServerLimit:
    """A limit of the server.

    Attributes:
        name: One of QUANTITIES.
        statistic: ``mean`` and ``max`` under load; ``growth``, the value after the drain minus that before the load;
            ``growth per upload``, the same for each file that was uploaded.
        bound: Greatest value: cores, bytes, or a number.
    """

    name: str
    statistic: str
    bound: float

    def check(self, usage: ServerUsage | None, uploads: int) -> LimitResult:
        """Check the limit.

        Args:
            usage: What the server used, None where its side was not seen.
            uploads: Number of files that were uploaded.
        """
        if usage is None:
            return self._result(None, 0, RunState.INVALID, NOT_SEEN)
        samples = len(usage.samples)
        quantity = usage.quantity(self.name)
        if quantity is None:
            return self._result(None, samples, RunState.INVALID, f"the system does not show {self.name} of the server")
        if self.statistic in ("mean", "max"):
            return self._compare(quantity.mean if self.statistic == "mean" else quantity.most, samples)
        return self._check_growth(quantity.growth, uploads, samples)

    def _check_growth(self, growth: float | None, uploads: int, samples: int) -> LimitResult:
        if growth is None:
            return self._result(None, samples, RunState.INVALID, "the process of the server had ended")
        if self.statistic == GROWTH:
            return self._compare(growth, samples)
        if not uploads:
            return self._result(None, samples, RunState.INVALID, "no file was uploaded")
        return self._compare(growth / uploads, samples)

    def _compare(self, value: float, samples: int) -> LimitResult:
        if value <= self.bound:
            return self._result(value, samples, RunState.PASS, "")
        explanation = f"{self.format_value(value)} is above {self.format_value(self.bound)}"
        return self._result(value, samples, RunState.FAIL, explanation)

    def _result(self, value: float | None, samples: int, state: RunState, explanation: str) -> LimitResult:
        return LimitResult(
            metric=PREFIX + self.name,
            selector="server",
            statistic=self.statistic,
            bound=f"<= {self.format_value(self.bound)}",
            value=value,
            value_text="-" if value is None else self.format_value(value),
            samples=samples,
            least_samples=0,
            state=state,
            explanation=explanation,
        )

    def format_value(self, value: float) -> str:
        """Return a value of this quantity as text with its unit."""
        if self.name == "memory":
            return format_memory(round(value))
        return f"{value:.3g} cores" if self.name == "cpu" else f"{value:.4g}"


def uploaded_files(series: Mapping[str, Series]) -> int:
    """Return the number of files that were uploaded, those of the warm-up that ended after it included."""
    files = series.get(FILE, Series())
    return files.succeeded + files.early


def is_server_limit(entry: Any) -> bool:
    """Whether an entry of a file of limits is one of the server."""
    return isinstance(entry, dict) and entry.get("metric") in SERVER_METRICS


def server_limit(where: str, entry: Mapping[str, Any]) -> ServerLimit:
    """Return the limit of an entry.

    Args:
        where: File and number of the entry, for errors.
        entry: The entry.

    Raises:
        LimitsError: If it is invalid; one line.
    """
    name = str(entry["metric"]).removeprefix(PREFIX)
    checked_table(where, entry, sorted(_KEYS), "for the server there are")
    statistic = entry.get("statistic", "max")
    if statistic not in STATISTICS:
        raise LimitsError(f"{where}: statistic {statistic!r}: choose one of {', '.join(STATISTICS)}")
    if "at_most" not in entry:
        raise LimitsError(f"{where}: give at_most")
    return ServerLimit(name, statistic, _bound(f"{where}: at_most", name, entry["at_most"]))


def _bound(where: str, name: str, given: Any) -> float:
    if name == "memory" and isinstance(given, str):
        try:
            return float(size(0, MOST_BYTES)(given))
        except OptionError as error:
            raise LimitsError(f"{where}: {error}") from error
    if not is_number(given) or given < 0:
        unit = {"memory": 'bytes, or a text with its unit such as "10 MB"', "cpu": "cores"}.get(name, name)
        raise LimitsError(f"{where}: {given!r} is no bound: give a number of {unit}")
    return float(given)
