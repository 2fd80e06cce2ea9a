"""Both ends of a websocket on the Sans-I/O layer of ``websockets``, with a close frame allowed between fragments."""

from __future__ import annotations

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol
from websockets.server import ServerProtocol


class _CloseBetweenFragments(Protocol):
    """Answers a close frame in the middle of a fragmented message by its own code.

    Control frames may stand between fragments (RFC 6455, 5.4), and a peer that wants to leave need not finish its
    message first. The library calls that an error of the peer and answers 1002.
    """

    def recv_frame(self, frame: Frame) -> None:
        """Process a received frame; a close frame ends the message that it interrupts."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None  # size of the fragments so far; None between messages
        super().recv_frame(frame)


class WebSocketClient(_CloseBetweenFragments, ClientProtocol):
    """The client's end."""


class WebSocketServer(_CloseBetweenFragments, ServerProtocol):
    """The server's end."""
