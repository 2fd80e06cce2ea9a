"""TLS: how the certificate of a target is checked, the same for REST, websockets and bare connections."""

from __future__ import annotations

import ssl
from pathlib import Path

HINT = "give --ca-file FILE with the authority that signed it, or --insecure"


def context_for(url: str, ca_file: Path | None = None, *, insecure: bool = False) -> ssl.SSLContext | None:
    """What a connection to an address needs, None where it is not encrypted.

    Args:
        url: ``http://`` or ``https://`` address.
        ca_file: PEM file of the authorities that are trusted in place of those of the system.
        insecure: whether any certificate will do.

    Raises:
        ValueError: the file holds no certificates, or cannot be read; one line.
    """
    if not url.startswith("https"):
        return None
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError as error:
        raise ValueError(f"--ca-file {ca_file}: no certificates in PEM form") from error
    except OSError as error:
        raise ValueError(f"--ca-file {ca_file}: {error.strerror or error}") from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def explain(error: Exception) -> str:
    """What went wrong with a connection, and what helps where it is the certificate."""
    text = str(error)
    return f"{text}; {HINT}" if "CERTIFICATE_VERIFY_FAILED" in text else text
