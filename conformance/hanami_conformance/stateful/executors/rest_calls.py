"""Executor of REST calls: valid ones do what they say, invalid ones are rejected with a reason and change nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from hanami_conformance.cases.attribution import attribute_to_steps, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.common.signals import uninterrupted
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import train_once
from hanami_conformance.resources.upload import INIT_REQUIREMENTS, Upload, init_fields
from hanami_conformance.stateful.novelty import noted
from hanami_conformance.stateful.placeholders import drop_missing, resolve_value, token_variants
from hanami_conformance.target.target import Account

# Operations that take the uuid of a resource, those that take a body, and those whose token is damaged.
UUID_OPERATIONS = ("dataset.progress", "dataset.get", "dataset.delete", "cluster.get", "cluster.delete")
BODY_OPERATIONS = (
    *("csv.init", "mnist.init", "csv.finalize", "mnist.finalize"),
    *("cluster.create", "cluster.set_mode", "token.create"),
)
TOKEN_OPERATIONS = ("csv.init", "dataset.progress", "cluster.set_mode", "csv.finalize", "dataset.list", "cluster.list")
# Operations that must answer 401 without a valid token, and the requirement; others may reject in any way.
UNAUTHORISED = {"csv.init": "INIT-6", "dataset.progress": "PROG-4", "cluster.set_mode": "MODE-2"}
LARGEST = 4 << 20  # bytes that the suite lets a server allocate
CONTENT = b"alpha,beta\n1,2\n"
SHAPE = ClusterShape({"test_input": 3}, {"test_output": 2}, hidden=2)
UUID4 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
HEX_DIGITS = 32  # in a uuid, however it is written
BOM = b"\xef\xbb\xbf"


@dataclass
class RestCallExecutor:
    """Executes sequences of REST calls.

    Args:
        resources: Factory of an upload and a cluster.
        accounts: Accounts of the target; the first one calls.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]
    mode: str = field(default="", init=False)  # of the cluster, once there is one

    @property
    def account(self) -> Account:
        """Account that calls."""
        return self.accounts[0]

    @cached_property
    def upload(self) -> Upload:
        """Upload that no invalid call may change."""
        return self.resources.csv(len(CONTENT))

    @cached_property
    def cluster(self) -> Cluster:
        """Cluster that no invalid call may change."""
        self.mode = self.resources.target.dialect.modes[0]
        return self.resources.cluster(SHAPE)

    def execute(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; upload and cluster must still work at the end."""
        for step in noted(steps, lambda: self.mode):
            step.require_action(self.actions)
            self.actions[step.action](self, step)
        with attribute_to_steps(steps, "GEN-2", default="FIN-1"):
            self._finish_upload()
        if self.mode or not steps:  # without steps it is seen whether a cluster works at all
            with attribute_to_steps(steps, "GEN-2", default="MODE-1"):
                self._use_cluster()

    def _finish_upload(self) -> None:
        socket = self.upload.attach()
        socket.write(0, CONTENT)
        socket.close()
        self.upload.finalize().object()

    def _use_cluster(self) -> None:
        cluster, direct = self.cluster, self.resources.target.dialect.modes[1]
        if self.mode != direct:
            cluster.set_mode(direct).object()
        socket = cluster.attach()
        train_once(socket)
        socket.close()

    def _expect_rejected(self, answer: RestResponse, requirement: str, reason: str) -> None:
        reasoned = answer.rejected and answer.text.strip()
        require(reasoned, expected=f"a 4xx with a reason: {reason}", actual=answer, requirement=requirement)

    def _start_upload(self, step: Step) -> None:
        """Start an upload with valid or invalid fields (requirements INIT-1, INIT-2, INIT-5)."""
        kind = step.choice_argument("kind", ("csv", "mnist"))
        tail = step.text_argument("tail")
        name_tag, name = resolve_value(step, "name", {"ours": lambda: self.resources.name(tail)})
        sizes = {"input": resolve_value(step, "input_size", {})[1]}
        if kind == "mnist":
            sizes["label"] = resolve_value(step, "label_size", {})[1]
        fields = init_fields(name, sizes)
        body = {**drop_missing(fields), **step.object_argument("more")}
        reason = self._invalid_field(body, sizes)
        if not reason and (name_tag != "ours" or any(size > LARGEST for size in sizes.values())):
            return  # valid, but too large, or under a name by which the clean-up would not find it
        requirement = INIT_REQUIREMENTS[kind]
        with uninterrupted(), default_requirement("INIT-5" if reason else requirement, counts=False):
            answer = self.account.call(f"{kind}.init", body=body)
            self.resources.register_unexpected(answer, "csv.init")
        if reason:
            self._expect_rejected(answer, "INIT-5", reason)
            self._expect_not_created(body.get("name"), "INIT-5")
            return
        with default_requirement(requirement):
            upload = self.resources.from_init_response(answer, kind, body["name"], sizes, self.account)
        if kind == "csv":
            label_file = answer.object().get("uuid_label_file")
            require(not label_file, expected="no uuid_label_file of a table", actual=answer, requirement=requirement)
        uuids = [upload.uuid, *(file.uuid for file in upload.files.values()), self.upload.uuid]
        require(len(set(uuids)) == len(uuids), expected="distinct uuids", actual=answer, requirement="INIT-4")
        require(not upload.progress(), expected="complete = false", actual="complete = true", requirement="PROG-2")

    def _expect_not_created(self, name: Any, requirement: str) -> None:
        """Check that the list of datasets does not contain a name of this run whose init was rejected."""
        if isinstance(name, str) and name.startswith(self.resources.prefix):
            listed = self.account.call("dataset.list")
            require(name not in listed.text, expected="a list without it", actual=listed, requirement=requirement)

    def _invalid_field(self, body: dict[str, Any], sizes: dict[str, Any]) -> str:
        """Return the reason to reject a body, empty for a valid one."""
        dialect, name = self.resources.target.dialect, body.get("name")
        if not isinstance(name, str) or not dialect.is_name(name):
            return f"the name is {str(name)[:40]!r}"
        for role, size in sizes.items():
            if not dialect.is_file_size(size):
                return f"{role}_data_size is {str(size)[:40]}"
        unknown = sorted(set(body) - {"name", *(f"{role}_data_size" for role in sizes)})
        return f"there is a field {unknown[0][:40]!r}" if unknown else ""

    def _set_mode(self, step: Step) -> None:
        """Switch the mode of the cluster, by a valid or an invalid call (requirements MODE-1, MODE-2)."""
        cluster = self.cluster
        uuids = {"right": lambda: cluster.uuid, "upload": lambda: self.upload.uuid}
        uuid_tag, uuid = resolve_value(step, "uuid", uuids)
        state = resolve_value(step, "state", {})[1]
        with default_requirement("MODE-2", counts=False):
            answer = self.account.call("cluster.set_mode", body=drop_missing({"uuid": uuid, "new_state": state}))
        if uuid_tag != "right" or state not in self.resources.target.dialect.modes:
            self._expect_rejected(answer, "MODE-2", f"uuid is {uuid_tag}, new_state {str(state)[:40]!r}")
        elif state != self.mode:
            require(answer.status == 200, expected=f"200 to the switch to {state}", actual=answer, requirement="MODE-1")
            self.mode = state

    def _get_unknown(self, step: Step) -> None:
        """Ask for a resource that does not exist (requirements PROG-4, GEN-1)."""
        operation, uuid = step.choice_argument("operation", UUID_OPERATIONS), step.text_argument("uuid")
        answer = self.account.call(operation, params={"uuid": uuid})
        if operation != "dataset.progress":
            self._expect_rejected(answer, "GEN-1", f"{operation} of {uuid[:40]!r}")
        elif UUID4.fullmatch(uuid):
            require(answer.status == 404, expected="404 to an unknown uuid", actual=answer, requirement="PROG-4")
        elif len(re.findall("[0-9a-fA-F]", uuid)) != HEX_DIGITS:
            require(answer.status == 400, expected="400 to a malformed uuid", actual=answer, requirement="PROG-4")
        else:
            self._expect_rejected(answer, "PROG-4", f"the uuid is {uuid[:40]!r}")

    def _call_unknown_path(self, step: Step) -> None:
        """Call an unknown path (requirement GEN-1)."""
        target, method = self.resources.target, step.text_argument("method")
        path = target.dialect.prefix + step.text_argument("path")
        if any(route.path.rstrip("/") == path.split("?")[0].rstrip("/") for route in target.dialect.routes.values()):
            return
        answer = target.rest.request(method, path, token=self.account.token, content=b"{}")
        # Some servers check the token first and give no reason then.
        require(answer.rejected, expected=f"a 4xx to {method} of an unknown path", actual=answer, requirement="GEN-1")

    def _send_body(self, step: Step) -> None:
        """Send bytes that are not a JSON object (requirement GEN-1)."""
        operation, body = step.choice_argument("operation", BODY_OPERATIONS), step.bytes_argument("bytes")
        is_json, value = _parsed(body)
        if isinstance(value, dict) or body.startswith(BOM):
            return
        route = self.resources.target.dialect.route(operation)
        answer = self.resources.target.rest.request(route.method, route.path, token=self.account.token, content=body)
        if is_json:
            self._expect_rejected(answer, "GEN-1", f"the body of {operation} is no object")
        else:
            require(answer.status == 400, expected=f"400: no JSON to {operation}", actual=answer, requirement="GEN-1")

    def _send_object(self, step: Step) -> None:
        """Send an object without the fields that the operation needs (requirement GEN-1)."""
        operation, body = step.choice_argument("operation", BODY_OPERATIONS), step.object_argument("body")
        token = None if operation == "token.create" else self.account.token
        answer = self.resources.target.call(operation, body=body, token=token)
        self.resources.register_unexpected(answer, operation)
        self._expect_rejected(answer, "GEN-1", f"{operation} without its fields")

    def _call_with_invalid_token(self, step: Step) -> None:
        """Call with an invalid token (requirements INIT-6, PROG-4, MODE-2; FIN-4, GEN-3)."""
        operation = step.choice_argument("operation", TOKEN_OPERATIONS)
        tag, value = resolve_value(step, "token", token_variants(self.account.token, step.int_argument("by")))
        name = self.resources.name("guarded")
        body, params = None, None
        if operation == "csv.init":
            body = {"name": name, "input_data_size": 10}
        elif operation == "cluster.set_mode":
            body = {"uuid": self.cluster.uuid, "new_state": self.resources.target.dialect.modes[1]}
        elif operation == "csv.finalize":
            body = self.upload.finalize_body()
        elif operation == "dataset.progress":
            params = {"uuid": self.upload.uuid}
        token = value if isinstance(value, str) else None
        answer = self.resources.target.call(operation, body=body, params=params, token=token)
        self.resources.register_unexpected(answer, operation)
        requirement = UNAUTHORISED.get(operation)
        if requirement is not None:
            expected = f"401: the token is {tag}"
            require(answer.status == 401, expected=expected, actual=answer, requirement=requirement)
            self._expect_not_created(name if operation == "csv.init" else None, "INIT-6")
            return
        requirement = "FIN-4" if operation == "csv.finalize" else "GEN-3"
        require(answer.rejected, expected=f"a 4xx: the token is {tag}", actual=answer, requirement=requirement)

    actions: ClassVar[Mapping[str, Callable[[RestCallExecutor, Step], None]]] = {
        "init": _start_upload,
        "mode": _set_mode,
        "get_unknown": _get_unknown,
        "path": _call_unknown_path,
        "body": _send_body,
        "object": _send_object,
        "token": _call_with_invalid_token,
    }


def _parsed(body: bytes) -> tuple[bool, Any]:
    """Return whether bytes are strictly JSON, and their value."""

    def reject(word: str) -> None:
        raise ValueError(word)  # NaN and the like are not JSON

    try:
        return True, json.loads(body.decode("utf-8"), parse_constant=reject)
    except (ValueError, RecursionError):
        return False, None
