"""The options of a run: one table for the console command, for pytest and for settings files.

Loaded in every pytest session of an environment in which the suite is installed, so it imports nothing of the suite.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["text", "number", "switch"]
PYTEST_PREFIX = "hanami-"  # of every option in pytest, where other projects have a --target and a --seed, too
ON = "1"  # value of a switch that is given
DEFAULT_CONFIG = "hanami-conformance.toml"
REFERENCE = "reference"
AUTO = "auto"  # in place of a dialect: ask the target
DIALECTS = ("documented", "hanami-0.4", "openhanami-0.5")  # that come with the suite, the default first
PROFILES = {
    "smoke": "one case of each test, few sequences",
    "gate": "every case, the same sequences in every run",
    "deep": "every case, other sequences in every run, for as long as asked",
}
DEFAULT_PROFILE = "gate"
DEFAULT_REPORT_DIR = Path("reports") / "latest"
DEFAULT_DATABASE = Path(".hypothesis") / "examples"
NO_DATABASE = "none"
DEFAULT_MINUTES = 10.0
SERVER_TIMEOUT = 60.0


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: without the dashes.
        help: one sentence.
        metavar: name of the value.
        environment: variable that is read where the option is not given, empty for none.
        default: what holds where neither is given, in words for the help.
        many: whether the option may be given several times.
        kind: what a settings file holds for it; the command line and the environment hold texts.
        secret: whether its value must never be shown. In a settings file ``NAME_env`` names a variable that holds it.
        path: whether its value is a file or a folder; in a settings file seen from the folder of that file.
    """

    name: str
    help: str
    metavar: str
    environment: str = ""
    default: str = ""
    many: bool = False
    kind: Kind = "text"
    secret: bool = False
    path: bool = False

    @property
    def flag(self) -> str:
        """As it is written on the command line."""
        return f"--{self.name}"

    @property
    def dest(self) -> str:
        """As argparse names it."""
        return self.name.replace("-", "_")

    @property
    def pytest_flag(self) -> str:
        """As it is written on the command line of pytest."""
        return f"--{PYTEST_PREFIX}{self.name}"

    @property
    def pytest_key(self) -> str:
        """As pytest names it: in ``config.option``, and in its settings file."""
        return f"{PYTEST_PREFIX}{self.name}".replace("-", "_")

    def arguments(self, dest: str = "") -> dict[str, Any]:
        """Return what ``add_argument`` of argparse, and ``addoption`` of pytest, take.

        Args:
            dest: Name of the attribute that holds the value, :attr:`dest` by default.
        """
        notes = [note for note in (self.default and f"default: {self.default}", self.environment) if note]
        text = f"{self.help} [{'; '.join(notes)}]" if notes else self.help
        if self.kind == "switch":
            return {"help": text, "dest": dest or self.dest, "action": "store_const", "const": ON, "default": None}
        action = {"action": "append", "default": []} if self.many else {"action": "store", "default": None}
        return {"help": text, "metavar": self.metavar, "dest": dest or self.dest, **action}

    def words(self, value: Any) -> list[str]:
        """Return how a value is given on the command line of pytest, nothing for none."""
        if self.many:
            return [f"{self.pytest_flag}={one}" for one in value]
        if value is None:
            return []
        return [self.pytest_flag] if self.kind == "switch" else [f"{self.pytest_flag}={value}"]


