"""The run of a client: the server, the gateway before it, and the command once for each scenario."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.client_mode.gateway import Gateway
from hanami_conformance.client_mode.materials import HIDDEN, INPUTS, OUTPUTS, Materials, write_files, write_values
from hanami_conformance.client_mode.output import OutputTail
from hanami_conformance.client_mode.record import Record
from hanami_conformance.client_mode.scenario import Scenario
from hanami_conformance.client_mode.situation import Situation
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.common.child_process import ChildProcess
from hanami_conformance.common.temporary import temporary_folder
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.server.reference import ReferenceBackend
from hanami_conformance.target.connect import connect
from hanami_conformance.target.target import Target
from hanami_proto.command_line import suggestion
from hanami_proto.dialect import load_dialect

VARIABLE = "HANAMI_CLIENT_"  # begins the names of the environment variables
PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z_]+)\}")  # ${name} is a variable of a shell
SIMILAR = 0.7  # ratio from which a name in braces is a mistyped placeholder, and not a word of the command
GRACE = 2.0  # seconds between SIGTERM and SIGKILL for a client that is ended
MOST_OUTPUT = 64 * 1024  # bytes at the end of what a client printed
MOST_RESULT = 16 << 20  # bytes of a result file


class CommandError(ValueError):
    """The command cannot be started, or names an unknown placeholder; one line."""


@dataclass(frozen=True)
class Command:
    """The command that runs the client.

    Attributes:
        words: Words with placeholders such as ``{url}``.
        seconds: Time that it gets in each scenario.
    """

    words: Sequence[str]
    seconds: float

    def names(self, placeholder: str) -> bool:
        """Return whether a placeholder is in the command."""
        return any(f"{{{placeholder}}}" in word for word in self.words)

    def expand(self, values: Mapping[str, str]) -> list[str]:
        """Return the words with the values of the placeholders; other braces are left as they are.

        Raises:
            CommandError: If a name in braces is almost that of a placeholder.
        """
        for name in PLACEHOLDER.findall(" ".join(self.words)):
            if name not in values and (meant := suggestion(name, values, SIMILAR)):
                raise CommandError(f"there is no placeholder {{{name}}}{meant}")
        words = []
        for word in self.words:
            for name, value in values.items():
                word = word.replace(f"{{{name}}}", value)  # noqa: PLW2901 - replaced one after the other
            words.append(word)
        return words


class ClientRunner:
    """Runs a client in scenarios, against one server.

    Args:
        target: The server, logged in.
        gateway: Gateway before the server.
        restart: Function that restarts the server.
        folder: Folder for the files of the client.
    """

    def __init__(self, target: Target, gateway: Gateway, restart: Callable[[], None], folder: Path) -> None:
        self._target = target
        self._gateway = gateway
        self._restart = restart
        self._folder = folder
        self._contents = write_files(folder)
        self._resources = ResourceFactory(target, secrets.token_hex(4))

    @property
    def url(self) -> str:
        """Address for the client."""
        return self._gateway.url

    def run(self, scenario: Scenario, command: Command) -> Situation:
        """Run the client in one scenario.

        Raises:
            CommandError: If the command cannot be started.
        """
        with self.serving(scenario) as situation:
            values = situation.materials.placeholders(scenario.workflow, command.seconds)
            self._execute(command, values, situation.record)
        return replace(situation, hands_over=command.names("result_file"), takes_workflow=command.names("workflow"))

    @contextlib.contextmanager
    def serving(self, scenario: Scenario) -> Iterator[Situation]:
        """Serve a scenario during the block, to a client that the caller runs; its record is complete behind it."""
        materials = self._materials(ClusterShape(INPUTS, {**OUTPUTS, **scenario.outputs}, HIDDEN))
        record = Record(CaseRecording(scenario.name))
        try:
            with self._gateway.exchange(record, scenario.rules, self._restart):
                yield Situation(scenario, record, materials, self._contents)
            record.outputs = _read_result(materials.result_file)
        finally:
            self._resources.clean()

    def _materials(self, shape: ClusterShape) -> Materials:
        """Return a token, a cluster of its own, and no result of an earlier scenario."""
        self._target.renew(self._target.account)
        account = self._target.account
        cluster = self._resources.cluster(shape)
        user, password = account.credentials.user, account.credentials.password
        dialect = self._target.dialect
        materials = Materials(self.url, account.token, user, password, cluster.uuid, self._folder, dialect, shape)
        write_values(self._folder, shape)
        materials.result_file.unlink(missing_ok=True)
        return materials

    def _execute(self, command: Command, values: Mapping[str, str], record: Record) -> None:
        environment = {**os.environ, **client_variables(values)}
        began = time.monotonic()
        words = command.expand(values)
        with OutputTail(MOST_OUTPUT) as output:
            try:
                child = ChildProcess(
                    words,
                    stdout=output.pipe,
                    stderr=subprocess.STDOUT,
                    environment=environment,
                    grace=GRACE,
                    guarded=True,
                )
            except OSError as error:
                what = error.filename or command.words[0]
                raise CommandError(f"the client cannot be started: {error.strerror or error}: {what}") from error
            with child:
                record.exit_status = child.wait(command.seconds)
                record.seconds = time.monotonic() - began
        record.output = output.text


def client_variables(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the placeholders as environment variables."""
    return {f"{VARIABLE}{name.upper()}": value for name, value in values.items()}


def _read_result(path: Path) -> object:
    """Return the JSON that a client left, None for none."""
    with contextlib.suppress(OSError, ValueError):
        if path.stat().st_size <= MOST_RESULT:
            return json.loads(path.read_bytes())
    return None


@contextlib.contextmanager
def client_runner(dialect: str) -> Iterator[ClientRunner]:
    """Start the reference backend and the gateway, and stop them at the end.

    Args:
        dialect: Name of the dialect, or path of its file.

    Raises:
        TargetDown: If the server does not start.
        ValueError: If the dialect is not valid.
    """
    load_dialect(dialect)
    options = TargetOptions("", Credentials(), dialect=dialect)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder("hanami-client-"))
        backend = stack.enter_context(ReferenceBackend(options))
        target = connect(backend.options)
        stack.callback(target.teardown)
        gateway = stack.enter_context(Gateway(backend.options.url, target.dialect))
        yield ClientRunner(target, gateway, backend.restart, folder)
