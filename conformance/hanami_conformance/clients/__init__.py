"""The wire: REST, websocket and raw TCP, each wait with a deadline and each read with a limit."""
