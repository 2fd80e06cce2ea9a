from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanami_proto.dialect import Dialect, dialect_names, load_dialect
from hanami_reference_backend.network.example_template import example_template
from hanami_reference_backend.network.template_lines import TemplateError
from hanami_reference_backend.network.templates import Port, Template, TemplateReader
from support.backend_peer import AXONS, BRICKS, HEXAGONS
from support.text import replaced

NAME = "[a-zA-Z][a-zA-Z_0-9 -]*"


def read(text: str, form: str = "bricks") -> Template:
    return TemplateReader(form, NAME, max_bricks=6, hidden_size=64).read(text)


def test_bricks() -> None:
    template = read(BRICKS)
    assert template.inputs == (Port("first_input", 4), Port("second_input", 2))
    assert template.outputs == (Port("first_output", 3), Port("second_output", 2))
    assert template.layers == (6, 8, 5)
    assert template.parameters == 7 * 8 + 9 * 5


@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["CRLF", "CR"])
def test_lines_may_end_in_any_way(end: str) -> None:
    assert read(BRICKS.replace("\n", end)) == read(BRICKS)
    with pytest.raises(TemplateError, match=r"^line 10: '4\.5'"):
        read(changed("4", "4.5").replace("\n", end))


def test_hexagons() -> None:
    template = read(HEXAGONS, "hexagons")
    assert template == Template((Port("first_input", 4),), (Port("first_output", 3),), (64,))


def test_bricks_stand_in_the_order_of_their_positions() -> None:
    brick = "{},1,1\nnumber_of_neurons: {}\n"
    text = replaced(BRICKS, "    2,1,1\n        number_of_neurons: 8\n", brick.format(10, 7) + brick.format(9, 5))
    assert read(text).hidden == (5, 7)


