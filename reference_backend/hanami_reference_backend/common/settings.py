"""Limits of the server."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True)
class Settings:
    """Limits that are fixed while the server runs.

    Attributes:
        token_lifetime: Lifetime of a token in seconds.
        seed: Seed of the initial weights of every cluster.
        max_file_size: Largest announced size of a file in bytes.
        max_storage: Largest sum of the announced sizes of all uploads and datasets of a project in bytes; the weights
            of its clusters may use as much again.
        max_uploads: Number of unfinished uploads of a project.
        max_datasets: Number of finalized datasets of a project.
        max_clusters: Number of clusters of a project.
        max_message: Size of a websocket message in bytes. One of the default size blocks the event loop for 40 ms at
            most, if it consists of the smallest fields.
        max_body: Size of a REST body in bytes.
        max_parameters: Number of weights and biases of a cluster.
        attach_timeout: Seconds that a new websocket may stay silent.
        body_timeout: Seconds that a REST body may take to arrive.
        hidden_size: Number of neurons of an internal hexagon, which its template does not give.
        max_bricks: Number of bricks or hexagons of a template.
    """

    token_lifetime: float = 3600.0
    seed: int = 0
    max_file_size: int = GIB
    max_storage: int = 4 * GIB
    max_uploads: int = 64
    max_datasets: int = 1000
    max_clusters: int = 1000
    max_message: int = 12 * MIB
    max_body: int = MIB
    max_parameters: int = 4_000_000
    attach_timeout: float = 10.0
    body_timeout: float = 30.0
    hidden_size: int = 64
    max_bricks: int = 256
