"""The options of a run: one table for the console command, for pytest and for settings files.

Every session of pytest in an environment with the suite loads this module, so it imports nothing of the suite.
"""

from __future__ import annotations

from pathlib import Path

from hanami_proto.options import Option, boolean, choice, number, whole_number

DEFAULT_CONFIG = "hanami-conformance.toml"
REFERENCE = "reference"
AUTO = "auto"  # in place of a dialect: ask the target
DIALECTS = (
    "documented",
    "hanami-0.4",
    "openhanami-0.5",
    "openhanami-0.6",
    "openhanami-0.7",
)  # that come with the suite, the default first
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
MOST_WORKERS = 64
DURABLE = ("none", "datasets", "all")  # each includes those before it

TARGET = Option(
    "target",
    f"address of the server, http://HOST:PORT; '{REFERENCE}' starts the bundled reference backend",
    "URL",
    "HANAMI_TARGET",
)
DURABILITY = Option(
    "durable",
    "what the server keeps over a restart: none; datasets, once they are finalized; all, also uploads and clusters."
    " What is declared is judged, where the suite starts the server",
    "WHAT",
    "HANAMI_DURABLE",
    default=DURABLE[0],
    convert=choice(DURABLE),
)
USER = Option("user", "user of the target", "ID", "HANAMI_USER")
PASSWORD = Option(
    "password", "password of the user; better given by the environment", "PASSWORD", "HANAMI_PASSWORD", secret=True
)
TOKEN = Option("token", "token of the user, in place of user and password", "TOKEN", "HANAMI_TOKEN", secret=True)
DIALECT = Option(
    "dialect",
    f"what the server speaks: {', '.join(DIALECTS)}; '{AUTO}' asks the server; or the path of a .toml file",
    "NAME",
    "HANAMI_DIALECT",
    default_note=DIALECTS[0],
    path=True,
)
DEADLINE = Option(
    "deadline",
    "seconds that any wait for the target may take",
    "SECONDS",
    "HANAMI_DEADLINE",
    default="10",
    kind="number",
    convert=number(0.1),
)
CA_FILE = Option(
    "ca-file",
    "PEM file of the authority that signed the server's certificate",
    "FILE",
    "HANAMI_CA_FILE",
    convert=Path,
    path=True,
)
INSECURE = Option(
    "insecure", "do not check the server's certificate", "", "HANAMI_INSECURE", kind="switch", convert=boolean
)


def worker_number(text: str) -> int:
    """Return a number of workers, 0 for one for each processor.

    Raises:
        OptionError: If it is none.
    """
    return 0 if text.lower() == AUTO else whole_number(1, MOST_WORKERS)(text)


WORKERS = Option(
    "workers",
    f"processes that run cases beside each other, within the limit of connections; '{AUTO}' for one a processor",
    "N",
    "HANAMI_WORKERS",
    default="1",
    convert=worker_number,
)

_TARGET: tuple[Option, ...] = (
    TARGET,
    USER,
    PASSWORD,
    TOKEN,
    Option("second-user", "user of another project, for the isolation requirements", "ID", "HANAMI_SECOND_USER"),
    Option("second-password", "password of the second user", "PASSWORD", "HANAMI_SECOND_PASSWORD", secret=True),
    Option("second-token", "token of the second user", "TOKEN", "HANAMI_SECOND_TOKEN", secret=True),
    Option("expired-token", "a token that was valid once, for ATT-3", "TOKEN", "HANAMI_EXPIRED_TOKEN", secret=True),
    DIALECT,
    DEADLINE,
    Option(
        "max-connections",
        "most websockets at the same time",
        "N",
        "HANAMI_MAX_CONNECTIONS",
        default_note="limit of the dialect; 8 for the reference backend",
        kind="number",
        convert=whole_number(1),
    ),
    CA_FILE,
    INSECURE,
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
SERVER_COMMAND = Option(
    "server-command",
    "command that starts the server, without a shell; it is restarted after a crash, and stopped at the end",
    "COMMAND",
    "HANAMI_SERVER_COMMAND",
)
SERVER_READY = Option(
    "server-timeout",
    "seconds that the server may take until it is ready",
    "SECONDS",
    "HANAMI_SERVER_TIMEOUT",
    default=f"{SERVER_TIMEOUT:g}",
    kind="number",
    convert=number(0.1),
)
_SERVER: tuple[Option, ...] = (
    SERVER_COMMAND,
    SERVER_READY,
    DURABILITY,
    Option(
        "allow-destructive",
        "also send what may crash a fragile server, such as malformed frames",
        "",
        "HANAMI_ALLOW_DESTRUCTIVE",
        default_note="only to servers on this machine's loopback, and to those that the suite starts",
        kind="switch",
        convert=boolean,
    ),
)
_RUN: tuple[Option, ...] = (
    Option(
        "profile",
        "how much is tried: " + "; ".join(f"{name}, {title}" for name, title in PROFILES.items()),
        "NAME",
        "HANAMI_PROFILE",
        default=DEFAULT_PROFILE,
        convert=choice(PROFILES),
    ),
    Option(
        "seed",
        "seed of the sequences; deep prints the one that it took",
        "N",
        "HANAMI_SEED",
        kind="number",
        convert=whole_number(0),
    ),
    Option(
        "minutes",
        "how long deep runs sequences, all properties together",
        "N",
        "HANAMI_MINUTES",
        default_note=f"{DEFAULT_MINUTES:g}",
        kind="number",
        convert=number(0.01),
    ),
    Option(
        "database",
        f"folder of failing sequences, which are run first next time; '{NO_DATABASE}' for none",
        "DIR",
        "HANAMI_DATABASE",
        default=str(DEFAULT_DATABASE),
        path=True,
    ),
    Option(
        "shrink",
        "seconds to shrink a failing sequence; 0 keeps it as it was found",
        "SECONDS",
        "HANAMI_SHRINK",
        default_note="that of the profile",
        kind="number",
        convert=number(0),
    ),
    WORKERS,
    Option("requirement", "check only this requirement (PROG-2) or family (PROG); repeatable", "ID", many=True),
    Option(
        "level",
        "lowest level that decides the exit status, must or should",
        "LEVEL",
        "HANAMI_LEVEL",
        default="should",
        convert=choice(("must", "should")),
    ),
    Option(
        "known",
        "list of failures that are known, and so count as green: a TOML file, or the name of a released server",
        "FILE",
        "HANAMI_KNOWN",
        convert=Path,
        path=True,
    ),
    Option(
        "events",
        "file for all events of all cases, passed ones included: NDJSON, one JSON object a line",
        "FILE",
        "HANAMI_EVENTS",
        convert=Path,
        path=True,
    ),
    Option(
        "report-dir",
        "folder for the reports",
        "DIR",
        "HANAMI_REPORT_DIR",
        default=str(DEFAULT_REPORT_DIR),
        convert=Path,
        path=True,
    ),
)
CONFIG = Option(
    "config",
    "settings file",
    "FILE",
    "HANAMI_CONFIG",
    default_note=f"{DEFAULT_CONFIG} in the current folder, if it exists",
)
SECTIONS = {"target": (*_TARGET, *_SERVER), "run": _RUN}
TARGET_OPTIONS = (*_TARGET, *_SERVER, CONFIG)
OPTIONS: tuple[Option, ...] = (*_TARGET, *_SERVER, *_RUN, CONFIG)
