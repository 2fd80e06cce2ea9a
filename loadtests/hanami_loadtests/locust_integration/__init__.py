"""The integration into Locust. Nothing outside this folder and the locustfile imports it."""
