"""Overlap: pairs of operations at the same moment, each tried several times.

Branches 1 and 2 of each case are the pair that it is about: with a limit of two connections there are no others.
"""

from __future__ import annotations

import pytest

from hanami_conformance.cases.step import Step
from hanami_conformance.catalogue import requirement
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.overlap.upload_model import BLOCKS
from hanami_conformance.suite.support.overlap import DELAYS, beside, branches, expect_explained, new_cluster, started

pytestmark = pytest.mark.hostile
OTHER = 119  # size of an upload of the same shape as the usual one, with other contents
LAST = BLOCKS - 1  # block that is left out, so that it is sent beside something else


@requirement("FIN-5", "GEN-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_of_several_puts_at_once_one_is_accepted(resources: ResourceFactory, kind: str) -> None:
    """Of several PUTs of a complete upload at once one is accepted, and the dataset is as uploaded."""
    expect_explained(resources, [started(kind), *(beside(number, "finalize", upload=0) for number in branches())])


@requirement("FIN-7", "FIN-3", "GEN-1")
def test_a_chunk_beside_the_put_is_in_the_dataset_or_rejected(resources: ResourceFactory) -> None:
    """A chunk beside the PUT is acknowledged and in the dataset, or rejected and not in it."""
    changes = [
        beside(2 + file, "chunk", upload=0, file=file, block=block, variant=1)
        for file in range(2)
        for block in (1, 2, LAST)
    ]
    expect_explained(resources, [started(), beside(1, "finalize", upload=0), *changes])


@requirement("FIN-3", "FIN-7")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_put_beside_the_last_chunk_merges_all_or_nothing(resources: ResourceFactory, kind: str) -> None:
    """A PUT beside the last chunk is rejected, or its dataset has the chunk."""
    other_file = [Step("chunk", {"upload": 0, "file": 1, "block": LAST, "variant": 0})] if kind == "mnist" else []
    puts = [beside(number, "finalize", upload=0) for number in (2, 3)]
    last = beside(1, "chunk", upload=0, file=0, block=LAST, variant=0)
    expect_explained(resources, [started(kind, received=LAST), *other_file, last, *puts])


@requirement("DEL-1", "GEN-1", "GEN-2")
@pytest.mark.parametrize("received", [BLOCKS, LAST], ids=["complete", "incomplete"])
def test_a_delete_beside_chunks_leaves_nothing(resources: ResourceFactory, received: int) -> None:
    """A DELETE beside chunks ends the upload: what comes later is rejected, and nothing of it is left."""
    chunks = [beside(2, "chunk", upload=0, file=0, block=block, variant=1) for block in (LAST, 0, 1)]
    other = beside(3, "chunk", upload=0, file=1, block=LAST, variant=0)
    expect_explained(resources, [started(received=received), beside(1, "delete", upload=0), *chunks, other])


@requirement("DEL-1", "FIN-5", "GEN-1")
def test_a_delete_beside_the_put_leaves_nothing(resources: ResourceFactory) -> None:
    """A DELETE beside the PUT takes effect before or after it, and in both cases nothing is left."""
    calls = [beside(1, "finalize", upload=0), beside(2, "delete", upload=0), beside(3, "delete", upload=0)]
    expect_explained(resources, [started(), *calls, beside(4, "list")])


@requirement("PROG-2", "PROG-3")
def test_progress_beside_the_last_chunks_is_true_with_both_of_them(resources: ResourceFactory) -> None:
    """Progress beside the last chunk of each file is true only once both are there, and stays true."""
    last = [beside(1 + 2 * file, "chunk", upload=0, file=file, block=LAST, variant=0) for file in range(2)]
    polls = [beside(number, "progress", upload=0) for number in (2, 4) for _ in range(3)]
    expect_explained(resources, [started(received=LAST), *last, *polls])


@requirement("PROG-2")
def test_progress_beside_a_chunk_is_false_while_another_is_missing(resources: ResourceFactory) -> None:
    """Progress beside the last chunk of one file, and beside repeated ones, is false while the other file lacks one."""
    chunks = [beside(1, "chunk", upload=0, file=0, block=block, variant=0) for block in (LAST, 0, LAST)]
    polls = [beside(number, "progress", upload=0) for number in (2, 3) for _ in range(2)]
    expect_explained(resources, [started(received=LAST), *chunks, *polls])


@requirement("PROG-2", "PROG-3", "FIN-1")
def test_progress_beside_the_put_stays_true(resources: ResourceFactory) -> None:
    """Progress and the list beside the PUT are those before or after it."""
    polls = [beside(2, "progress", upload=0)] * 3
    lists = [beside(3, "list")] * 3
    expect_explained(resources, [started(), beside(1, "finalize", upload=0), *polls, *lists])


@requirement("INIT-4", "GEN-1")
def test_uploads_that_start_at_once_are_distinct(resources: ResourceFactory) -> None:
    """Uploads that start at the same moment have uuids of their own, and each becomes its own dataset."""
    inits = [beside(number, "init", kind="mnist", size=100 + number, count=2) for number in branches()]
    expect_explained(resources, inits)


@requirement("FIN-1", "GEN-1")
def test_a_list_beside_new_uploads_has_every_dataset(resources: ResourceFactory) -> None:
    """A list beside new uploads, PUTs and deletions of others has every dataset that is finalized."""
    steps = [started(), started("csv"), started("csv"), Step("finalize", {"upload": 0})]
    calls = [
        beside(1, "init", kind="csv", size=3, count=1),
        *[beside(2, "list")] * 3,
        beside(3, "finalize", upload=1),
        beside(4, "delete", upload=2),
    ]
    expect_explained(resources, [*steps, *calls])


@requirement("DATA-8", "DATA-4")
def test_chunks_of_two_files_at_once_do_not_mix(resources: ResourceFactory) -> None:
    """Chunks of the two files of an upload at the same moment are all written, each to its file."""
    chunks = [
        beside(1 + file, "chunk", upload=0, file=file, block=block, variant=variant)
        for file in range(2)
        for block, variant in ((LAST, 0), (0, 1), (1, 2))
    ]
    expect_explained(resources, [started(received=LAST), *chunks])


@requirement("DATA-9")
def test_chunks_of_two_uploads_at_once_do_not_mix(resources: ResourceFactory) -> None:
    """Chunks of two uploads at the same moment are all written, each to its upload."""
    chunks = [
        beside(1 + upload, "chunk", upload=upload, file=0, block=block, variant=1 + upload)
        for upload in range(2)
        for block in (LAST, 0, 1)
    ]
    calls = [beside(3 + upload, "finalize", upload=upload) for upload in range(2)]
    uploads = [started(received=LAST), started(received=BLOCKS)]
    expect_explained(resources, [*uploads, *chunks])
    expect_explained(resources, [started(), started(size=OTHER), *calls])


@requirement("MODE-1", "GEN-2")
def test_a_switch_beside_a_cycle_leaves_the_cluster_usable(resources: ResourceFactory) -> None:
    """A switch beside a cycle takes effect, the cycle gives its output or ends, and the cluster works afterwards."""
    cycles = [beside(2, "cycle", cluster=0, values=values) for values in (1, 2)]
    expect_explained(resources, [new_cluster(), beside(1, "mode", cluster=0, state=0), *cycles])


@requirement("MODE-1", "GEN-1", "GEN-2")
def test_switches_at_once_leave_one_of_the_modes(resources: ResourceFactory) -> None:
    """Switches of a cluster at the same moment leave it in one of the two modes, and it works afterwards."""
    calls = [beside(number, "mode", cluster=0, state=number % 2) for number in branches()]
    expect_explained(resources, [new_cluster(), *calls], DELAYS[:3])


@requirement("DIO-14", "GEN-2")
def test_a_delete_beside_a_cycle_ends_the_cluster(resources: ResourceFactory) -> None:
    """A DELETE of a cluster beside a cycle ends it: the cycle gives its output or nothing, and no later one does."""
    cycles = [beside(2, "cycle", cluster=0, values=values) for values in (1, 2, 3)]
    expect_explained(resources, [new_cluster(), beside(1, "delete_cluster", cluster=0), *cycles], DELAYS[:3])


@requirement("DIO-10", "DIO-7")
def test_cycles_of_two_clusters_at_once_have_their_own_outputs(resources: ResourceFactory) -> None:
    """Cycles of two clusters at the same moment, with different inputs, give the outputs that each gives alone."""
    cycles = [
        beside(1 + cluster, "cycle", cluster=cluster, values=values)
        for cluster, order in enumerate(((0, 1, 2, 3), (3, 2, 1, 0)))
        for values in order * 2
    ]
    expect_explained(resources, [new_cluster(), new_cluster(), *cycles], DELAYS[:3])
