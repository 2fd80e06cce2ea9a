"""A damaged load.json is rejected with a line that names the place, or rendered; nothing else happens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanami_reports.cli.main import main
from hanami_reports.load.badge import load_badge
from hanami_reports.load.junit import load_junit
from hanami_reports.load.markdown import load_markdown
from hanami_reports.load.page import load_page
from hanami_reports.model.load import LoadResult, parse_load_result
from support.load_results import KINDS, Plan, failed_run, made_up
from support.schemas import LOAD_RESULT_CHANGES, Change, put

SMALL = {"upload chunk": replace(KINDS["upload chunk"], rate=8.0)}
ODD: tuple[object, ...] = (
    None,
    "x",
    "\ud800\u202e",
    -1,
    3.5,
    10**30,
    1e308,
    True,
    [],
    [1],
    [[1, 2]],
    {},
    {"a": {"b": 1}},
)
DRAWN = (load_page, load_junit, load_markdown, load_badge)


def small_run() -> LoadResult:
    """With everything that a result may hold, and little of each."""
    broken = failed_run()
    run = made_up(Plan(seconds=2, kinds=SMALL))
    return replace(run, state=broken.state, limits=broken.limits[:2], errors=broken.errors, reasons=broken.reasons)


TEXT = small_run().to_json()


def places(data: Any, above: tuple[str | int, ...] = ()) -> Iterable[tuple[str | int, ...]]:
    """Path of everything in JSON data; of long lists the beginning."""
    yield above
    if isinstance(data, dict):
        for name, value in data.items():
            yield from places(value, (*above, name))
    elif isinstance(data, list):
        for number, value in enumerate(data[:2]):
            yield from places(value, (*above, number))


PLACES = [place for place in places(json.loads(TEXT)) if place]


@given(st.sampled_from(PLACES), st.sampled_from(ODD))
@settings(max_examples=60)
def test_exactly_the_results_that_can_be_rendered_are_loaded(place: tuple[str | int, ...], odd: object) -> None:
    data = json.loads(TEXT)
    put(*place, value=odd)(data)
    try:
        result = parse_load_result(json.dumps(data))
    except ValueError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - either is right
        return
    for draw in DRAWN:
        assert draw(result)


@pytest.mark.parametrize("change", LOAD_RESULT_CHANGES.values(), ids=list(LOAD_RESULT_CHANGES))
def test_results_that_the_schema_rejects_are_not_loaded(change: Change) -> None:
    data = json.loads(replace(failed_run(), exit_status=1).to_json())
    parse_load_result(json.dumps(data))
    change(data)
    with pytest.raises(ValueError, match=r"^(incomplete )?result of a load run|^not a result"):
        parse_load_result(json.dumps(data))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("series", "upload chunk", "slices", str(10**30), value={}), "series.upload chunk.slices.1000"),
        (put("series", "upload chunk", "by_index", "99", value={}), "series.upload chunk.by_index.99.[key]: "),
        (
            put("series", "upload chunk", "response", "counts", str(10**9), value=1),
            "response.counts: has a bucket beyond ",
        ),
        (put("manifest", "duration", value="long"), "manifest.duration: "),
        (put("errors", 0, value={}), "errors.0.series: is missing"),
    ],
)
def test_the_command_names_the_damage_and_renders_nothing(
    change: Change, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(TEXT)
    change(data)
    file = tmp_path / "load.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    assert main(["render", str(file)]) == 4
    stderr = capsys.readouterr().err
    assert said in stderr
    assert len(stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [file]


def test_text_of_a_server_is_loaded_again_with_any_characters() -> None:
    run = failed_run()
    odd = replace(run, errors=(replace(run.errors[0], message="a\ud800\u202e<b>\x00"),))
    assert parse_load_result(odd.to_json()) == odd
    assert "a\\ud800\\u202e&lt;b&gt;\\x00" in load_page(odd)
