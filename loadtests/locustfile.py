"""Load tests of a Hanami backend: ``locust -f locustfile.py --host http://HOST:PORT``."""

from hanami_loadtests.locustfile import *  # noqa: F403 - Locust looks for classes of users in this module
