#!/usr/bin/env python3
"""What Keyward adds to the calls of AWS' own library: list, get and create of users, on moto.

Beside both stands a new client for each request, which is how RawScribe's own back end asks. Starts moto, and
target/release/examples/directory measures. One after the other, on whatever else the machine does: the figures
to look at are the differences.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, default=ROOT / "target/release/examples/directory")
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    moto = [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(moto, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until_it_answers(port)
            settings = {"KEYWARD_BENCH_MOTO": f"http://127.0.0.1:{port}", "KEYWARD_BENCH_ROUNDS": str(arguments.rounds)}
            return subprocess.run([arguments.program], env={**os.environ, **settings}).returncode
        finally:
            server.terminate()


def until_it_answers(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("moto doesn't start")


if __name__ == "__main__":
    sys.exit(main())
