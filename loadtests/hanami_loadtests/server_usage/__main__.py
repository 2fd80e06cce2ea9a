"""A small program that answers each line of its input, the id of a process, with a sample of it and its children.

It is a process of its own so that reading the tables of the system delays no message of the load generator. It ends
with its input, even where the process that started it was killed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from hanami_loadtests.server_usage.process_tree import ProcessTree
from hanami_reports.model.loading import plain


def main() -> None:
    """Answer until the end of the input; a process that is gone is answered without a sample."""
    tree: ProcessTree | None = None
    known = ""
    for line in sys.stdin:
        answer: dict[str, Any] = {"name": "", "sample": None}
        try:
            if tree is None or line != known:
                tree, known = ProcessTree(int(line)), line
            answer = {"name": tree.name, "sample": plain(tree.sample())}
        except ProcessLookupError:
            tree = None
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
