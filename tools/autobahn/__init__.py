"""The Autobahn test suite against the websockets of the reference backend."""
