"""The command: all clients, or those that are named."""

import argparse
from concurrent.futures import ThreadPoolExecutor, as_completed

from harness.clients import CLIENTS
from harness.drive import drive
from harness.server import binary

AT_ONCE = 2
"""While one client is installed, another is driven."""


def main(arguments: list[str]) -> int:
    """Prints what each client came to, then the sums; 1 if any failed."""
    parser = argparse.ArgumentParser(prog="clients/run", description="Drive real clients against a real server.")
    parser.add_argument("name", nargs="*", help="drive only these: " + ", ".join(client.name for client in CLIENTS))
    names = parser.parse_args(arguments).name
    if unknown := set(names) - {client.name for client in CLIENTS}:
        parser.error(f"no such client: {', '.join(sorted(unknown))}")

    program = binary()
    chosen = [client for client in CLIENTS if not names or client.name in names]
    outcomes = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for driven in as_completed([pool.submit(drive, client, program) for client in chosen]):
            outcomes.append(driven.result())
            print(outcomes[-1], flush=True)

    failed = sum(bool(outcome.failed) for outcome in outcomes)
    skipped = sum(bool(outcome.skipped) for outcome in outcomes)
    sums = f"{len(outcomes) - failed - skipped} passed, {failed} failed"
    print(f"{sums}, {skipped} skipped" if skipped else sums)
    return 1 if failed else 0
