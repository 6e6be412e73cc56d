"""One file a peer. To add one, write it and name it here."""

from __future__ import annotations

from harness.peer import Peer
from peers.clickhouse import ClickHouse
from peers.croaring import CRoaring
from peers.dauphin import Dauphin
from peers.duckdb import DuckDB
from peers.postgresql import PostgreSQL
from peers.redis import Redis

PEERS: list[type[Peer]] = [Dauphin, CRoaring, Redis, ClickHouse, DuckDB, PostgreSQL]
