"""Starts the built `keyward` on a port and a folder of its own, and stops it again. Standard library only."""

import json
import os
import queue
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30
STOP_SECONDS = 15


class Server:
    """A running `keyward serve`; everything that it prints is kept in `output`."""

    def __init__(
        self, binary: Path, data_dir: Path, environment: dict[str, str] | None = None, **settings: str
    ):
        self.data_dir = data_dir
        self.output = b""
        self.url = ""
        self._command = [str(binary), "serve", "--data-dir", str(data_dir)]
        # Nothing of the shell's own settings: a KEYWARD_ variable there would decide what is tested.
        self._environment = {
            "HOME": str(data_dir.parent),
            "PATH": os.environ["PATH"],
            "RUST_BACKTRACE": "0",
            # Whole files of tests sign in wrongly from one address.
            "KEYWARD_FAILED_SIGN_INS_PER_MINUTE": "6000",
            **{f"KEYWARD_{name.upper()}": value for name, value in settings.items()},
            **(environment or {}),
        }
        self._scheme = "https" if "tls_cert" in settings else "http"
        self._process: subprocess.Popen | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> "Server":
        # The port is free now, but nobody keeps it for us until the server asks for it.
        for _ in range(3):
            if self._start_on(free_port()):
                return self
            if b"another program listens" not in self.output:
                break
        raise RuntimeError(f"keyward didn't start:\n{self.output.decode()}")

    def _start_on(self, port: int) -> bool:
        address = f"127.0.0.1:{port}"
        url = f"{self._scheme}://{address}"
        self._process = subprocess.Popen(
            # An issuer that clients can reach: they check tokens against it.
            [*self._command, "--listen", address, "--public-url", url],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        listening = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(listening,), daemon=True)
        self._reader.start()
        if not listening.get(timeout=START_SECONDS):
            self._process.wait(STOP_SECONDS)
            return False
        self.url = url
        wait_until_ok(f"{self.url}/readyz", START_SECONDS)
        return True

    def _read(self, listening: queue.Queue) -> None:
        for line in self._process.stdout:
            self.output += line
            if b"listening on http" in line:
                listening.put(True)
        listening.put(False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> int:
        """Asks the server to end, as a service manager does; its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        self._reader.join(STOP_SECONDS)
        self._process.stdout.close()
        return code

    def json(
        self, method: str, path: str, body: object = None, authorization: str | None = None, **headers: str
    ):
        """The status and the JSON of one request."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        if authorization is not None:
            request.add_header("Authorization", authorization)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read() or b"null")

    def must(
        self, method: str, path: str, body: object = None, authorization: str | None = None, **headers: str
    ):
        """The JSON of a request that has to succeed."""
        status, answer = self.json(method, path, body, authorization, **headers)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path} answered {status}: {answer}")
        return answer

    def sign_in(self, username: str, password: str) -> str:
        """`Bearer` and the access token of a user who has no challenge to answer."""
        answer = self.must(
            "POST",
            "/",
            {
                "AuthFlow": "USER_PASSWORD_AUTH",
                "ClientId": self.must("GET", "/api/amplify-config")["cognitoAppClientId"],
                "AuthParameters": {"USERNAME": username, "PASSWORD": password},
            },
            **{
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
            },
        )
        return f"Bearer {answer['AuthenticationResult']['AccessToken']}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ok(url: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.002)
