"""The preparations of cases, and whether each worked the last time: what failed before is not the effect of a case."""

from __future__ import annotations

from collections.abc import Iterable

MOST_RETRIES = 3  # in a row that change nothing


class Preparations:
    """Remembers, for a run, how the last attempt at each preparation ended.

    A preparation that failed before a case, and fails in it, is no sign of what the case did to the server.
    """

    def __init__(self) -> None:
        self._failing: set[str] = set()
        self._tried: set[str] = set()
        self._worked: set[str] = set()
        self._causes: dict[str, str] = {}
        self._ended: set[str] = set()  # those that began to fail in this case
        self._retries = 0

    def reset(self) -> None:
        """Forget everything, because a run begins."""
        self._tried.clear()
        self._worked.clear()
        self.forget_failures()

    def forget_failures(self) -> None:
        """Forget what failed, because the server was restarted."""
        self._failing.clear()
        self._causes.clear()
        self._retries = 0

    def note(self, what: str, *, worked: bool) -> None:
        """Note how an attempt ended."""
        self._tried.add(what)
        if worked:
            self._worked.add(what)
            self._failing.discard(what)
            self._causes.pop(what, None)
        elif what not in self._failing:
            self._failing.add(what)
            self._ended.add(what)
            self._retries = 0  # whatever else never works, this one may work again

    @property
    def worked(self) -> frozenset[str]:
        """The preparations that worked in this run."""
        return frozenset(self._worked)

    def add_worked(self, names: Iterable[str]) -> None:
        """Note preparations that worked for another process of this run."""
        self._worked.update(names)

    def is_failing(self, what: str) -> bool:
        """Return whether the last attempt failed; without any, whatever the preparation needs is taken to work."""
        return what in self._failing

    def has_worked(self, what: str) -> bool:
        """Return whether an attempt worked in this run."""
        return what in self._worked

    def set_cause(self, requirement: str) -> None:
        """Note that whatever began to fail in a case does so because of a requirement that the case found violated."""
        for what in self._ended & self._failing:
            self._causes.setdefault(what, requirement)

    def cause(self, what: str, default: str) -> str:
        """Return the requirement whose violation ended a preparation that worked before, ``default`` if unknown."""
        return self._causes.get(what, default)

    def need_retry(self, what: str) -> bool:
        """Return whether to try again before a case what failed in an earlier one, or to try something at all.

        Otherwise a case that harms the server would be excused by the harm that an earlier one did for a while.

        Args:
            what: Preparation that the case needs to have been tried; empty for none.
        """
        self._ended.clear()
        if what and what not in self._tried:
            return True
        if not self._failing:
            self._retries = 0
            return False
        self._retries += 1
        return self._retries <= MOST_RETRIES


PREPARATIONS = Preparations()
