"""A small cluster template in the form of a dialect, as an example for the API page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_SETTINGS: Mapping[str, str] = {
    "neuron_cooldown": "10000000.0",
    "refractory_time": "1",
    "max_connection_distance": "1",
    "enable_reduction": "false",
}
_FORMS: Mapping[str, str] = {
    "bricks": """\
bricks:
    1,1,1
        input: test_input
        number_of_neurons: 4
    2,1,1
        number_of_neurons: 8
    3,1,1
        output: test_output
        number_of_neurons: 2
""",
    "hexagons": """\
hexagons:
    1,1,1
    2,1,1
    3,1,1
inputs:
    test_input:
        target: 1,1,1
        number_of_inputs: 4
outputs:
    test_output:
        target: 3,1,1
        number_of_outputs: 2
""",
    "axons": """\
hexagons:
    1,1,1
    2,1,1
    3,1,1
axons:
    1,1,1 -> 2,1,1
inputs:
    test_input: 1,1,1
outputs:
    test_output: 3,1,1
""",
}


def example_template(form: str, settings: Iterable[str]) -> str:
    """Return a template with an input, an output and an internal layer.

    Args:
        form: Form of the templates of a dialect.
        settings: Settings that a template of it may have.
    """
    lines = [f"    {name}: {_SETTINGS[name]}" for name in settings]
    return "\n".join(["version: 1", "settings:", *lines, _FORMS[form]])
