"""Cluster templates: the text that describes the shape of a new cluster."""

from __future__ import annotations

from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_proto.dialect import Dialect

_SETTINGS = {
    "neuron_cooldown": "10000000.0",
    "refractory_time": "1",
    "max_connection_distance": "1",
    "enable_reduction": "false",
}


def render_template(dialect: Dialect, shape: ClusterShape) -> str:
    """Return a template in the form of a dialect, which may leave the sizes out.

    Args:
        dialect: Dialect of the target.
        shape: Bricks of the cluster.
    """
    settings = [f"    {name}: {value}" for name, value in _SETTINGS.items() if name in dialect.template_settings]
    forms = {"bricks": _bricks, "hexagons": _hexagons, "axons": _axons}
    return "\n".join(["version: 1", "settings:", *settings, *forms[dialect.template](shape)]) + "\n"


def _bricks(shape: ClusterShape) -> list[str]:
    """Return the inputs at x = 1, the internal bricks behind them from x = 2 on, and the outputs behind these."""
    lines, behind = ["bricks:"], shape.internal + 2
    for row, (name, size) in enumerate(shape.inputs.items(), start=1):
        lines += [f"    1,{row},1", f"        input: {name}", f"        number_of_neurons: {size}"]
    for column in range(2, behind):
        lines += [f"    {column},1,1", f"        number_of_neurons: {shape.hidden}"]
    for row, (name, size) in enumerate(shape.outputs.items(), start=1):
        lines += [f"    {behind},{row},1", f"        output: {name}", f"        number_of_neurons: {size}"]
    return lines


def _hexagons(shape: ClusterShape) -> list[str]:
    """Return hexagons placed as the bricks are."""
    inputs = {name: f"1,{row},1" for row, name in enumerate(shape.inputs, start=1)}
    outputs = {name: f"{shape.internal + 2},{row},1" for row, name in enumerate(shape.outputs, start=1)}
    inside = [f"{column},1,1" for column in range(2, shape.internal + 2)]
    lines = ["hexagons:", *(f"    {position}" for position in (*inputs.values(), *inside, *outputs.values()))]
    lines.append("inputs:")
    for name, position in inputs.items():
        lines += [f"    {name}:", f"        target: {position}", f"        number_of_inputs: {shape.inputs[name]}"]
    lines.append("outputs:")
    for name, position in outputs.items():
        lines += [f"    {name}:", f"        target: {position}", f"        number_of_outputs: {shape.outputs[name]}"]
    return lines


def _axons(shape: ClusterShape) -> list[str]:
    """Return inputs in a row that all lead to the first internal hexagon, and the outputs as neighbours of the last.

    Without the connections an input would lead to the next hexagon, which may be another input.
    """
    first, behind = len(shape.inputs) + 2, len(shape.inputs) + 2 + shape.internal
    inputs = {name: f"{column},1,1" for column, name in enumerate(shape.inputs, start=1)}
    outputs = {name: f"{behind},{row},1" for row, name in enumerate(shape.outputs, start=1)}
    hexagons = [*inputs.values(), *(f"{column},1,1" for column in range(first, behind)), *outputs.values()]
    return [
        *("hexagons:", *(f"    {position}" for position in hexagons)),
        *("axons:", *(f"    {position} -> {first},1,1" for position in inputs.values())),
        *("inputs:", *(f"    {name}: {position}" for name, position in inputs.items())),
        *("outputs:", *(f"    {name}: {position}" for name, position in outputs.items())),
    ]
