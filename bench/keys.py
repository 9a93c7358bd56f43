#!/usr/bin/env python3
"""Measures key verification over HTTP and prints what it found as Markdown.

Beside the same server's bare route, asked without a body and with the very requests of the verification
(what these cost wrk, the kernel and HTTP itself when nobody reads them), and beside better-auth's API-key
plugin, at 1,000 and at 100,000 keys. Everything is interleaved in one run, since a machine's speed drifts: of each
figure the median of the rounds is shown, with the lowest and the highest. wrk and the server share the
machine's cores, so the figures are floors; the ratios are what to look at.

Needs wrk, node and target/release/keyward: `make bench` sees to all of them.
"""

import argparse
import hashlib
import json
import os
import random
import secrets
import shutil
import statistics
import string
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from measure import BENCH, CONNECTIONS, ROOT, Contender, cpu, first_answer_ms, ratio, resident_mb, say, spread

sys.path.insert(0, str(ROOT / "tests" / "clients"))
from keyward_server import Server, free_port  # noqa: E402

ADMIN = "admin@example.com"
PASSWORD = "Bench-" + secrets.token_urlsafe(12) + "-1"
USERS = 100
IMPORT_BATCH = 1000


class Keyward:
    """A Keyward server with `count` keys, imported as an organisation would bring its own."""

    def __init__(self, binary: Path, folder: Path, count: int):
        self.folder = folder
        folder.mkdir()
        self.server = Server(
            binary, folder / "data", admin_email=ADMIN, admin_password=PASSWORD, bench_hello="true"
        ).start()
        must, admin = self.server.must, self.server.sign_in(ADMIN, PASSWORD)

        role = {
            "name": "bench",
            "description": "Benchmark",
            "permissions": ["read:database"],
            "mfa_required": False,
        }
        must("POST", "/api/v1/roles", role, admin)
        for index in range(USERS):
            must("PUT", f"/api/v1/users/bench-user-{index}/roles", {"roles": ["bench"]}, admin)
        keys = ["vams_" + secrets.token_urlsafe(48) for _ in range(count)]
        for start in range(0, count, IMPORT_BATCH):
            batch = [
                {
                    "name": f"key {start + index}",
                    "user": f"bench-user-{(start + index) % USERS}",
                    "description": "Benchmark",
                    "sha256": hashlib.sha256(key.encode()).hexdigest(),
                }
                for index, key in enumerate(keys[start : start + IMPORT_BATCH])
            ]
            must("POST", "/api/v1/api-keys/import", {"keys": batch}, admin)

        must("PUT", "/api/v1/users/bench-service/roles", {"roles": ["SERVICE"]}, admin)
        service = {"name": "service", "user": "bench-service", "description": "Asks for the benchmark"}
        self.authorization = must("POST", "/api/v1/api-keys", service, admin)["secret"]
        write_requests(folder, keys, '{"credential":"KEY"}', self.authorization)
        self.sample = random.sample(keys, 50)

        # A fresh start, so that the idle memory isn't that of the import.
        self.server.stop()
        self.server.start()

    def check(self) -> None:
        """Whether the answers that are counted are the right ones."""
        for key in [*self.sample, "vams_" + secrets.token_urlsafe(48)]:
            _, answer = self.server.json("POST", "/api/v1/verify", {"credential": key}, self.authorization)
            if answer.get("allowed") is not (key in self.sample):
                raise SystemExit(f"error: Keyward answers {answer}")

    def verify(self, count: int) -> Contender:
        url = f"{self.server.url}/api/v1/verify"
        return Contender(f"Keyward, {count:,} keys", url, ["verify", str(self.folder)])

    def hello(self, count: int) -> Contender:
        return Contender(f"bare route beside {count:,} keys", f"{self.server.url}/hello", ["plain", ""])

    def unread(self, count: int) -> Contender:
        name = f"bare route, the same requests, {count:,} keys"
        return Contender(name, f"{self.server.url}/hello", ["verify", str(self.folder)])

    def stop(self) -> None:
        self.server.stop()


class BetterAuth:
    """better-auth's API-key plugin with `count` keys."""

    def __init__(self, folder: Path, count: int):
        self.folder = folder
        folder.mkdir()
        keys = ["".join(secrets.choice(string.ascii_letters) for _ in range(64)) for _ in range(count)]
        write_requests(folder, keys, '{"key":"KEY"}', None)
        self.sample = random.sample(keys, 50)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            ["node", "server.mjs", str(folder), str(port)],
            cwd=BENCH / "better-auth",
            env={**os.environ, "NODE_ENV": "production"},
            stdout=subprocess.PIPE,
        )
        if b"listening" not in self.process.stdout.readline():
            raise SystemExit("error: the better-auth server didn't start")
        self.pid = self.process.pid

    def check(self) -> None:
        for key in [*self.sample, "x" * 64]:
            request = urllib.request.Request(self.url, json.dumps({"key": key}).encode())
            with urllib.request.urlopen(request, timeout=10) as answer:
                if json.load(answer)["valid"] is not (key in self.sample):
                    raise SystemExit("error: better-auth answers wrongly")

    def verify(self, count: int) -> Contender:
        return Contender(f"better-auth, {count:,} keys", self.url + "/", ["verify", str(self.folder)])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(15)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/keyward")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement; one more warms up")
    parser.add_argument("--keys", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument(
        "--only", choices=["keyward", "better-auth"], help="leave the other out (no ratios then)"
    )
    options = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="keyward-bench."))
    running = []
    try:
        measure(options, folder, running)
    finally:
        for server in running:
            server.stop()
        shutil.rmtree(folder)


