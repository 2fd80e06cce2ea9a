"""A list updated after a run: new failures are added, stale entries removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import tomlkit

from hanami_conformance.cases.recurrence import without_recurrence
from hanami_conformance.known_failures import toml_edit
from hanami_conformance.known_failures.file import KINDS, KnownList, ListError, parse_list
from hanami_reports.common.normalise import stable_parts
from hanami_reports.common.text import printable
from hanami_reports.model.conformance import CaseResult, Outcome, RunResult
from hanami_reports.model.findings import Finding, find
from hanami_reports.model.known_failure_matching import (
    EntryMatch,
    SuiteCase,
    failure_texts,
    match_entries,
    unknown_subject_message,
)
from hanami_reports.model.known_failures import ANY_TEXT, Entry, ListedFailure, strip_parameters

TODO = "TODO"  # begins a reason that nobody has filled in yet
LEAST_MESSAGE = 3  # characters
MOST_MESSAGE = 200  # what differs between two failures must not be cut away
MOST_TITLE = 120
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
        gone = _removal_reasons(match, suite, today)
        remaining = [failure for failure in entry.failures if failure not in gone]
        if not remaining:
            removed.append(place)
            changes.append(f"- {_name(entry)}: {next(iter(gone.values()))}")
            continue
        if gone:
            changes += [f"~ {_name(entry)}: without {failure.name}: {reason}" for failure, reason in gone.items()]
            toml_edit.drop_failures(blocks[place], [(failure.subject, failure.message) for failure in gone])
            entry = entry.with_failures(remaining)
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
    added = new_entries(known.entries, result, suite, expires)
    changes += [f"+ {_name(entry)}" for entry in added]
    new = _append(toml_edit.join(blocks), added, end)
    _check_update(new, known, [*kept, *added])
    return Update(new, tuple(changes), tuple(undecided))


def empty_list(dialect: str) -> str:
    """Return the text of a list without entries."""
    comment = "# Known failures; each entry has its reason, see docs/how-to/known-failures.md."
    return f"{comment}\ndialect = {tomlkit.item(dialect).as_string()}\n"


def new_entries(
    entries: Sequence[Entry], result: RunResult, suite: Mapping[str, SuiteCase], expires: date | None
) -> dict[Entry, str]:
    """Return entries for the failures that no entry describes, each with the title of its finding.

    A finding is one entry. Of its failures, those with the same message are listed by requirement if several tests
    fail, by test if all its cases fail, otherwise by case. A crash is listed by its test, however many tests end the
    process in the same way: GEN-2 would hide every other crash.
    """
    day = "" if expires is None else expires.isoformat()
    made = {}
    for finding in find(result, LISTED):
        failures = _failures([case for case in finding.cases if _is_new(case, entries)], suite)
        if failures:
            entry = Entry(reason=f"{TODO}: why", expires=day).with_failures(failures)
            made[entry] = _title(finding)
    return made


def _title(finding: Finding) -> str:
    """Return the comment above the entry of a finding: one line, since it may quote the target."""
    first = f" {finding.requirements[0].id}" if finding.requirements else ""
    title = printable(f"{finding.level}{first}: {finding.title}")
    return title if len(title) <= MOST_TITLE else f"{title[:MOST_TITLE]}..."


def _is_new(case: CaseResult, entries: Sequence[Entry]) -> bool:
    texts = failure_texts(case)
    return bool(case.violated) and not any(entry.lists(case.id, case.violated, texts) for entry in entries)


def _failures(cases: Sequence[CaseResult], suite: Mapping[str, SuiteCase]) -> list[ListedFailure]:
    """Return the failures that list cases of one finding, those with the same message behind each other."""
    groups: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        what = strip_parameters(case.id) if case.loss else case.violated[0]
        groups.setdefault((message_for(case), what), []).append(case.id)
    failures: list[ListedFailure] = []
    for (message, what), failed in groups.items():
        tests = {strip_parameters(name) for name in failed}
        if len(tests) > 1:
            failures.append(ListedFailure(requirement=what, message=message))
            continue
        all_failed = len(failed) > 1 and len(failed) == sum(strip_parameters(name) in tests for name in suite)
        names = sorted(tests) if all_failed else failed
        failures += [ListedFailure(case=name, message=message) for name in names]
    return sorted(failures, key=lambda one: (one.message, one.case, one.requirement))


def message_for(case: CaseResult) -> str:
    """Return a failure's text, with ``...`` for the parts that differ from run to run.

    All of the text counts, not a part of it: the same answer with another value is another failure.
    """
    if case.loss:
        return _stable(case.loss)
    actual = f"actual {case.actual}"
    for text in (actual if case.actual and actual in case.reason else "", case.actual, case.reason, case.expected):
        message = _stable(text)
        if len(message.replace(ANY_TEXT, "")) >= LEAST_MESSAGE:
            return message
    return case.reason.strip() or case.actual.strip()


def _stable(text: str) -> str:
    parts = stable_parts(without_recurrence(text))
    message = ANY_TEXT.join(part.strip(".") for part in parts)  # four dots would be read otherwise
    if len(message) > MOST_MESSAGE:
        short = message[:MOST_MESSAGE]
        words = short.rpartition(" ")[0]
        # A compact JSON text is one word; and no cut may be within the dots of ANY_TEXT.
        message = (words if len(words) > MOST_MESSAGE // 2 else short).rstrip(".")
    return message.removeprefix(ANY_TEXT).removesuffix(ANY_TEXT).strip()


def _places(blocks: Sequence[toml_edit.Block], known: KnownList) -> list[int]:
    """Return the indexes of the blocks of the entries.

    Raises:
        ListError: If some have no table of their own.
    """
    places = [index for kind in KINDS for index, block in enumerate(blocks) if block.kind == kind]
    if len(places) != len(known.entries):
        raise ListError(f"{known.file}: to be updated, each entry must be written under its own [[known]] or [[flaky]]")
    return places


def _removal_reasons(match: EntryMatch, suite: Mapping[str, SuiteCase], today: date) -> dict[ListedFailure, str]:
    """Return why failures of an entry are removed. Those of a flaky entry stay until it has expired."""
    reasons = {failure: unknown_subject_message(failure, suite) for failure in match.unknown}
    if not match.entry.flaky or match.entry.has_expired(today):
        why = "it fails differently now" if match.other_failures else "nothing fails like this any more"
        reasons |= dict.fromkeys(match.resolved, why)
    return reasons


def _append(text: str, entries: Mapping[Entry, str], end: str) -> str:
    """Return the list with entries added at its end, each below the title of its finding."""
    if text and not text.endswith("\n"):
        text += end
    for entry, title in entries.items():
        gap = "" if not text or text.endswith(end * 2) else end
        lines = [f"# {title}", "[[known]]", *toml_edit.entry_lines(entry)]
        text += gap + end.join(lines) + end
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
    first, *others = entry.failures
    return f"{first.name} and {len(others)} more" if others else first.name
