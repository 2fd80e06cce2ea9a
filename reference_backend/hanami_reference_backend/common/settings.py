"""Limits of the server, as one value that never changes while it runs."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True)
class Settings:
    """What the server grants before it refuses.

    Attributes:
        token_lifetime: how long a token is valid, seconds.
        seed: seed of the initial weights of every cluster.
        max_file_size: greatest size that may be announced for one file, bytes.
        max_storage: sum of the announced sizes of all uploads and datasets of a project, bytes; as much again may
            be taken by the weights of its clusters.
        max_uploads: unfinished uploads of a project.
        max_datasets: finalized datasets of a project.
        max_clusters: clusters of a project.
        max_message: size of a websocket message, bytes.
        max_body: size of a REST body, bytes.
        max_parameters: weights and biases of one cluster.
        attach_timeout: how long a new websocket may stay silent, seconds.
        body_timeout: how long a REST body may take to arrive, seconds.
        hidden_size: neurons of an internal hexagon, whose template gives no number.
        max_bricks: bricks or hexagons of one template.
    """

    token_lifetime: float = 3600.0
    seed: int = 0
    max_file_size: int = GIB
    max_storage: int = 4 * GIB
    max_uploads: int = 64
    max_datasets: int = 1000
    max_clusters: int = 1000
    max_message: int = 16 * MIB
    max_body: int = MIB
    max_parameters: int = 4_000_000
    attach_timeout: float = 10.0
    body_timeout: float = 30.0
    hidden_size: int = 64
    max_bricks: int = 256