def measure(options: argparse.Namespace, folder: Path, running: list) -> None:
    began = time.monotonic()
    keywards, peers, contenders, memory = {}, {}, {}, []
    for count in options.keys:
        if options.only != "better-auth":
            say(f"Keyward: importing {count:,} keys")
            keywards[count] = Keyward(options.binary, folder / f"keyward-{count}", count)
            running.append(keywards[count])
            contenders["hello", count] = keywards[count].hello(count)
            contenders["unread", count] = keywards[count].unread(count)
            contenders["keyward", count] = keywards[count].verify(count)
        if options.only != "keyward":
            say(f"better-auth: inserting {count:,} keys")
            install_better_auth()
            peers[count] = BetterAuth(folder / f"better-auth-{count}", count)
            running.append(peers[count])
            contenders["better-auth", count] = peers[count].verify(count)

    pids = {f"Keyward, {count:,} keys": one.server.pid for count, one in keywards.items()}
    pids |= {f"better-auth, {count:,} keys": one.pid for count, one in peers.items()}
    time.sleep(1)
    idle = {name: resident_mb(pid) for name, pid in pids.items()}
    for server in running:
        server.check()
    order = list(contenders.values())
    for round_ in range(options.rounds):
        say(f"round {round_ + 1} of {options.rounds}")
        # Nobody always runs first, or always after the same neighbour.
        for contender in order[round_ % len(order) :] + order[: round_ % len(order)]:
            contender.measure(options.seconds, seed=100 * round_)
    for server in running:
        server.check()
    memory = [(name, idle[name], resident_mb(pid)) for name, pid in pids.items()]

    starts = {}
    for count, keyward in keywards.items():
        say(f"starting on the folder with {count:,} keys")
        keyward.stop()
        starts[count] = [first_answer_ms(options.binary, keyward.folder / "data") for _ in range(10)]
    report(options, contenders, memory, starts, time.monotonic() - began)


def report(options, contenders: dict, memory: list, starts: dict, seconds: float) -> None:
    cores, rounds = os.cpu_count(), options.rounds
    print(f"\n{cpu()}, {cores} cores shared with wrk (1 thread, {CONNECTIONS} connections);")
    print(f"median of {rounds} rounds of {options.seconds} s, interleaved [lowest to highest].\n")

    print("| | requests/s | of the bare route | of it, same requests | of better-auth | p50 ms | p99 ms |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for (kind, count), one in contenders.items():
        rate = spread(one.rates, "{:,.0f}")
        peers = [("hello", "{:.0%}"), ("unread", "{:.0%}"), ("better-auth", "{:.1f}x")]
        ratios = [
            ratio(one, contenders.get((peer, count)), form) if kind == "keyward" else ""
            for peer, form in peers
        ]
        p50, p99 = statistics.median(one.p50_ms), statistics.median(one.p99_ms)
        print(f"| {one.name} | {rate} | {' | '.join(ratios)} | {p50:.2f} | {p99:.2f} |")

    print("\n| resident memory, MB | idle | after |\n|---|---:|---:|")
    for name, before, after in memory:
        print(f"| {name} | {before:.1f} | {after:.1f} |")
    if starts:
        print("\n| from exec to the first 200 on /healthz, ms | median of 10 |\n|---|---:|")
        for count, times in starts.items():
            print(f"| folder with {count:,} keys | {spread(times, '{:.0f}')} |")
    say(f"took {seconds:.0f} s")


def write_requests(folder: Path, keys: list[str], body: str, authorization: str | None) -> None:
    (folder / "keys").write_text("\n".join(keys) + "\n")
    (folder / "body").write_text(body)
    if authorization:
        (folder / "authorization").write_text(authorization)


def install_better_auth() -> None:
    """Its packages, once; better-sqlite3 is compiled against the headers that came with node, if they did."""
    folder = BENCH / "better-auth"
    if (folder / "node_modules" / ".package-lock.json").exists():
        return
    environment = dict(os.environ)
    prefix = Path(shutil.which("node")).resolve().parent.parent
    if (prefix / "include/node/node.h").exists():
        environment["npm_config_nodedir"] = str(prefix)
    install = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(install, cwd=folder, env=environment, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
