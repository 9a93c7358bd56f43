#!/usr/bin/env python3
"""Measures the Cognito protocol of Keyward and of the open emulators, and prints what it found as Markdown.

Keyward checks every signature and writes everything to its database; the emulators check no signature and keep
what they know in memory (cognito-local: in a JSON file). All are filled over the protocol itself, or, where
there are many users, by `keyward user import`, and asked by wrk with the same requests, which are signed
beforehand; those who sign in come from many addresses. Everything is interleaved in one run, since a machine's speed drifts: of each figure the median of
the rounds is shown. wrk and the servers share the machine's cores.

Needs wrk, target/release/keyward and the emulators: `make bench-cognito` sees to all of them.
"""

import argparse
import asyncio
import fcntl
import json
import os
import random
import re
import secrets
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from pathlib import Path

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from pycognito.aws_srp import AWSSRP

from measure import CONNECTIONS, ROOT, Contender, cpu, first_answer_ms, resident_mb, say

sys.path.insert(0, str(ROOT / "tests" / "clients"))
from keyward_server import Server, free_port  # noqa: E402

ADMIN = "admin@example.com"
ADMINS_KEY = {"name": "bench", "description": "Brings the users", "user": ADMIN}
PASSWORD = "Bench-" + secrets.token_urlsafe(12) + "-1"
FLOWS = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
# Who can sign in; all others have no password.
SIGNING_IN = 10
# How many different requests are sent of a kind.
VARIETY = 500
SRP_SIGN_INS = 150
EMULATORS = ["cognitox", "ministack", "moto", "cognito-local"]
OPERATIONS = ["AdminGetUser", "ListUsers", "ListUsers by email", "password sign-in", "SRP sign-in", "refresh", "JWKS"]


def email(index: int) -> str:
    return f"user{index:07}@example.com"


