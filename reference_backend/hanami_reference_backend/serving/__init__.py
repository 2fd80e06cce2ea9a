"""The application on a port: FastAPI application, uvicorn protocols, server."""
