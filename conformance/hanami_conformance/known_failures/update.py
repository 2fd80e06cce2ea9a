"""A list brought up to date after a run: what fails newly is added, what fails no more is taken out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import tomlkit

from hanami_conformance.known_failures import toml_edit
from hanami_conformance.known_failures.file import KINDS, KnownList, ListError, parse_list
from hanami_reports.common.normalise import steady_parts
from hanami_reports.model.conformance import CaseResult, Outcome, RunResult
from hanami_reports.model.known_failure_matching import EntryMatch, SuiteCase, look, names_nothing, texts_of
from hanami_reports.model.known_failures import Entry, test_of

TODO = "TODO: why"
LEAST_MESSAGE = 3  # characters
MOST_MESSAGE = 120


@dataclass(frozen=True)
class Update:
    """A list after a run.

    Attributes:
        text: of the file.
        said: what was done, a line each.
        left: what this cannot mend, a line each.
    """

    text: str
    said: tuple[str, ...]
    left: tuple[str, ...]


def updated(
    text: str,
    known: KnownList,
    result: RunResult,
    suite: Mapping[str, SuiteCase],
    *,
    today: date,
    expires: date | None = None,
) -> Update:
    """Bring a list up to date.

    Args:
        text: of the list.
        known: the same, checked.
        result: of the run.
        suite: all cases of the suite by their ids.
        today: the day that entries expire against.
        expires: for what is added and for what has expired; None for no end, and to leave alone what has expired.

    Raises:
        ListError: the list is written in a way that cannot be changed table by table.
    """
    selected = {one.id for one in result.requirements if one.selected}
    holdings = look(known.entries, result.cases, suite, selected)
    cut = toml_edit.split(text)
    places = _places(cut, known)
    said, left = [], []
    gone = []
    for place, holding in zip(places, holdings, strict=True):
        entry = holding.entry
        over = entry.is_over(today)
        if why := _why_gone(holding, suite, today):
            gone.append(place)
            said.append(f"- {_shown(entry)}: {why}")
        elif over and holding.asked and expires is not None:
            cut[place] = toml_edit.with_value(cut[place], "expires", expires)
            said.append(f"~ {_shown(entry)}: expired on {entry.expires}, now on {expires}")
        elif over and holding.asked:
            left.append(f"{_shown(entry)}: expired on {entry.expires}; mend the server, or give --expires YYYY-MM-DD")
    for place in sorted(gone, reverse=True):
        toml_edit.remove(cut, place)
    added = new_entries(known.entries, result.cases, suite, expires)
    said += [f"+ {_shown(entry)}" for entry in added]
    new = _with(toml_edit.joined(cut), added)
    _make_sure(new, known, [places.index(place) for place in gone], added)
    return Update(new, tuple(said), tuple(left))


def fresh(dialect: str) -> str:
    """Return the text of a list that has no entry yet."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Failures that are known: why each is there, see docs/known-failures.md."))
    document["dialect"] = dialect
    return tomlkit.dumps(document)


def new_entries(
    entries: Sequence[Entry], cases: Iterable[CaseResult], suite: Mapping[str, SuiteCase], expires: date | None
) -> list[Entry]:
    """Entries for the failures that none of the entries tells.

    Failures that break the same requirement in the same words are one entry for the requirement where several tests
    show them, one for the test where all its cases do, and one for each case otherwise.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        if case.outcome not in (Outcome.FAILED, Outcome.KNOWN):
            continue
        told = (entry for entry in entries if entry.covers(case.id, case.violated) and entry.is_told_in(texts_of(case)))
        if not any(told):
            groups.setdefault((case.violated[0], message_of(case)), []).append(case.id)
    end = "" if expires is None else expires.isoformat()
    made = []
    for (requirement, message), failed in groups.items():
        tests = {test_of(name) for name in failed}
        if len(tests) > 1:
            made.append(Entry(requirement=requirement, message=message, reason=TODO, expires=end))
            continue
        whole = len(failed) > 1 and len(failed) == sum(test_of(name) in tests for name in suite)
        names = [test_of(failed[0])] if whole else failed
        made += [Entry(case=name, message=message, reason=TODO, expires=end) for name in names]
    return made


def message_of(case: CaseResult) -> str:
    """Return the words by which a failure will be known: the longest part of them that no other run changes."""
    actual = f"actual {case.actual}"
    for text in (actual if case.actual and actual in case.reason else "", case.actual, case.reason, case.expected):
        parts = [part.strip() for part in steady_parts(text)]
        longest = max(parts, key=len)
        if len(longest) >= LEAST_MESSAGE:
            short = longest[:MOST_MESSAGE]
            return short if len(longest) <= MOST_MESSAGE else short.rpartition(" ")[0] or short
    return case.reason.strip() or case.actual.strip()


def _places(cut: Sequence[toml_edit.Block], known: KnownList) -> list[int]:
    """Indexes of the blocks that the entries are written in.

    Raises:
        ListError: some have no table of their own.
    """
    places = [index for kind in KINDS for index, block in enumerate(cut) if block.kind == kind]
    if len(places) != len(known.entries):
        raise ListError(f"{known.file}: to be updated, each entry must be written under its own [[known]] or [[flaky]]")
    return places


def _why_gone(holding: EntryMatch, suite: Mapping[str, SuiteCase], today: date) -> str:
    """Why an entry goes, empty where it stays. What is flaky goes only once it has expired."""
    if not holding.exists:
        return names_nothing(holding.entry, suite)
    if holding.gone and (not holding.entry.flaky or holding.entry.is_over(today)):
        return "it fails otherwise now" if holding.otherwise else "nothing fails so any more"
    return ""


def _with(text: str, entries: Sequence[Entry]) -> str:
    """Return the list with entries behind it."""
    if not entries:
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    kept = text if not text or text.endswith("\n") else text + end
    tables = []
    for entry in entries:
        table = tomlkit.table()
        for key in ("requirement", "case", "message", "reason"):
            if getattr(entry, key):
                table[key] = getattr(entry, key)
        if entry.expires:
            table["expires"] = date.fromisoformat(entry.expires)
        several = tomlkit.aot()
        several.append(table)
        document = tomlkit.document()
        document["known"] = several
        tables.append(tomlkit.dumps(document).strip("\n").replace("\n", end) + end)
    gap = "" if not kept or kept.endswith(end * 2) else end
    return kept + gap + end.join(tables)


def _make_sure(new: str, known: KnownList, gone: Sequence[int], added: Sequence[Entry]) -> None:
    """See whether the new text says what it should, before anything is written.

    Raises:
        ListError: it does not.
    """
    kept = [entry for index, entry in enumerate(known.entries) if index not in gone]
    subjects = sorted((entry.flaky, entry.subject, entry.message) for entry in [*kept, *added])
    read = parse_list(new, known.file)
    if sorted((entry.flaky, entry.subject, entry.message) for entry in read.entries) != subjects:
        raise ListError(f"{known.file}: cannot be changed without a loss; mend it by hand")
    assert tomllib.loads(new).get("dialect", "") == known.dialect


def _shown(entry: Entry) -> str:
    return f"{entry.subject} {entry.message!r}"
