"""The ASGI application and its server."""
