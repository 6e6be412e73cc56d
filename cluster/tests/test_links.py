"""A link passes bytes on, or fails in the way it is told to."""

import socket
import unittest
from contextlib import suppress
from threading import Thread

from harness.brokers import Listener
from harness.links import Links
from harness.ports import HOST, free_ports

SILENT_SECONDS = 0.2
"""How long is listened for what must not come."""
ANSWER_SECONDS_MAX = 10.0


class LinkTest(unittest.TestCase):
    def setUp(self) -> None:
        self.broker = socket.create_server((HOST, 0))
        self.heard: list[bytes] = []
        Thread(target=self.echo, daemon=True).start()
        (self.port,) = free_ports(1)
        self.links = Links()
        (self.link,) = self.links.open([Listener("LINK1", self.broker.getsockname()[1], self.port)])
        self.addCleanup(self.links.end)
        self.addCleanup(self.links.run, self.link.refuse())
        self.addCleanup(self.broker.close)
        self.client = self.connect()

    def echo(self) -> None:
        """As a broker that says again what it hears, on each connection."""
        with suppress(OSError):
            while True:
                connection, _ = self.broker.accept()
                Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while heard := connection.recv(100):
                self.heard.append(heard)
                connection.sendall(heard)

    def connect(self) -> socket.socket:
        client = socket.create_connection((HOST, self.port), ANSWER_SECONDS_MAX)
        self.addCleanup(client.close)
        return client

    def silent(self) -> bool:
        """Whether nothing comes for a while."""
        self.client.settimeout(SILENT_SECONDS)
        try:
            return not self.client.recv(100)
        except TimeoutError:
            return True
        finally:
            self.client.settimeout(ANSWER_SECONDS_MAX)

    def test_passes_both_ways(self) -> None:
        self.client.sendall(b"one")
        self.assertEqual(self.client.recv(100), b"one")

    def test_a_stalled_link_delivers_once_it_heals(self) -> None:
        self.links.run(self.link.stall())
        self.client.sendall(b"one")
        self.assertTrue(self.silent())
        self.assertEqual(self.heard, [])
        self.links.run(self.link.heal())
        self.assertEqual(self.client.recv(100), b"one")

    def test_a_muted_link_delivers_requests_only(self) -> None:
        self.links.run(self.link.mute())
        self.client.sendall(b"one")
        self.assertTrue(self.silent())
        self.assertEqual(self.heard, [b"one"])
        self.links.run(self.link.heal())
        self.assertEqual(self.client.recv(100), b"one")

    def test_a_cut_link_breaks_and_takes_new_connections(self) -> None:
        self.client.sendall(b"one")
        self.assertEqual(self.client.recv(100), b"one")
        self.links.run(self.link.cut())
        with self.assertRaises(ConnectionResetError):
            self.client.recv(100)
        again = self.connect()
        again.sendall(b"two")
        self.assertEqual(again.recv(100), b"two")

    def test_a_refusing_link_is_there_again_once_it_heals(self) -> None:
        self.links.run(self.link.refuse())
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.links.run(self.link.heal())
        again = self.connect()
        again.sendall(b"two")
        self.assertEqual(again.recv(100), b"two")

    def test_the_end_of_one_side_reaches_the_other(self) -> None:
        self.client.sendall(b"one")
        self.assertEqual(self.client.recv(100), b"one")
        self.client.shutdown(socket.SHUT_WR)
        self.assertEqual(self.client.recv(100), b"")
