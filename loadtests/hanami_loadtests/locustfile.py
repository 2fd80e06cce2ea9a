"""Load tests of a Hanami backend: ``locust -f loadtests/hanami_loadtests/locustfile.py --host http://HOST:PORT``."""

from __future__ import annotations

from locust import events

from hanami_loadtests.options import add_options
from hanami_loadtests.swarm.install import begin, install
from hanami_loadtests.swarm.users import user_classes

globals().update(user_classes())  # Locust looks for classes in this module
events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(install)
events.test_start.add_listener(begin)