_TARGET: tuple[Option, ...] = (
    Option(
        "target",
        f"address of the server, http://HOST:PORT; '{REFERENCE}' starts the bundled reference backend",
        "URL",
        "HANAMI_TARGET",
    ),
    Option("user", "user of the target", "ID", "HANAMI_USER"),
    Option(
        "password",
        "password of the user; better given by the environment",
        "PASSWORD",
        "HANAMI_PASSWORD",
        secret=True,
    ),
    Option("token", "token of the user, in place of user and password", "TOKEN", "HANAMI_TOKEN", secret=True),
    Option("second-user", "user of another project, for the isolation requirements", "ID", "HANAMI_SECOND_USER"),
    Option("second-password", "password of the second user", "PASSWORD", "HANAMI_SECOND_PASSWORD", secret=True),
    Option("second-token", "token of the second user", "TOKEN", "HANAMI_SECOND_TOKEN", secret=True),
    Option("expired-token", "a token that was valid once, for ATT-3", "TOKEN", "HANAMI_EXPIRED_TOKEN", secret=True),
    Option(
        "dialect",
        f"what the server speaks: {', '.join(DIALECTS)}; '{AUTO}' asks the server; or the path of a .toml file",
        "NAME",
        "HANAMI_DIALECT",
        DIALECTS[0],
        path=True,
    ),
    Option(
        "deadline", "seconds that any wait for the target may take", "SECONDS", "HANAMI_DEADLINE", "10", kind="number"
    ),
    Option(
        "max-connections",
        "most websockets at the same time",
        "N",
        "HANAMI_MAX_CONNECTIONS",
        "what the dialect says; 8 for the reference backend",
        kind="number",
    ),
    Option(
        "ca-file", "PEM file of the authority that signed the server's certificate", "FILE", "HANAMI_CA_FILE", path=True
    ),
    Option("insecure", "do not check the server's certificate", "", "HANAMI_INSECURE", kind="switch"),
    Option("cluster", "a cluster to use, where the server makes none from a template", "UUID", "HANAMI_CLUSTER"),
    Option(
        "cluster-input",
        "input brick of that cluster and how many values it takes; repeatable",
        "NAME=SIZE",
        "HANAMI_CLUSTER_INPUT",
        many=True,
    ),
    Option(
        "cluster-output",
        "output brick of that cluster and how many values it gives; repeatable",
        "NAME=SIZE",
        "HANAMI_CLUSTER_OUTPUT",
        many=True,
    ),
)
_SERVER: tuple[Option, ...] = (
    Option(
        "server-command",
        "command that starts the server; it is restarted where a case ends it, and stopped at the end; no shell",
        "COMMAND",
        "HANAMI_SERVER_COMMAND",
    ),
    Option(
        "server-timeout",
        "seconds that the server may take until it is ready",
        "SECONDS",
        "HANAMI_SERVER_TIMEOUT",
        f"{SERVER_TIMEOUT:g}",
        kind="number",
    ),
    Option(
        "allow-destructive",
        "also send what may end a fragile server, such as malformed frames",
        "",
        "HANAMI_ALLOW_DESTRUCTIVE",
        "only to servers on this machine's loopback, and to those that the suite starts",
        kind="switch",
    ),
)
_RUN: tuple[Option, ...] = (
    Option(
        "profile",
        "how much is tried: " + "; ".join(f"{name}, {title}" for name, title in PROFILES.items()),
        "NAME",
        "HANAMI_PROFILE",
        DEFAULT_PROFILE,
    ),
    Option(
        "seed",
        "seed of the sequences; deep prints the one that it took",
        "N",
        "HANAMI_SEED",
        kind="number",
    ),
    Option(
        "minutes",
        "how long deep runs sequences, all properties together",
        "N",
        "HANAMI_MINUTES",
        f"{DEFAULT_MINUTES:g}",
        kind="number",
    ),
    Option(
        "database",
        f"folder of failing sequences, which are run first next time; '{NO_DATABASE}' for none",
        "DIR",
        "HANAMI_DATABASE",
        str(DEFAULT_DATABASE),
        path=True,
    ),
    Option(
        "shrink",
        "seconds to shrink a failing sequence; 0 keeps it as it was found",
        "SECONDS",
        "HANAMI_SHRINK",
        "what the profile says",
        kind="number",
    ),
    Option("requirement", "check only this requirement (PROG-2) or family (PROG); repeatable", "ID", many=True),
    Option(
        "level",
        "lowest level that decides the exit status, must or should",
        "LEVEL",
        "HANAMI_LEVEL",
        "should",
    ),
    Option(
        "known",
        "list of failures that are known, and so count as green: a TOML file",
        "FILE",
        "HANAMI_KNOWN",
        path=True,
    ),
    Option("report-dir", "folder for the reports", "DIR", "HANAMI_REPORT_DIR", str(DEFAULT_REPORT_DIR), path=True),
)
CONFIG = Option(
    "config", "settings file", "FILE", "HANAMI_CONFIG", f"{DEFAULT_CONFIG} in the current folder, if it exists"
)
SECTIONS = {"target": (*_TARGET, *_SERVER), "run": _RUN}
TARGET_OPTIONS = (*_TARGET, *_SERVER, CONFIG)
OPTIONS: tuple[Option, ...] = (*_TARGET, *_SERVER, *_RUN, CONFIG)
