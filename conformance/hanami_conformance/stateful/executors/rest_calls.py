"""Sequences of REST calls: right ones do what they say, wrong ones are refused with a reason and change nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.step import SequenceError, Step
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage
from hanami_conformance.clients.rest import RestResponse
from hanami_conformance.common.signals import uninterrupted
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import vector
from hanami_conformance.resources.upload import Upload
from hanami_conformance.stateful.placeholders import drop_missing, resolve_value, token_variants
from hanami_conformance.target.target import Account

ACTIONS = ("init", "mode", "ask", "path", "body", "object", "token")
ASKED = ("dataset.progress", "dataset.get", "dataset.delete", "cluster.get", "cluster.delete")
UPLOAD_ACTIONS = ("csv.init", "mnist.init", "csv.finalize", "mnist.finalize")
BODIED = (*UPLOAD_ACTIONS, "cluster.create", "cluster.set_mode", "token.create")
GUARDED = ("csv.init", "dataset.progress", "cluster.set_mode", "csv.finalize", "dataset.list", "cluster.list")
# By what operations without a token are answered with 401; others are refused in any way.
UNAUTHORISED = {"csv.init": "INIT-6", "dataset.progress": "PROG-4", "cluster.set_mode": "MODE-2"}
LARGEST = 4 << 20  # bytes that the suite has a server allocate
CONTENT = b"alpha,beta\n1,2\n"
SHAPE = ClusterShape({"test_input": 3}, {"test_output": 2}, hidden=2)
UUID4 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
HEX_DIGITS = 32  # of a uuid, however it is written
BOM = b"\xef\xbb\xbf"


@dataclass
class RestCallExecutor:
    """Acts sequences of REST calls out.

    Args:
        resources: makes an upload and a cluster, and deletes them.
        accounts: the first of them calls.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]
    mode: str = field(default="", init=False)  # of the cluster, once there is one

    @property
    def account(self) -> Account:
        """Who calls."""
        return self.accounts[0]

    @cached_property
    def upload(self) -> Upload:
        """An upload that no wrong call may change."""
        return self.resources.csv(len(CONTENT))

    @cached_property
    def cluster(self) -> Cluster:
        """A cluster that no wrong call may change."""
        self.mode = self.resources.target.dialect.modes[0]
        return self.resources.cluster(SHAPE)

    def tell(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; at the end, upload and cluster must work as if nothing was."""
        for step in steps:
            step.must_be_one_of(ACTIONS)
            getattr(self, f"_{step.do}")(step)
        with attribute_to("GEN-2"):
            self._finish_upload()
            if self.mode:
                self._use_cluster()

    def _finish_upload(self) -> None:
        socket = self.upload.attach()
        socket.write(0, CONTENT)
        socket.close()
        self.upload.finalize().object()

    def _use_cluster(self) -> None:
        direct = self.resources.target.dialect.modes[1]
        if self.mode != direct:
            self.cluster.set_mode(direct).object()
        socket = self.cluster.attach()
        socket.request([InputMessage("test_input", vector(3, 1))])
        socket.close()

    def _refused(self, answer: RestResponse, requirement: str, why: str) -> None:
        reasoned = answer.rejected and answer.text.strip()
        require(reasoned, expected=f"a 4xx with a reason: {why}", actual=answer, requirement=requirement)

    def _init(self, step: Step) -> None:
        """Begin an upload, with right fields or wrong ones (requirements INIT-1, INIT-2, INIT-5)."""
        kind = step.text("kind")
        if kind not in ("csv", "mnist"):
            raise SequenceError("step 'init': kind must be csv or mnist")
        tail = step.text("tail")
        name_is, name = resolve_value(step, "name", {"ours": lambda: self.resources.name(tail)})
        fields = {"name": name}
        sizes = {"input": resolve_value(step, "input_size", {})[1]}
        if kind == "mnist":
            sizes["label"] = resolve_value(step, "label_size", {})[1]
        fields |= {f"{role}_data_size": size for role, size in sizes.items()}
        body = {**drop_missing(fields), **step.fields("more")}
        wrong = self._wrong_fields(body, sizes)
        if not wrong and (name_is != "ours" or any(size > LARGEST for size in sizes.values())):
            return  # right, and too much to ask for, or under a name by which nobody would find it again
        requirement = "INIT-2" if kind == "csv" else "INIT-1"
        with uninterrupted(), default_requirement("INIT-5" if wrong else requirement, counts=False):
            answer = self.account.call(f"{kind}.init", body=body)
            self.resources.register_unexpected(answer, "csv.init")
        if wrong:
            self._refused(answer, "INIT-5", wrong)
            self._not_made(body.get("name"), "INIT-5")
            return
        with default_requirement(requirement):
            upload = self.resources.from_init_response(answer, kind, body["name"], sizes, self.account)
        if kind == "csv":
            surplus = answer.object().get("uuid_label_file")
            require(not surplus, expected="no uuid_label_file of a table", actual=answer, requirement=requirement)
        uuids = [upload.uuid, *(file.uuid for file in upload.files.values()), self.upload.uuid]
        require(len(set(uuids)) == len(uuids), expected="distinct uuids", actual=answer, requirement="INIT-4")
        require(not upload.progress(), expected="complete = false", actual="complete = true", requirement="PROG-2")

    def _not_made(self, name: Any, requirement: str) -> None:
        """Nothing may be there under a name of ours whose init was refused, as far as the list shows it."""
        if isinstance(name, str) and name.startswith(self.resources.prefix):
            listed = self.account.call("dataset.list")
            require(name not in listed.text, expected="a list without it", actual=listed, requirement=requirement)

    def _wrong_fields(self, body: dict[str, Any], sizes: dict[str, Any]) -> str:
        """Why a body must be refused, empty where it is right."""
        dialect, name = self.resources.target.dialect, body.get("name")
        if not isinstance(name, str) or not dialect.is_name(name):
            return f"the name is {str(name)[:40]!r}"
        for role, size in sizes.items():
            if not dialect.is_file_size(size):
                return f"{role}_data_size is {str(size)[:40]}"
        known = {"name", *(f"{role}_data_size" for role in sizes)}
        surplus = sorted(set(body) - known)
        return f"there is a field {surplus[0][:40]!r}" if surplus else ""

    def _mode(self, step: Step) -> None:
        """Switch the mode of the cluster, or not (requirements MODE-1, MODE-2)."""
        cluster = self.cluster
        uuids = {"right": lambda: cluster.uuid, "upload": lambda: self.upload.uuid}
        uuid_is, uuid = resolve_value(step, "uuid", uuids)
        state = resolve_value(step, "state", {})[1]
        with default_requirement("MODE-2", counts=False):
            answer = self.account.call("cluster.set_mode", body=drop_missing({"uuid": uuid, "new_state": state}))
        if uuid_is != "right" or state not in self.resources.target.dialect.modes:
            self._refused(answer, "MODE-2", f"uuid is {uuid_is}, new_state {str(state)[:40]!r}")
        elif state != self.mode:
            require(answer.status == 200, expected=f"200 to the switch to {state}", actual=answer, requirement="MODE-1")
            self.mode = state

    def _ask(self, step: Step) -> None:
        """Ask for what is not there (requirements PROG-4, GEN-1)."""
        operation, uuid = step.text("operation"), step.text("uuid")
        if operation not in ASKED:
            raise SequenceError(f"step 'ask': operation must be one of {', '.join(ASKED)}")
        answer = self.account.call(operation, params={"uuid": uuid})
        if operation != "dataset.progress":
            self._refused(answer, "GEN-1", f"{operation} of {uuid[:40]!r}")
        elif UUID4.fullmatch(uuid):
            require(answer.status == 404, expected="404 to an unknown uuid", actual=answer, requirement="PROG-4")
        elif len(re.findall("[0-9a-fA-F]", uuid)) != HEX_DIGITS:
            require(answer.status == 400, expected="400 to a malformed uuid", actual=answer, requirement="PROG-4")
        else:
            self._refused(answer, "PROG-4", f"the uuid is {uuid[:40]!r}")

    def _path(self, step: Step) -> None:
        """Ask for a path that is none (requirement GEN-1)."""
        target, method = self.resources.target, step.text("method")
        path = target.dialect.prefix + step.text("path")
        if any(route.path.rstrip("/") == path.split("?")[0].rstrip("/") for route in target.dialect.routes.values()):
            return
        answer = target.rest.request(method, path, token=self.account.token, content=b"{}")
        # Some servers look at the token first, and give no reason then.
        require(answer.rejected, expected=f"a 4xx to {method} of an unknown path", actual=answer, requirement="GEN-1")

    def _body(self, step: Step) -> None:
        """Send bytes that are no JSON object (requirement GEN-1)."""
        operation, body = self._operation(step), step.data("bytes")
        is_json, value = _parsed(body)
        if isinstance(value, dict) or body.startswith(BOM):
            return
        route = self.resources.target.dialect.route(operation)
        answer = self.resources.target.rest.request(route.method, route.path, token=self.account.token, content=body)
        if is_json:
            self._refused(answer, "GEN-1", f"the body of {operation} is no object")
        else:
            require(answer.status == 400, expected=f"400: no JSON to {operation}", actual=answer, requirement="GEN-1")

    def _operation(self, step: Step) -> str:
        operation = step.text("operation")
        if operation not in BODIED:
            raise SequenceError(f"step {step.do!r}: operation must be one of {', '.join(BODIED)}")
        return operation

    def _object(self, step: Step) -> None:
        """Send an object without what the operation needs (requirement GEN-1)."""
        operation, body = self._operation(step), step.fields("body")
        token = None if operation == "token.create" else self.account.token
        answer = self.resources.target.call(operation, body=body, token=token)
        self.resources.register_unexpected(answer, operation)
        self._refused(answer, "GEN-1", f"{operation} without its fields")

    def _token(self, step: Step) -> None:
        """Call with a token that authorises nothing (requirements INIT-6, PROG-4, MODE-2; FIN-4, GEN-3)."""
        operation = step.text("operation")
        if operation not in GUARDED:
            raise SequenceError(f"step 'token': operation must be one of {', '.join(GUARDED)}")
        written, token = resolve_value(step, "token", token_variants(self.account.token, step.number("by")))
        sent = token if isinstance(token, str) else None
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
        answer = self.resources.target.call(operation, body=body, params=params, token=sent)
        self.resources.register_unexpected(answer, operation)
        requirement = UNAUTHORISED.get(operation)
        if requirement is not None:
            require(
                answer.status == 401, expected=f"401: the token is {written}", actual=answer, requirement=requirement
            )
            self._not_made(name if operation == "csv.init" else None, "INIT-6")
            return
        requirement = "FIN-4" if operation == "csv.finalize" else "GEN-3"
        require(answer.rejected, expected=f"a 4xx: the token is {written}", actual=answer, requirement=requirement)


def _parsed(body: bytes) -> tuple[bool, Any]:
    """Whether bytes are JSON, by the letter, and what they hold."""

    def refuse(word: str) -> None:
        raise ValueError(word)  # NaN and the like are no JSON

    try:
        return True, json.loads(body.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError):
        return False, None
