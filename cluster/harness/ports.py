"""Ports on loopback that stay ours while what listens on them is away."""

import random
import socket

HOST = "127.0.0.1"
FIRST, END = 15_000, 32_000
"""Below the ports that the system gives to outgoing connections: one of those would keep a restarted broker out."""
TRIES_MAX = 1_000
given: set[int] = set()
"""Those that somebody here has, whether or not anything listens on them yet."""


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on and nobody was given."""
    ports: list[int] = []
    for port in random.SystemRandom().sample(range(FIRST, END), TRIES_MAX):
        if len(ports) == count:
            given.update(ports)
            return ports
        if port not in given and is_free(port):
            ports.append(port)
    raise RuntimeError(f"of {TRIES_MAX} ports tried only {len(ports)} are free, {count} are needed")


def is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError:
            return False
    return True
