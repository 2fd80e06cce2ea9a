"""Operations of an exchange that overlap are shown as bars beside each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hanami_proto.codec import Codec
from hanami_reports.conformance.html.ladder import EXAMPLE, FULL, ladder
from hanami_reports.conformance.html.spans import MOST_BARS, Span, bars, overlapping, spans
from hanami_reports.model.conformance import Event

DIRECTIONS = {">": "sent", "<": "received", "-": "note"}


def events(text: str) -> list[Event]:
    """Events of a line such as ``a> b> b< a<``: connection and direction; a third part is the kind."""

    def each() -> Iterator[Event]:
        for index, word in enumerate(text.split()):
            name, _, kind = word.partition(":")
            yield Event(index / 10, name[:-1], DIRECTIONS[name[-1]], kind or "http", word)

    return list(each())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a> a< a> a<", [("a", 0, 1), ("a", 2, 3)]),
        ("a> b> b< a<", [("a", 0, 3), ("b", 1, 2)]),
        ("a> a> a< a<", [("a", 0, 2), ("a", 1, 3)]),
        ("a> b> a<:close", [("a", 0, 2), ("b", 1, 1)]),
        ("a>:open a<:open a> a-:timeout", [("a", 2, 3)]),
        ("a<:binary", []),
    ],
)
def test_an_operation_lasts_from_its_request_to_its_answer(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert spans(events(text)) == [Span(*one) for one in expected]


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        ("a> a< b> b<", []),
        ("a> a> a< a<", []),
        ("a> b> b< a<", ["a", "b"]),
        ("a> a< b> c> c< b<", ["b", "c"]),
        ("a> b> b< c> c< a<", ["a", "b", "c"]),
        ("a> b> a< b<", ["a", "b"]),
    ],
)
def test_only_operations_of_several_connections_overlap(text: str, channels: list[str]) -> None:
    assert [one.channel for one in overlapping(events(text))] == channels


def test_bars_are_beside_each_other_and_stay_in_the_column_of_their_connection() -> None:
    rows = bars(events("a> a< b> c> c< c> c< b<"))
    assert rows == [
        ("", ""),
        ("", ""),
        ("begin", ""),
        ("during", "begin"),
        ("during", "end"),
        ("during", "begin"),
        ("during", "end"),
        ("end", ""),
    ]


def test_there_are_no_more_bars_than_fit() -> None:
    rows = bars(events("a> b> c> d> e> e< d< c< b< a<"))
    assert {len(row) for row in rows} == {MOST_BARS}


def test_calls_that_overlap_have_names_and_others_share_a_lane() -> None:
    codec = Codec.for_schema("brick")
    shown = ladder(events("rest-1> rest-1< rest-2> rest-3> rest-3< rest-2<"), codec, FULL)
    assert shown.lanes == ("REST", "rest-2", "rest-3")
    assert shown.overlaps
    assert [row.lane for row in shown.rows] == [0, 0, 1, 2, 2, 1]
    alone = ladder(events("rest-1> rest-1< rest-2> rest-2<"), codec, FULL)
    assert (alone.lanes, alone.overlaps, {row.bars for row in alone.rows}) == (("REST",), False, {()})


def test_what_overlaps_is_shown_also_where_most_of_an_exchange_is_left_out() -> None:
    codec = Codec.for_schema("brick")
    before, after = "rest-1> rest-1< " * 20, " rest-4> rest-4<" * 20
    exchange = events(f"{before}rest-2> rest-3> rest-3< rest-2<{after}")
    shown = ladder(exchange, codec, EXAMPLE, len(exchange) - 1)
    at = [row.channel for row in shown.rows]
    assert at.count("rest-2") == at.count("rest-3") == 2
    assert shown.rows[-1].violating
    assert sum(row.skipped for row in shown.rows) + len(shown.rows) == len(exchange)