class Contestant:
    """A server that speaks the protocol, with `count` users in one of its pools."""

    name: str
    url: str
    pid: int

    def __init__(self, folder: Path, count: int):
        self.folder, self.count = folder, count
        folder.mkdir()
        self.credentials = ("AKIDBENCH00000000000", "secret")
        self.rates: dict[str, list[float]] = {}
        self.failures: dict[str, str] = {}

    def boto(self):
        return boto3.client(
            "cognito-idp",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.credentials[0],
            aws_secret_access_key=self.credentials[1],
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=8, read_timeout=20),
        )

    def fill(self) -> None:
        """A pool, an app client and the users, over the protocol."""
        boto = self.boto()
        self.pool = boto.create_user_pool(PoolName="bench")["UserPool"]["Id"]
        made = boto.create_user_pool_client(UserPoolId=self.pool, ClientName="bench", ExplicitAuthFlows=FLOWS)
        self.client = made["UserPoolClient"]["ClientId"]
        self.create_users(boto, range(self.count))
        self.set_passwords(boto)

    def create_users(self, boto, indices) -> None:
        def create(index: int) -> None:
            attributes = {"email": email(index), "email_verified": "true", "name": f"User {index}"}
            boto.admin_create_user(
                UserPoolId=self.pool,
                Username=email(index),
                MessageAction="SUPPRESS",
                TemporaryPassword=PASSWORD,
                UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
            )

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(create, indices))

    def set_passwords(self, boto) -> None:
        for index in range(SIGNING_IN):
            boto.admin_set_user_password(
                UserPoolId=self.pool, Username=email(index), Password=PASSWORD, Permanent=True
            )

    def sign_in(self, index: int) -> dict:
        return self.boto().initiate_auth(
            ClientId=self.client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email(index), "PASSWORD": PASSWORD},
        )["AuthenticationResult"]

    def line(self, operation: str, body: dict, signed: bool = True) -> str:
        text = json.dumps(body)
        if not signed:
            return f"{operation}\t\t\t{text}"
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
        }
        request = AWSRequest("POST", self.url + "/", headers=headers, data=text)
        SigV4Auth(Credentials(*self.credentials), "cognito-idp", "us-east-1").add_auth(request)
        return f"{operation}\t{request.headers['Authorization']}\t{request.headers['X-Amz-Date']}\t{text}"

    def somebody(self) -> int:
        return random.randrange(self.count)

    def requests(self, operation: str) -> list[str]:
        """What wrk sends: signed anew in each round, since a signature is good for five minutes."""
        match operation:
            case "AdminGetUser":
                bodies = [{"UserPoolId": self.pool, "Username": email(self.somebody())} for _ in range(VARIETY)]
                return [self.line("AdminGetUser", body) for body in bodies]
            case "ListUsers":
                return [self.line("ListUsers", {"UserPoolId": self.pool, "Limit": 60})]
            case "ListUsers by email":
                filters = [f'email = "{email(self.somebody())}"' for _ in range(VARIETY)]
                bodies = [{"UserPoolId": self.pool, "Limit": 60, "Filter": text} for text in filters]
                return [self.line("ListUsers", body) for body in bodies]
            case "password sign-in":
                return [
                    self.initiate("USER_PASSWORD_AUTH", USERNAME=email(index), PASSWORD=PASSWORD)
                    for index in range(SIGNING_IN)
                ]
            case "refresh":
                tokens = [self.sign_in(index)["RefreshToken"] for index in range(SIGNING_IN)]
                return [self.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=token) for token in tokens]
        raise AssertionError(operation)

    def initiate(self, flow: str, **parameters: str) -> str:
        body = {"ClientId": self.client, "AuthFlow": flow, "AuthParameters": parameters}
        return self.line("InitiateAuth", body, signed=False)

    def check(self, operation: str) -> None:
        """Whether the answers that are counted are the right ones."""
        boto = self.boto()
        match operation:
            case "AdminGetUser":
                user = boto.admin_get_user(UserPoolId=self.pool, Username=email(7))
                attributes = {each["Name"]: each["Value"] for each in user["UserAttributes"]}
                expect(attributes.get("email") == email(7), "another user's address")
            case "ListUsers":
                expect(len(boto.list_users(UserPoolId=self.pool, Limit=60)["Users"]) == 60, "not 60 users")
            case "ListUsers by email":
                found = boto.list_users(UserPoolId=self.pool, Filter=f'email = "{email(7)}"')["Users"]
                expect(len(found) == 1, f"{len(found)} users of one address")
            case "password sign-in":
                expect("AccessToken" in self.sign_in(3), "no tokens")
            case "refresh":
                token = self.sign_in(3)["RefreshToken"]
                boto.initiate_auth(
                    ClientId=self.client,
                    AuthFlow="REFRESH_TOKEN_AUTH",
                    AuthParameters={"REFRESH_TOKEN": token},
                )

    def measure(self, operation: str, seconds: int, seed: int) -> None:
        if operation in self.failures:
            return
        # What the one before has left to write isn't counted against this one.
        time.sleep(1)
        try:
            rates = self.rates.setdefault(operation, [])
            if operation == "JWKS":
                rates.append(self.wrk(f"{self.url}/{self.pool}/.well-known/jwks.json", ["plain", ""], seconds, seed))
            elif operation == "SRP sign-in":
                rates.append(self.srp_sign_ins(seconds, seed))
            else:
                if seed == 0:
                    self.check(operation)
                rates.append(self.ask(self.requests(operation), seconds, seed))
        except (BotoCoreError, ClientError, SystemExit, KeyError, ValueError, OSError, EOFError) as error:
            self.failures[operation] = (str(error) or type(error).__name__).splitlines()[0][:120]
            say(f"{self.name} fails {operation}: {self.failures[operation]}")

    def ask(self, lines: list[str], seconds: int, seed: int) -> float:
        file = self.folder / "requests"
        file.write_text("\n".join(lines) + "\n")
        return self.wrk(self.url + "/", ["any", str(file)], seconds, seed)

    def wrk(self, url: str, arguments: list[str], seconds: int, seed: int) -> float:
        answer = Contender(self.name, url, arguments).ask(seconds, seed)
        return answer["requests"] / answer["seconds"]

    def srp_sign_ins(self, seconds: int, seed: int) -> float:
        """Both steps, measured one after the other: the second is different for each sign-in."""
        # Each with a client's number of its own, for the answer is worked out from it.
        clients = [
            AWSSRP(email(index % SIGNING_IN), PASSWORD, self.pool, self.client, client=self.boto())
            for index in range(SIGNING_IN)
        ]
        first = [
            self.initiate("USER_SRP_AUTH", **client.get_auth_params()) for client in clients
        ]
        begins = self.ask(first, seconds, seed)
        boto, second = self.boto(), []
        for attempt in range(SRP_SIGN_INS):
            client = clients[attempt % SIGNING_IN]
            parameters = client.get_auth_params()
            asked = boto.initiate_auth(
                ClientId=self.client, AuthFlow="USER_SRP_AUTH", AuthParameters=parameters
            )
            answer = client.process_challenge(asked["ChallengeParameters"], parameters)
            body = {
                "ClientId": self.client,
                "ChallengeName": "PASSWORD_VERIFIER",
                "ChallengeResponses": answer,
                **({"Session": asked["Session"]} if "Session" in asked else {}),
            }
            second.append(self.line("RespondToAuthChallenge", body, signed=False))
        ends = asyncio.run(self.send_each(second))
        return 1 / (1 / begins + 1 / ends)


    async def send_each(self, lines: list[str]) -> float:
        """Sends each line once, over as many connections as wrk has; how many a second. wrk can't stop there."""
        host, port = self.url.removeprefix("http://").split(":")
        messages = []
        for line in lines:
            operation, _, _, body = line.split("\t", 3)
            target = f"AWSCognitoIdentityProviderService.{operation}"
            head = f"POST / HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/x-amz-json-1.1\r\n"
            head += f"X-Forwarded-For: 10.0.{random.randrange(256)}.{random.randrange(256)}\r\n"
            head += f"X-Amz-Target: {target}\r\nContent-Length: {len(body.encode())}\r\n\r\n"
            messages.append((head + body).encode())

        async def work() -> None:
            writer = None
            while messages:
                message = messages.pop()
                if writer is None:
                    reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(message)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
                answer = await reader.readexactly(length)
                expect(b" 200 " in head.splitlines()[0] + b" ", f"SRP was refused: {answer[:80]}")
                # Not every server keeps a connection.
                if re.search(rb"(?i)connection: *close", head):
                    writer.close()
                    writer = None

        count, began = len(messages), time.monotonic()
        async with asyncio.timeout(30):
            await asyncio.gather(*(work() for _ in range(min(CONNECTIONS, count))))
        return count / (time.monotonic() - began)


