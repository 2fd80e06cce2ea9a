"""Everything that a locustfile imports: the user classes and the listeners."""

from __future__ import annotations

from locust import events

from hanami_loadtests.locust_integration.install import begin, install
from hanami_loadtests.locust_integration.users import user_classes
from hanami_loadtests.options import add_options

globals().update(user_classes())  # Locust looks for classes in this module
events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(install)
events.test_start.add_listener(begin)
