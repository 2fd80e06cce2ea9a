"""A list updated after a run: new failures are added, stale entries removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import tomlkit

from hanami_conformance.known_failures import toml_edit
from hanami_conformance.known_failures.file import KINDS, KnownList, ListError, parse_list
from hanami_reports.common.normalise import stable_parts
from hanami_reports.model.conformance import CaseResult, Outcome, RunResult
from hanami_reports.model.known_failure_matching import (
    EntryMatch,
    SuiteCase,
    failure_texts,
    match_entries,
    unknown_subject_message,
)
from hanami_reports.model.known_failures import Entry, strip_parameters

TODO = "TODO"  # begins a reason that nobody has filled in yet
LEAST_MESSAGE = 3  # characters
MOST_MESSAGE = 120
LISTED = (Outcome.FAILED, Outcome.KNOWN, Outcome.LOST)


@dataclass(frozen=True)
class Update:
    """A list after a run.

    Attributes:
        text: New text of the file.
        changes: Changes, a line each.
        undecided: Entries that only a person can decide on, a line each.
    """

    text: str
    changes: tuple[str, ...]
    undecided: tuple[str, ...]


def update_list(
    text: str,
    known: KnownList,
    result: RunResult,
    suite: Mapping[str, SuiteCase],
    *,
    today: date,
    expires: date | None = None,
) -> Update:
    """Update a list.

    Args:
        text: Text of the list.
        known: The same list, parsed.
        result: Result of the run.
        suite: All cases of the suite by id.
        today: Day that entries expire against.
        expires: Last day of new and of expired entries; None for no end, and to keep expired entries as they are.

    Raises:
        ListError: If the list is not written table by table.
    """
    selected = {one.id for one in result.requirements if one.selected}
    blocks = toml_edit.split(text)
    end = "\r\n" if "\r\n" in text else "\n"
    changes, undecided, removed = [], [], []
    kept: list[Entry] = []
    matches = match_entries(known.entries, result.cases, suite, selected)
    for place, match in zip(_places(blocks, known), matches, strict=True):
        entry = match.entry
        if reason := _removal_reason(match, suite, today):
            removed.append(place)
            changes.append(f"- {_name(entry)}: {reason}")
            continue
        if match.selected and entry.has_expired(today):
            if expires is None:
                hint = "fix the server, or give --expires YYYY-MM-DD"
                undecided.append(f"{_name(entry)}: expired on {entry.expires}; {hint}")
            else:
                toml_edit.set_expires(blocks[place], expires.isoformat(), end)
                changes.append(f"~ {_name(entry)}: expired on {entry.expires}, now on {expires}")
                entry = replace(entry, expires=expires.isoformat())
        kept.append(entry)
    for place in sorted(removed, reverse=True):
        toml_edit.remove(blocks, place)
    added = new_entries(known.entries, result.cases, suite, expires)
    changes += [f"+ {_name(entry)}" for entry in added]
    new = _append(toml_edit.join(blocks), added, end)
    _check_update(new, known, [*kept, *added])
    return Update(new, tuple(changes), tuple(undecided))


def empty_list(dialect: str) -> str:
    """Return the text of a list without entries."""
    comment = "# Known failures; each entry has its reason, see docs/how-to/known-failures.md."
    return f"{comment}\ndialect = {tomlkit.item(dialect).as_string()}\n"


def new_entries(
    entries: Sequence[Entry], cases: Iterable[CaseResult], suite: Mapping[str, SuiteCase], expires: date | None
) -> list[Entry]:
    """Return entries for the failures that no entry describes.

    Failures that violate the same requirement with the same message become one entry: for the requirement if several
    tests fail, for the test if all its cases fail, otherwise for each case. A crash is listed by its test, however many
    tests end the process in the same way: an entry for GEN-2 would hide every other crash.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        if case.outcome not in LISTED or not case.violated:
            continue
        covering = [entry for entry in entries if entry.covers(case.id, case.violated)]
        if not any(entry.matches_text(failure_texts(case)) for entry in covering):
            what = strip_parameters(case.id) if case.loss else case.violated[0]
            groups.setdefault((what, message_for(case)), []).append(case.id)
    day = "" if expires is None else expires.isoformat()
    made = []
    for (what, message), failed in groups.items():
        tests = {strip_parameters(name) for name in failed}
        if len(tests) > 1:
            made.append(Entry(requirement=what, message=message, reason=f"{TODO}: why", expires=day))
            continue
        all_failed = len(failed) > 1 and len(failed) == sum(strip_parameters(name) in tests for name in suite)
        names = sorted(tests) if all_failed else failed
        made += [Entry(case=name, message=message, reason=f"{TODO}: why", expires=day) for name in names]
    return made


def message_for(case: CaseResult) -> str:
    """Return the longest part of a failure's text that does not differ from run to run."""
    if case.loss:
        return max(stable_parts(case.loss), key=len).strip()
    actual = f"actual {case.actual}"
    for text in (actual if case.actual and actual in case.reason else "", case.actual, case.reason, case.expected):
        longest = max((part.strip() for part in stable_parts(text)), key=len)
        if len(longest) > MOST_MESSAGE:
            short = longest[:MOST_MESSAGE]
            return short.rpartition(" ")[0] or short
        if len(longest) >= LEAST_MESSAGE:
            return longest
    return case.reason.strip() or case.actual.strip()


def _places(blocks: Sequence[toml_edit.Block], known: KnownList) -> list[int]:
    """Return the indexes of the blocks of the entries.

    Raises:
        ListError: If some have no table of their own.
    """
    places = [index for kind in KINDS for index, block in enumerate(blocks) if block.kind == kind]
    if len(places) != len(known.entries):
        raise ListError(f"{known.file}: to be updated, each entry must be written under its own [[known]] or [[flaky]]")
    return places


def _removal_reason(match: EntryMatch, suite: Mapping[str, SuiteCase], today: date) -> str:
    """Return why an entry is removed, empty if it stays. A flaky entry stays until it has expired."""
    if not match.exists:
        return unknown_subject_message(match.entry, suite)
    if match.resolved and (not match.entry.flaky or match.entry.has_expired(today)):
        return "it fails differently now" if match.other_failures else "nothing fails like this any more"
    return ""


def _append(text: str, entries: Sequence[Entry], end: str) -> str:
    """Return the list with entries added at its end."""
    if text and not text.endswith("\n"):
        text += end
    for entry in entries:
        values = {
            "requirement": entry.requirement,
            "case": entry.case,
            "message": entry.message,
            "reason": entry.reason,
        }
        lines = [f"{key} = {tomlkit.item(value).as_string()}" for key, value in values.items() if value]
        if entry.expires:
            lines.append(f"expires = {entry.expires}")
        gap = "" if not text or text.endswith(end * 2) else end
        text += gap + end.join(["[[known]]", *lines]) + end
    return text


def _check_update(text: str, known: KnownList, expected: Sequence[Entry]) -> None:
    """Check that the new text has exactly the expected entries, before anything is written.

    Raises:
        ListError: If it has not.
    """
    new = parse_list(text, known.file)
    entries, required = (sorted((replace(one, line=0) for one in some), key=repr) for some in (new.entries, expected))
    if entries != required or new.dialect != known.dialect:
        raise ListError(f"{known.file}: this list cannot be updated automatically; edit it by hand")


def _name(entry: Entry) -> str:
    return f"{entry.subject} {entry.message!r}"
