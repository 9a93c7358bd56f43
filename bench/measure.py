"""What the benchmarks share: asking a server with wrk, and telling what came of it."""

import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(ROOT / "tests" / "clients"))
from keyward_server import free_port, wait_until_ok  # noqa: E402

CONNECTIONS = 32


@dataclass
class Contender:
    """A server and a route of it that wrk asks again and again."""

    name: str
    url: str
    arguments: list[str]
    rates: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    def ask(self, seconds: int, seed: int) -> dict:
        threads = ["-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--timeout", "10s"]
        script = ["-s", str(BENCH / "requests.lua"), self.url, "--", *self.arguments, str(seed)]
        output = subprocess.run(
            ["wrk", *threads, *script], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        answer = json.loads(output.strip().splitlines()[-1])
        if answer["errors"] or not answer["requests"]:
            raise SystemExit(f"error: {self.name} failed {answer['errors']} of {answer['requests']} requests")
        return answer

    def measure(self, seconds: int, seed: int) -> None:
        self.ask(1, seed)
        answer = self.ask(seconds, seed + 1)
        self.rates.append(answer["requests"] / answer["seconds"])
        self.p50_ms.append(answer["p50_us"] / 1000)
        self.p99_ms.append(answer["p99_us"] / 1000)


def spread(values: list[float], form: str) -> str:
    lowest, highest = form.format(min(values)), form.format(max(values))
    return f"{form.format(statistics.median(values))} [{lowest} to {highest}]"


def ratio(one: Contender, other: Contender | None, form: str) -> str:
    """Round by round, so that what slowed both down doesn't count."""
    return spread([a / b for a, b in zip(one.rates, other.rates, strict=True)], form) if other else ""


def first_answer_ms(binary: Path, data_dir: Path) -> float:
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": str(data_dir.parent)}
    command = [str(binary), "serve", "--data-dir", str(data_dir), "--listen", f"127.0.0.1:{port}"]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until_ok(f"http://127.0.0.1:{port}/healthz", 30)
    took = (time.perf_counter() - began) * 1000
    process.send_signal(signal.SIGTERM)
    process.wait(15)
    return took


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024


def cpu() -> str:
    names = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return names[0] if names else platform.machine()


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr)
