"""Cluster templates: the text that describes the shape of a new cluster."""

from __future__ import annotations

from hanami_conformance.clients.cluster_messages import ClusterShape

_SETTINGS = """\
version: 1
settings:
    neuron_cooldown: 10000000.0
    refractory_time: 1
    max_connection_distance: 1
    enable_reduction: false
"""


def render_template(form: str, shape: ClusterShape) -> str:
    """Return a template of the given form.

    Args:
        form: ``bricks`` or ``hexagons``, from the dialect.
        shape: Bricks of the cluster; inputs are placed at x = 1, the internal brick at x = 2, outputs at x = 3.
    """
    return _bricks(shape) if form == "bricks" else _hexagons(shape)


def _bricks(shape: ClusterShape) -> str:
    lines = ["bricks:"]
    for row, (name, size) in enumerate(shape.inputs.items(), start=1):
        lines += [f"    1,{row},1", f"        input: {name}", f"        number_of_neurons: {size}"]
    lines += ["    2,1,1", f"        number_of_neurons: {shape.hidden}"]
    for row, (name, size) in enumerate(shape.outputs.items(), start=1):
        lines += [f"    3,{row},1", f"        output: {name}", f"        number_of_neurons: {size}"]
    return _SETTINGS + "\n".join(lines) + "\n"


def _hexagons(shape: ClusterShape) -> str:
    inputs = {name: f"1,{row},1" for row, name in enumerate(shape.inputs, start=1)}
    outputs = {name: f"3,{row},1" for row, name in enumerate(shape.outputs, start=1)}
    lines = ["hexagons:", *(f"    {position}" for position in (*inputs.values(), "2,1,1", *outputs.values()))]
    lines.append("inputs:")
    for name, position in inputs.items():
        lines += [f"    {name}:", f"        target: {position}", f"        number_of_inputs: {shape.inputs[name]}"]
    lines.append("outputs:")
    for name, position in outputs.items():
        lines += [f"    {name}:", f"        target: {position}", f"        number_of_outputs: {shape.outputs[name]}"]
    return _SETTINGS + "\n".join(lines) + "\n"
