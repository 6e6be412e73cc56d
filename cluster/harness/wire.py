"""As much of the brokers' protocol as it takes to see whether they are there."""

import socket
import struct

METADATA = 3
METADATA_VERSION = 1
ANSWER_SECONDS_MAX = 2
NO_TOPICS = 0


def known_brokers(host: str, port: int) -> set[int]:
    """The brokers that this one would send a client to; none while it does not answer or knows no controller."""
    client = b"dauphin"
    request = struct.pack(f">hhih{len(client)}si", METADATA, METADATA_VERSION, 1, len(client), client, NO_TOPICS)
    try:
        with socket.create_connection((host, port), ANSWER_SECONDS_MAX) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (length,) = struct.unpack(">i", _exactly(connection, 4))
            return _brokers_of(_exactly(connection, length))
    except OSError:
        return set()


def _brokers_of(answer: bytes) -> set[int]:
    (count,) = struct.unpack_from(">i", answer, 4)
    offset = 8
    brokers = set()
    for _ in range(count):
        number, host_length = struct.unpack_from(">ih", answer, offset)
        # Number, host, port, and a rack that may be absent (-1).
        offset += 6 + host_length + 4
        (rack_length,) = struct.unpack_from(">h", answer, offset)
        offset += 2 + max(rack_length, 0)
        brokers.add(number)
    (controller,) = struct.unpack_from(">i", answer, offset)
    return brokers if controller >= 0 else set()


def _exactly(connection: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        chunk = connection.recv(count - len(read))
        if not chunk:
            raise ConnectionError(f"closed after {len(read)} of {count} bytes")
        read += chunk
    return read
