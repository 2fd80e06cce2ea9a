"""The fixture for tests of users."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator

import pytest

from hanami_conformance.cases.failures import TargetDown, TargetRejectedConfiguration
from hanami_conformance.cases.recording import begin_case, end_case
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.server.open import temporary_target
from hanami_conformance.session.pytest_options import resolve_pytest_options, spelled
from hanami_reports.model.conformance import ExitStatus


def open_resources(config: pytest.Config) -> Iterator[ResourceFactory]:
    """Yield a resource factory at the target that the options of pytest name; the exchange is printed at the end.

    Raises:
        pytest.exit.Exception: If an option is wrong (status 4), the target cannot be reached (status 6), or this
            machine lacks what that needs (status 3).
    """
    try:
        options = resolve_pytest_options(config)
        with temporary_target(options) as target:
            case = begin_case("user test")
            resources = ResourceFactory(target, secrets.token_hex(4))
            try:
                yield resources
            finally:
                events = case.exchange()
                resources.clean()
                end_case()
                for event in events:
                    sys.stdout.write(f"{event.line()}\n")
    except (ValueError, TargetRejectedConfiguration) as error:
        pytest.exit(spelled(config, str(error)), returncode=ExitStatus.USAGE)
    except TargetDown as error:
        pytest.exit(spelled(config, str(error)), returncode=ExitStatus.TARGET_LOST)
    except MachineShortage as shortage:
        pytest.exit(str(shortage), returncode=ExitStatus.SUITE_FAULT)
