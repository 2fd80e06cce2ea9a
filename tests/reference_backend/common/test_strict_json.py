from __future__ import annotations

import pytest

from hanami_reference_backend.common.strict_json import MAX_ELEMENTS, JsonError, parse_object


def test_a_repeated_key_is_named_among_many_others() -> None:
    # The time of a search for each key would grow with the square of their number: minutes for these.
    keys = [f"k{number}" for number in range(MAX_ELEMENTS - 10)]
    text = "{" + ",".join(f'"{key}":0' for key in [*keys, keys[-1]]) + "}"
    with pytest.raises(JsonError, match=rf"^key '{keys[-1]}' appears twice$"):
        parse_object(text)
    assert parse_object("{" + ",".join(f'"{key}":0' for key in keys) + "}") == dict.fromkeys(keys, 0)


@pytest.mark.parametrize("element", ["[],", "{},", "0,"])
def test_more_elements_than_any_request_needs_are_rejected(element: str) -> None:
    with pytest.raises(JsonError, match=r"^JSON with more than 65536 elements$"):
        parse_object('{"a": [' + element * MAX_ELEMENTS + "0]}")


def test_the_elements_of_all_arrays_and_objects_count() -> None:
    inner = "[" + "0," * 999 + "0]"
    assert len(parse_object('{"a": [' + ",".join([inner] * 65) + "]}")["a"]) == 65
    with pytest.raises(JsonError, match="elements"):
        parse_object('{"a": [' + ",".join([inner] * 66) + "]}")