class Keyward(Contestant):
    def __init__(self, folder: Path, count: int, binary: Path):
        super().__init__(folder, count)
        self.name, self.binary = f"Keyward, {count:,} users", binary
        settings = {"admin_email": ADMIN, "admin_password": PASSWORD, "trusted_proxies": "127.0.0.1"}
        self.server = Server(binary, folder / "data", **settings).start()
        self.url = self.server.url
        admin = self.server.sign_in(ADMIN, PASSWORD)
        made = self.server.must("POST", "/api/v1/access-keys", {"user": ADMIN}, admin)
        self.credentials = (made["id"], made["secret"])
        self.key = self.server.must("POST", "/api/v1/api-keys", ADMINS_KEY, admin)["secret"]
        config = self.server.must("GET", "/api/amplify-config")
        self.pool, self.client = config["cognitoUserPoolId"], config["cognitoAppClientId"]
        self.fill()
        # A fresh start, so that the idle memory isn't that of the import.
        self.server.stop()
        self.server.start()
        self.url, self.pid = self.server.url, self.server.pid

    def fill(self) -> None:
        boto = self.boto()
        if self.count <= 1000:
            self.create_users(boto, range(self.count))
        else:
            self.create_users(boto, range(SIGNING_IN))
            self.bring(range(SIGNING_IN, self.count))
        self.set_passwords(boto)

    def bring(self, indices) -> None:
        """As an organisation brings its own: a file, without passwords."""
        file = self.folder / "users.csv"
        names = ["cognito:username", "cognito:mfa_enabled", "email", "email_verified", "name", "phone_number_verified"]
        with file.open("w") as lines:
            lines.write(",".join(names) + "\n")
            for index in indices:
                lines.write(f"{email(index)},false,{email(index)},true,User {index},false\n")
        environment = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "KEYWARD_URL": self.url,
            "KEYWARD_API_KEY": self.key,
        }
        began = time.monotonic()
        subprocess.run(
            [str(self.binary), "user", "import", str(file)], env=environment, check=True, stdout=subprocess.DEVNULL
        )
        self.import_seconds = time.monotonic() - began
        file.unlink()

    def stop(self) -> None:
        self.server.stop()


