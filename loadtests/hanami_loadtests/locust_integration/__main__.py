"""Locust as ``hanami-load`` starts it: no settings but those on its command line."""

from __future__ import annotations

import contextlib
import resource
import sys
from functools import partial

from locust import argument_parser

# Otherwise ~/.locust.conf, ./locust.conf and ./pyproject.toml, written for other load tests, could change the run.
argument_parser.get_empty_argument_parser = partial(argument_parser.get_empty_argument_parser, default_config_files=())
argument_parser.get_parser = partial(argument_parser.get_parser, default_config_files=())

from locust.main import main  # noqa: E402 - it takes the functions above from their module

if __name__ == "__main__":
    with contextlib.suppress(ValueError, OSError):  # each user needs two or three descriptors
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sys.argv[0] = "locust"  # as its messages begin
    sys.exit(main())
