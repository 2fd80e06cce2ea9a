"""Words that were replaced by the field's terms do not come back, in code, templates or documentation."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.paths import ROOT

# Retired word, as a regular expression, to the term that stands for it now.
RETIRED = {
    "statement": "requirement",
    "story|stories": "sequence",
    "teller": "executor",
    "workshop": "resources, ResourceFactory",
    "crew": "coordinator, workers",
    "told|tell|telling": "reported, distinguished, sent",
    "lie|lying|liar": "fault, faulty; is beyond, is within",
    "honest|honestly": "without faults, original",
    "blame|blamed|blaming": "attribute",
    "came": "actual, received, arrived",
    "mend|mended|mending": "fix, correct",
    "nuisance": "stalled client",
    "haunt|haunted": "use after delete",
    "foretold|foretell": "predicted",
    "surplus": "unsolicited",
    "stray": "unsolicited",
    "owed|owe|owing": "unsent, overdue",
    # "notice" itself is left: licences come with a file of that name.
    "noticed|notices|noticing": "detect",
    "hub.delay": "event-loop delay",
    "mute|muted|muting": "silence",
}
KINDS = (".py", ".md", ".j2", ".toml", ".yml", ".js", ".css", ".json")
QUOTED = {"CHANGELOG.md", "tests/protocol/test_words.py"}  # of what was, and this list
# Files have a method ``tell()``, which is not ours to rename.
WORDS = re.compile(rf"(?<![a-z])(?:{'|'.join(RETIRED)})s?(?![a-z])(?<!\.tell)", re.IGNORECASE)


def files() -> list[Path]:
    """Everything that a person wrote: what git knows, but for generated modules and what others made."""
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [ROOT / name for name in names if name.endswith(KINDS) and "vendor/" not in name and name not in QUOTED]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout: the files of an sdist are not listed")
def test_retired_words_stay_away() -> None:
    assert len(files()) > 400
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for match in WORDS.finditer(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text", ["a story", "stories_of", "STATEMENTS", "_crew", "_tell_all", "lies", "hub_delay", "was told"]
)
def test_a_retired_word_is_seen_in_any_form(text: str) -> None:
    assert WORDS.search(text)


@pytest.mark.parametrize(
    "text", ["a history", "restatement", "screws", "file.tell()", "believe", "became", "recommend", "NOTICE", "strayed"]
)
def test_other_words_are_left_alone(text: str) -> None:
    assert not WORDS.search(text)
