"""A connection that is kept alive, and the least that can use it: what is measured should be the server."""

from __future__ import annotations

import socket

HEAD_END = b"\r\n\r\n"


class Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, request: bytes) -> bytes:
        """Sends a whole request and returns the body of the answer. Anything but success is an error."""
        self.socket.sendall(request)
        received = self.socket.recv(1 << 16)
        while (head_end := received.find(HEAD_END)) < 0:
            received += self._more()
        head, body = received[:head_end], received[head_end + len(HEAD_END) :]
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"the server answers {received[:500]!r}")
        size = content_length(head)
        while len(body) < size:
            body += self._more()
        return body

    def _more(self) -> bytes:
        part = self.socket.recv(1 << 16)
        if not part:
            raise RuntimeError("the server closed the connection")
        return part


def content_length(head: bytes) -> int:
    lower = head.lower()
    start = lower.index(b"content-length:") + len(b"content-length:")
    return int(lower[start:].split(b"\r\n", 1)[0])


def request(method: str, target: str, key: str, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
    if method == "POST":
        head += f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body