changed = partial(replaced, BRICKS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "line 1: .* 'version: 1'", id="empty"),
        pytest.param("bricks:\n1,1,1\n", "line 1: .* 'version: 1'", id="no version"),
        pytest.param(changed("version: 1", "version: 2"), "line 1: version '2'", id="version"),
        pytest.param(changed("settings:", "stuff:"), "line 2: 'stuff' is outside", id="section"),
        pytest.param(BRICKS + "bricks:\n", "line 22: 'bricks' appears twice", id="section twice"),
        pytest.param(changed("neuron_cooldown", "colour"), "line 3: 'colour' is unknown in 'settings'", id="setting"),
        pytest.param(changed("10000000.0", "nan"), "line 3: 'nan' is not a positive number", id="cooldown"),
        pytest.param(changed("refractory_time: 1", "refractory_time: 0"), "line 4: '0' is not a whole", id="time"),
        pytest.param(changed("false", "no"), "line 6: 'no' is neither", id="truth"),
        pytest.param(changed("1,1,1", "1,1"), "line 8: '1,1' is not a position", id="position"),
        pytest.param(changed("1,2,1", "1,1,1"), "line 11: the position 1,1,1 appears twice", id="position twice"),
        pytest.param(changed("4", "4.5"), "line 10: '4.5' is not a whole number", id="fraction"),
        pytest.param(changed("4", "-4"), "line 10: '-4' is not a whole number", id="negative"),
        pytest.param(changed("4", "9" * 5000), "line 10: ", id="huge"),
        pytest.param(
            changed("        number_of_neurons: 4\n", ""), "line 8: 'number_of_neurons' is missing", id="size"
        ),
        pytest.param(changed("first_input", "1st"), "line 9: '1st' is not a valid name", id="name"),
        pytest.param(changed("first_input", "a" * 255), "line 9: .* is not a valid name", id="long name"),
        pytest.param(changed("first_input", "first_output"), "line 9: .* appears twice", id="name twice"),
        pytest.param(changed("input: first_input", "input: a\noutput: b"), "line 8: .* input and output", id="both"),
        pytest.param(
            replaced(changed("input: first", "output: first"), "input: s", "output: s"), "no input", id="none"
        ),
        pytest.param(BRICKS + "4,1,1\nnumber_of_neurons: 1\n5,1,1\n", "line 24: more than 6", id="too many"),
        pytest.param("version: 1\nbricks:\nnumber_of_neurons: 1", "line 3: .* needs an entry in", id="nothing"),
    ],
)
def test_invalid_templates(text: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        read(text)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("target: 3,1,1", "target: 4,1,1", "there is no hexagon 4,1,1"),
        ("        target: 3,1,1\n", "", "'target' is missing"),
        ("number_of_outputs", "number_of_inputs", "'number_of_inputs' is unknown in 'outputs'"),
        ("outputs:\n", "bricks:\n", "'bricks' is unknown"),
        ("first_output:", "- name: first_output", "'- name' is unknown in 'outputs'"),
        ("first_output:", "target:", "'target' needs an entry in 'outputs'"),
        ("first_output:", "first output!:", "'first output!' is not a valid name"),
    ],
)
def test_invalid_templates_of_hexagons(old: str, new: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        read(replaced(HEXAGONS, old, new), "hexagons")


@pytest.mark.parametrize("dialect", [load_dialect(name) for name in dialect_names()], ids=dialect_names())
def test_the_example_of_the_api_page_is_a_template(dialect: Dialect) -> None:
    form, settings = dialect.template, dialect.template_settings
    reader = TemplateReader(form, dialect.name_pattern, max_bricks=6, hidden_size=8, settings=settings)
    template = reader.read(example_template(form, settings))
    assert [port.name for port in (*template.inputs, *template.outputs)] == ["test_input", "test_output"]
    assert template.hidden == (8,)


WITHOUT_REDUCTION = ("neuron_cooldown", "refractory_time", "max_connection_distance")
TYPES = {"inputs": ("binary",), "outputs": ("bool", "int", "float")}


def read_axons(text: str, *, types: Mapping[str, Iterable[str]] | None = None) -> Template:
    return TemplateReader("axons", NAME, max_bricks=6, hidden_size=64, settings=WITHOUT_REDUCTION, types=types).read(
        text
    )


def test_axons_give_no_sizes() -> None:
    template = read_axons(AXONS)
    assert template == Template((Port("first_input", 0),), (Port("first_output", 0),), (64,))
    assert template.with_sizes({"first_output": 3}).layers == (0, 64, 3)
    assert read_axons(replaced(AXONS, "axons:\n    1,1,1 -> 3,1,1\n", "")) == template


def test_types_of_inputs_and_outputs() -> None:
    text = replaced(replaced(AXONS, "input: 1,1,1", "input: 1,1,1 (binary)"), "output: 4,1,1", "output: 4,1,1 (float)")
    template = read_axons(text, types=TYPES)
    assert (template.inputs[0].kind, template.outputs[0].kind) == ("binary", "float")
    with pytest.raises(TemplateError, match=r"line 13: 'binary' is no type of an input$"):
        read_axons(text, types={"outputs": TYPES["outputs"]})


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("    max_connection", "    enable_reduction: false\n    max_connection", "'enable_reduction' is unknown"),
        ("1,1,1 -> 3,1,1", "1,1,1 -> 5,1,1", "line 11: there is no hexagon 5,1,1"),
        ("1,1,1 -> 3,1,1", "1,1,1 3,1,1", "line 11: '1,1,1 3,1,1' is not a connection"),
        ("1,1,1 -> 3,1,1", "1,1,1 -> ", "line 11: '' is not a position"),
        ("    1,1,1 -> 3,1,1\n", "", "there is nothing in 'axons'"),
        ("first_input: 1,1,1", "first_input: 2,1,1", "line 13: there is no hexagon 2,1,1"),
        ("first_input: 1,1,1", "first_input:", "line 13: 'first_input' is unknown in 'inputs'"),
        ("first_input: 1,1,1", "first_input:\n        target: 1,1,1", "'first_input' is unknown in 'inputs'"),
        (
            "first_output: 4,1,1",
            "first_output: 4,1,1 (text)",
            "'text' is no type of an output; there are bool, float, int",
        ),
        ("first_output: 4,1,1", "first_output: 4,1,1 (bool", "is not a position x,y,z, or x,y,z"),
        ("first_output:", "first_input:", "the name 'first_input' appears twice"),
        ("first_output:", "axons:", "line 15: 'axons' is unknown in 'outputs'"),
        ("first_output:", "float:", "line 15: 'float' is unknown in 'outputs'"),
        ("first_output: 4,1,1\n", "", "there is nothing in 'outputs'"),
        ("axons:\n    1,1,1 -> 3,1,1\ninputs:\n    first_input: 1,1,1\n", "", "there is no 'inputs'"),
        ("4,1,1\naxons", "4,1,1\n    4,1,1\naxons", "the position 4,1,1 appears twice"),
    ],
)
def test_invalid_templates_of_axons(old: str, new: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        read_axons(replaced(AXONS, old, new), types=TYPES)


@pytest.mark.parametrize(
    ("form", "text"), [("hexagons", HEXAGONS), ("axons", replaced(AXONS, "settings:\n", "settings:\n\n"))]
)
def test_sections_of_hexagons_are_complete_and_in_order(form: str, text: str) -> None:
    assert read(text, form).hidden == (64,)
    begin, middle, end = text.partition("hexagons:\n")
    version, settings = begin.split("\n", 1)
    with pytest.raises(TemplateError, match="'settings' must stand before 'hexagons'"):
        read("\n".join((version, middle + end, settings)), form)
    with pytest.raises(TemplateError, match="there is no 'settings'"):
        read(version + "\n" + middle + end, form)
    with pytest.raises(TemplateError, match="there is nothing in 'settings'"):
        read(version + "\nsettings:\n" + middle + end, form)


@given(st.lists(st.sampled_from([*BRICKS.split("\n"), "x", ":", "\0", "- ", "1,1,1:"])).map("\n".join))
def test_any_text_is_a_template_or_rejected(text: str) -> None:
    try:
        template = read(text)
    except TemplateError:
        return
    assert template.parameters > 0
