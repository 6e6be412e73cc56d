"""The command: makes the data, runs every peer in every part, compares what they count, and writes the page."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import page
from harness.agree import agreement
from harness.data import DESCRIPTION, Data
from harness.install import CACHE, ROOT, debian, program, say
from harness.machine import cores, machine, memory_bytes
from harness.parts import PARTS
from harness.process import STOP_SECONDS_MAX
from peers import PEERS
from peers.dauphin import PROGRAM

JOB_SECONDS_MAX = 900
GROWTH_BYTES_A_USER = 1_200
"""Disk that growth takes: files, and a data directory."""
GROWTH_FILES = "parquet,numbers"
QUICK_USERS = 20_000


@dataclass
class Options:
    users: int
    growth_users: int
    parts: list[str]
    peers: list[str]
    seed: int
    seconds: float
    imports: int
    is_resumed: bool
    is_whole: bool
    """Every part and every peer."""
    installs: bool
    place: Path
    output: Path


def options() -> Options:
    parser = argparse.ArgumentParser(prog="./bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_USERS} users and one run of each: proves that it works"
    )
    parser.add_argument("--users", type=int, help="people to make up, 10000 to 10000000 [default: 1000000]")
    parser.add_argument(
        "--growth-users", type=int, help="people in the part `growth`; 0 leaves it out [default: 10000000]"
    )
    parser.add_argument("--only", type=names_of(list(PARTS)), help=f"of {','.join(PARTS)}")
    peers = [peer.name for peer in PEERS]
    parser.add_argument("--peers", type=names_of(peers), default=peers, help=f"of {','.join(peers)}")
    parser.add_argument("--resume", action="store_true", help="keep what an earlier run measured")
    parser.add_argument("--seed", type=int, default=1, help="what the made-up activity follows from [default: 1]")
    parser.add_argument("--no-install", action="store_true", help="install none of Debian's packages")
    parser.add_argument("--place", type=Path, help="where databases live while they are measured [default: /var/tmp]")
    parser.add_argument("--output", type=Path, help="the page to write [default: docs/benchmarks.md]")
    read = parser.parse_args()
    users = read.users or (QUICK_USERS if read.quick else 1_000_000)
    growth = read.growth_users if read.growth_users is not None else 0 if read.quick else 10_000_000
    parts = read.only or list(PARTS)
    if not growth:
        parts = [part for part in parts if part != "growth"]
    var_tmp = Path("/var/tmp")
    return Options(
        users=users,
        growth_users=growth,
        parts=parts,
        peers=read.peers,
        seed=read.seed,
        seconds=0.2 if read.quick else 8.0,
        imports=1 if read.quick else 3,
        is_resumed=read.resume,
        is_whole=read.only is None and read.peers == peers,
        installs=not read.no_install,
        # What is in memory only would make every sync look free.
        place=read.place or (var_tmp if var_tmp.is_dir() else Path(tempfile.gettempdir())),
        output=read.output or (CACHE / "quick.md" if read.quick else ROOT / "docs" / "benchmarks.md"),
    )


def names_of(known: list[str]) -> Any:
    def read(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"`{','.join(sorted(unknown))}` is none of {','.join(known)}")
        return names

    return read


def main() -> int:
    chosen = options()
    # So that what was started is ended, whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.environ[PROGRAM] = str(program())
    started = time.perf_counter()
    if chosen.installs:
        for peer in PEERS:
            if peer.name in chosen.peers:
                debian(peer.packages())
    results = CACHE / f"results-{chosen.users}-{chosen.seed}"
    if chosen.is_whole and not chosen.is_resumed:
        shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True, exist_ok=True)
    (results / "machine.json").write_text(json.dumps(machine(chosen.place.resolve())))
    for part in chosen.parts:
        run_part(part, chosen, results)
    say(f"measured in {time.perf_counter() - started:.0f} s")
    return tell(chosen, results)


def run_part(part: str, chosen: Options, results: Path) -> None:
    peers = [peer for peer in PEERS if part in peer.parts and peer.name in chosen.peers]
    outs = {peer: results / f"{part}-{peer.name}.json" for peer in peers}
    waiting = [peer for peer in peers if not (chosen.is_resumed and is_measured(outs[peer]))]
    for peer in waiting:
        outs[peer].unlink(missing_ok=True)
    if not waiting:
        return
    say(f"{part}")
    if part == "growth":
        if reason := no_growth(chosen):
            for peer in waiting:
                told = {"part": part, "peer": peer.name, "title": peer.title, "skipped": reason}
                outs[peer].write_text(json.dumps(told))
            return
        data = make_data(chosen.growth_users, chosen.seed, GROWTH_FILES)
    else:
        data = make_data(chosen.users, chosen.seed, None)
    for peer in waiting:
        say(f"  {peer.title}")
        run_job(part, peer.name, data, outs[peer], chosen)
    if part == "growth":
        shutil.rmtree(data.folder)


def is_measured(out: Path) -> bool:
    return out.exists() and "failed" not in json.loads(out.read_text())


def no_growth(chosen: Options) -> str | None:
    """Why this machine is too small for the part `growth`."""
    needed = chosen.growth_users * GROWTH_BYTES_A_USER
    CACHE.mkdir(parents=True, exist_ok=True)
    for what, there in [
        ("memory", memory_bytes()),
        (f"disk at {CACHE}", shutil.disk_usage(CACHE).free),
        (f"disk at {chosen.place}", shutil.disk_usage(chosen.place).free),
    ]:
        if there < needed:
            return f"{chosen.growth_users} users need {needed >> 30} GiB of {what}, there are {there >> 30}"
    return None


def make_data(users: int, seed: int, files: str | None) -> Data:
    """Written once, by this build of the program, and used by all parts."""
    binary = Path(os.environ[PROGRAM])
    made_by = hashlib.sha256(binary.read_bytes()).hexdigest()[:16]
    folder = CACHE / f"data-{users}-{seed}"
    done = folder / "made-by"
    if not done.exists() or done.read_text() != made_by:
        say(f"  making up {users} people")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [binary, "bench", "--users", users, "--write", folder, "--seed", seed]
        command += ["--write-files", files] if files else []
        told = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
        (folder / DESCRIPTION).write_text(told)
        done.write_text(made_by)
    return Data.read(folder)


def run_job(part: str, peer: str, data: Data, out: Path, chosen: Options) -> None:
    with tempfile.TemporaryDirectory(prefix="dauphin-bench-", dir=chosen.place, ignore_cleanup_errors=True) as place:
        # A server that must not be root has to reach its folder in here.
        os.chmod(place, 0o711)
        words = [part, peer, data.folder, place, out, cores(), chosen.seconds, chosen.imports]
        job = subprocess.Popen([sys.executable, "-m", "harness.job", *map(str, words)], cwd=place)
        try:
            job.wait(JOB_SECONDS_MAX)
            reason = f"ended with {job.returncode}"
        except subprocess.TimeoutExpired:
            reason = f"took longer than {JOB_SECONDS_MAX} seconds"
        finally:
            end(job)
    if not out.exists():
        out.write_text(json.dumps({"part": part, "peer": peer, "title": peer, "failed": reason}))


def end(job: subprocess.Popen[bytes]) -> None:
    """Lets a job end what it started, unless it does not listen."""
    job.terminate()
    try:
        job.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        job.kill()
        job.wait()


def tell(chosen: Options, results: Path) -> int:
    """Compares all results there are, writes the page, and sums up."""
    order = [peer.name for peer in PEERS]
    found = [json.loads(file.read_text()) for file in results.glob("*-*.json")]
    found.sort(key=lambda result: (list(PARTS).index(result["part"]), order.index(result["peer"])))
    agreements = [agreement(part, [result for result in found if result["part"] == part]) for part in PARTS]
    for each in agreements:
        for difference in each.differences:
            print(f"not ok {each.part}: {difference}")
        if each.numbers and not each.differences:
            print(f"ok {each.part}: {len(each.ways)} exact ways agree on {each.numbers} numbers")
    for result in found:
        for outcome in ("skipped", "failed"):
            if outcome in result:
                print(f"{outcome}: {result['part']}, {result['title']}: {result[outcome]}")
    told = json.loads((results / "machine.json").read_text())
    page.write(chosen.output, found, agreements, told)
    print(f"wrote {chosen.output}")
    skipped = sum("skipped" in result for result in found)
    broken = sum("failed" in result for result in found)
    failed = broken + sum(bool(each.differences) for each in agreements)
    print(f"{len(found) - skipped - broken} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
