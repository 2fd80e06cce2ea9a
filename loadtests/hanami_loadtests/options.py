"""Our options among those of Locust: on the command line, in the environment, and in the form of its web UI."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from typing import Any

from hanami_conformance.options.definitions import AUTO
from hanami_loadtests.engine.schedule import ARRIVALS, MODELS
from hanami_loadtests.settings import DEFAULT_REPORT_DIR
from hanami_proto.dialect import dialect_names


@dataclass(frozen=True)
class LoadOption:
    """One option.

    Attributes:
        name: without the dashes.
        help: one sentence.
        default: as a text, which is also what the form of the web UI shows.
        environment: variable that is read where it is not given.
        choices: all that it can be; empty for anything.
        secret: whether its value is hidden in the form.
        form: whether it stands in the form.
        switch: whether it is given without a value.
    """

    name: str
    help: str
    default: str = ""
    environment: str = ""
    choices: tuple[str, ...] = field(default=())
    secret: bool = False
    form: bool = True
    switch: bool = False

    def arguments(self) -> dict[str, Any]:
        """Return what ``add_argument`` of Locust takes."""
        named: dict[str, Any] = {"help": self.help, "include_in_web_ui": self.form}
        if self.environment:
            named["env_var"] = self.environment
        if self.switch:
            return {**named, "action": "store_true", "default": False}
        if self.choices:
            named["choices"] = list(self.choices)
        return {**named, "default": self.default, "is_secret": self.secret}

    @property
    def dest(self) -> str:
        """As argparse names it."""
        return self.name.replace("-", "_")

    def plain_arguments(self) -> dict[str, Any]:
        """Return what ``add_argument`` takes; what is not given has no value, but from the environment."""
        notes = [f"default: {self.default}"] if self.default else []
        notes += [self.environment] if self.environment else []
        text = f"{self.help} [{'; '.join(notes)}]" if notes else self.help
        given = os.environ.get(self.environment) if self.environment else None
        if self.switch:
            return {"help": text, "action": "store_true", "default": bool(given)}
        choices: dict[str, Any] = {"choices": list(self.choices)} if self.choices else {"metavar": "VALUE"}
        return {"help": text, "default": given, **choices}


LOAD_OPTIONS = (
    LoadOption("user", "user of the target", "", "HANAMI_USER"),
    LoadOption(
        "password", "password of the user; better in the variable HANAMI_PASSWORD", "", "HANAMI_PASSWORD", secret=True
    ),
    LoadOption("token", "token of the user, in place of user and password", "", "HANAMI_TOKEN", secret=True),
    LoadOption(
        "dialect",
        f"what the server speaks: {', '.join(dialect_names())}; '{AUTO}' asks the server; or the path of a .toml file",
        AUTO,
        "HANAMI_DIALECT",
    ),
    LoadOption("model", "closed: as fast as answers come; open: by a plan of due times", MODELS[0], "", MODELS),
    LoadOption("rate", "open model: messages a second of each user, or files a minute of each uploading user", "50"),
    LoadOption("arrivals", "open model: gaps between due times", ARRIVALS[0], "", ARRIVALS),
    LoadOption("window", "most messages that are sent and not answered, of each socket", "4"),
    LoadOption("chunk-size", "data of a chunk", "128KiB"),
    LoadOption("file-size", "size of an uploaded file, about", "1MiB"),
    LoadOption("inputs", "values of each input brick of a cluster, such as 784 or 100,50", "784"),
    LoadOption("outputs", "values of each output brick of a cluster", "10"),
    LoadOption("hidden", "neurons of the internal brick of a cluster", "400"),
    LoadOption("limits", "file of the limits, in TOML; without one, nothing may be wrong, failed or unanswered", ""),
    LoadOption("sockets", "most websockets at the same time, over all users; 0 for no limit", "0"),
    LoadOption("warm-up", "seconds at the beginning that are not measured", "1"),
    LoadOption("deadline", "seconds that any wait for the target may take", "10", "HANAMI_DEADLINE"),
    LoadOption("drain", "seconds that missing answers are waited for at the end", "10"),
    LoadOption("seed", "number that plans and orders follow from", "0"),
    LoadOption("ca-file", "PEM file of the authority that signed the server's certificate", "", "HANAMI_CA_FILE"),
    LoadOption("insecure", "do not check the server's certificate", "", "HANAMI_INSECURE", switch=True),
    LoadOption("report-dir", "folder for the reports", str(DEFAULT_REPORT_DIR), "HANAMI_LOAD_REPORT_DIR", form=False),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add our options to the parser of Locust."""
    for option in LOAD_OPTIONS:
        parser.add_argument(f"--{option.name}", **option.arguments())