class Emulator(Contestant):
    """An open emulator, started on loopback."""

    def __init__(self, name: str, folder: Path, count: int, command, environment):
        super().__init__(folder, count)
        self.name, port = name, free_port()
        self.url = f"http://127.0.0.1:{port}"
        log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [part.format(port=port) for part in command],
            cwd=folder,
            env={**os.environ, **{key: value.format(port=port) for key, value in environment.items()}},
            stdout=log,
            stderr=log,
        )
        self.pid = self.process.pid
        self.wait()
        self.fill()

    def wait(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                self.boto().list_user_pools(MaxResults=1)
                return
            except (BotoCoreError, ClientError) as error:
                if time.monotonic() > deadline:
                    raise SystemExit(f"error: {self.name} didn't start: {error}") from error
                time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def expect(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(f"the answer is wrong: {complaint}")


def emulators(folder: Path, peers: Path, count: int, wanted: list[str]):
    commands = {
        "cognitox": ([str(peers / "cognitox/bin/cognitox"), "--port", "{port}"], {}),
        "ministack": (
            [str(Path(sys.executable).parent / "ministack")],
            {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": "{port}"},
        ),
        "moto": ([str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", "{port}"], {}),
        "cognito-local": (
            ["node", str(peers / "node_modules/cognito-local/lib/bin/start.js")],
            {"HOST": "127.0.0.1", "PORT": "{port}"},
        ),
    }
    for name in wanted:
        command, environment = commands[name]
        say(f"{name}: making {count:,} users")
        yield Emulator(name, folder / name, count, command, environment)


def stay_on_loopback() -> None:
    """Goes on in a network of its own that has nothing but loopback: cognitox listens on every address."""
    if "KEYWARD_BENCH_ALONE" not in os.environ:
        environment = {**os.environ, "KEYWARD_BENCH_ALONE": "true"}
        command = ["unshare", "--net", "--map-root-user", sys.executable, *sys.argv]
        os.execvpe(command[0], command, environment)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        # SIOCSIFFLAGS with IFF_UP and IFF_RUNNING (netdevice(7)).
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/keyward")
    parser.add_argument("--limits", type=Path, default=ROOT / "target/release/examples/limits")
    parser.add_argument("--peers", type=Path, default=ROOT / ".cache/emulators")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--users", type=int, nargs="+", default=[1_000, 10_000, 1_000_000])
    parser.add_argument("--operations", nargs="*", default=OPERATIONS, help="which ones to measure")
    parser.add_argument("--emulators", nargs="*", default=EMULATORS, help="which ones to measure beside")
    options = parser.parse_args()
    stay_on_loopback()

    folder = Path(tempfile.mkdtemp(prefix="keyward-bench."))
    running: list[Contestant] = []
    try:
        measure(options, folder, running)
    finally:
        for server in running:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(options: argparse.Namespace, folder: Path, running: list) -> None:
    began = time.monotonic()
    for count in options.users:
        say(f"Keyward: making {count:,} users")
        running.append(Keyward(folder / f"keyward-{count}", count, options.binary))
    for peer in emulators(folder, options.peers, 1_000, options.emulators):
        running.append(peer)
    time.sleep(1)
    idle = {one.name: resident_mb(one.pid) for one in running}
    limits: list[dict] = []
    for round_ in range(options.rounds):
        limits.append(json.loads(subprocess.run([str(options.limits)], check=True, stdout=subprocess.PIPE).stdout))
        for operation in options.operations:
            say(f"round {round_ + 1} of {options.rounds}: {operation}")
            # Nobody always runs first.
            for one in running[round_ % len(running) :] + running[: round_ % len(running)]:
                one.measure(operation, options.seconds, seed=round_)
    after = {one.name: resident_mb(one.pid) for one in running}
    keyward = next(one for one in running if isinstance(one, Keyward))
    keyward.stop()
    starts = [first_answer_ms(options.binary, keyward.folder / "data") for _ in range(10)]
    keyward.server.start()
    report(options, running, limits, idle, after, starts)
    say(f"took {time.monotonic() - began:.0f} s")


def report(options, running, limits, idle, after, starts) -> None:
    print(f"\n{cpu()}, {os.cpu_count()} cores shared with wrk; requests/s, medians of {options.rounds} rounds")
    print(f"of {options.seconds} s, interleaved. In brackets: how many times as fast Keyward with 1,000 users is.\n")
    names = [one.name for one in running]
    print(f"| | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    first = running[0]
    for operation in options.operations:
        cells = []
        for one in running:
            rates = one.rates.get(operation)
            if operation in one.failures or not rates:
                cells.append("–")
                continue
            cell = f"{statistics.median(rates):,.0f}"
            if not isinstance(one, Keyward) and operation not in first.failures:
                pairs = zip(first.rates[operation], rates, strict=True)
                cell += f" [{statistics.median(a / b for a, b in pairs):.1f}x]"
            elif one is not first and operation not in first.failures:
                pairs = zip(rates, first.rates[operation], strict=True)
                cell += f" ({statistics.median(a / b for a, b in pairs):.0%} of 1,000)"
            cells.append(cell)
        print(f"| {operation} | {' | '.join(cells)} |")
    for what, values in [("idle memory, MB", idle), ("memory after, MB", after)]:
        print(f"| {what} | {' | '.join(f'{values[name]:.1f}' for name in names)} |")
    for what, operation, limit in [
        ("Argon2id verifications", "password sign-in", "password_hashes"),
        ("pairs of RS256 signatures", "refresh", "token_pairs"),
    ]:
        rates = [each[limit] for each in limits]
        line = f"\n{what} this machine can do: {statistics.median(rates):,.0f}/s"
        if first.rates.get(operation) and operation not in first.failures:
            share = statistics.median(a / b for a, b in zip(first.rates[operation], rates, strict=True))
            line += f"; {operation} reaches {share:.0%} of that"
        print(line + ".")
    for one in running:
        if isinstance(one, Keyward) and hasattr(one, "import_seconds"):
            rate = one.count / one.import_seconds
            print(f"\nImport of {one.count:,} users without passwords: {one.import_seconds:.1f} s ({rate:,.0f}/s).")
    median, lowest, highest = statistics.median(starts), min(starts), max(starts)
    print(f"\nFrom exec to the first answer: {median:.0f} ms [{lowest:.0f} to {highest:.0f}].")
    for one in running:
        for operation, why in one.failures.items():
            print(f"\n{one.name} fails {operation}: {why}")


if __name__ == "__main__":
    main()
