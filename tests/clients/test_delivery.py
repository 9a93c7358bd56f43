"""Codes and invitations on their way: to a real mail server, a real program, a real webhook."""

import datetime
import email.policy
import ipaddress
import json
import os
import queue
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from conftest import BINARY, running
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from keyward_api import new_name
from keyward_server import free_port

ARRIVES_SECONDS = 30
SENDER = "Schlüsselwart <no-reply@example.com>"
USER, PASSWORD = "mailer@example.com", "Grüße:an@alle/ÄÖÜ"


class Mailbox:
    """What a mail server got; `answers` are what it says to each message, and then it takes all."""

    def __init__(self, *answers: str):
        self.answers = list(answers)
        self.attempts = 0
        self.arrived: queue.Queue = queue.Queue()

    async def handle_DATA(self, server, session, envelope):
        self.attempts += 1
        if self.answers:
            return self.answers.pop(0).format(to=envelope.rcpt_tos[0])
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.arrived.put((envelope, session, message))
        return "250 OK"

    def next(self) -> tuple:
        return self.arrived.get(timeout=ARRIVES_SECONDS)


class MailServer:
    """aiosmtpd, until it is left."""

    def __init__(self, mailbox: Mailbox, port: int | None = None, **options):
        self.port = port or free_port()
        self._controller = Controller(
            mailbox, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True, **options
        )

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop()


def mail(server: MailServer, scheme: str = "smtp", credentials: str = "", query: str = "") -> dict:
    url = f"{scheme}://{credentials}127.0.0.1:{server.port}{query}"
    return {"smtp_url": url, "mail_from": SENDER}


def send(keyward, to: str, api=None) -> str:
    return (api or keyward.admin).post("/outbox/test", {"to": to}, status=202)["id"]


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + ARRIVES_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it didn't happen"
        time.sleep(0.02)


def events(keyward, action: str) -> list[dict]:
    """Past the watch for secrets, which takes for one what an event calls a credential."""
    path = f"/api/v1/audit?action={action}"
    return keyward.server.must("GET", path, authorization=keyward.admin.authorization)["items"]


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1 by an authority of its own: its file, and a server's side of TLS."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
    now = datetime.datetime.now(datetime.UTC)

    def signed(subject, public_key):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    authority = (
        signed(name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    leaf = (
        signed(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")]), key.public_key())
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = (pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "authority.pem").write_bytes(authority.public_bytes(pem))
    (tmp_path / "mail.pem").write_bytes(leaf.public_bytes(pem) + key.private_bytes(*private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "mail.pem")
    return tmp_path / "authority.pem", context


def test_an_email_arrives_as_it_was_meant(tmp_path):
    mailbox = Mailbox()
    with MailServer(mailbox) as server, running(tmp_path, **mail(server)) as keyward:
        bot = new_name("böt-ß")
        keyward.admin.post(f"/users/{bot}/roles", {"roles": ["ADMINS"]}, status=200)
        key = keyward.admin.post("/api-keys", {"name": bot, "user": bot, "description": "x"})["secret"]

        message_id = send(keyward, "ada@example.com", keyward.api(key))

        envelope, _, message = mailbox.next()
        assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@example.com", ["ada@example.com"])
        assert (message["From"], message["To"]) == (SENDER, "ada@example.com")
        assert message["Subject"] == "Test message"
        assert message["Message-ID"] == f"<{message_id}@example.com>"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Date"].datetime.year >= 2024
        assert message.get_content_type() == "text/plain"
        assert text(message) == f"{bot} has sent this message to see whether it arrives. There is nothing to do."

        # Addresses beyond ASCII, too (RFC 6531).
        send(keyward, "zoë@example.com")
        envelope, _, message = mailbox.next()
        assert (envelope.rcpt_tos, message["To"]) == (["zoë@example.com"], "zoë@example.com")

        assert keyward.admin.get("/outbox")["items"] == []
    assert mailbox.arrived.empty()


def text(message: EmailMessage) -> str:
    return message.get_content().strip()


def test_what_a_server_refuses_for_now_is_sent_again_and_nothing_of_it_is_logged(tmp_path):
    mailbox = Mailbox("451 4.7.1 <{to}>: greylisted, try later", "421 too busy for {to}")
    with MailServer(mailbox) as server, running(tmp_path, **mail(server)) as keyward:
        message_id = send(keyward, "patient@example.com")

        _, _, message = mailbox.next()

        assert (mailbox.attempts, message["Message-ID"]) == (3, f"<{message_id}@example.com>")
    log = keyward.server.output.decode()
    assert log.count("a message was not sent") == 2
    assert "the mail server answered 451" in log and "the mail server answered 421" in log
    assert "patient@example.com" not in log and "see whether it arrives" not in log


def test_what_a_server_refuses_for_good_is_given_up(tmp_path):
    mailbox = Mailbox("550 5.1.1 <{to}>: no such mailbox")
    with MailServer(mailbox) as server, running(tmp_path, **mail(server)) as keyward:
        message_id = send(keyward, "nobody@example.com")

        wait_until(lambda: events(keyward, "message.send"))

        event = events(keyward, "message.send")[0]
        assert event["target"] == {"kind": "message", "id": message_id, "name": "email"}
        assert (event["outcome"], event["detail"]["reason"], event["detail"]["tries"]) == ("failed", "refused", 1)
        assert event["detail"]["event"] == events(keyward, "message.test")[0]["id"]
        assert "nobody@example.com" not in json.dumps(event)
    assert (mailbox.attempts, mailbox.arrived.empty()) == (1, True)
    assert b"nobody@example.com" not in keyward.server.output


def test_a_mail_server_that_comes_later_gets_what_waits(tmp_path):
    mailbox, port = Mailbox(), free_port()
    settings = {"smtp_url": f"smtp://127.0.0.1:{port}", "mail_from": SENDER}
    with running(tmp_path, **settings) as keyward:
        sent = {send(keyward, f"user-{number}@example.com") for number in range(20)}
        wait_until(lambda: b"Connection refused" in keyward.server.output)

        with MailServer(mailbox, port):
            arrived = [mailbox.next()[2]["Message-ID"] for _ in sent]

        assert sorted(arrived) == sorted(f"<{message}@example.com>" for message in sent)
    assert mailbox.arrived.empty()


# aiosmtpd doesn't know of TLS that begins before it does.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("password_in", ["url", "file"])
def test_a_server_is_told_the_password_under_tls_alone(tmp_path, certificate, scheme, password_in):
    authority, context = certificate
    tls = (
        {"tls_context": context, "require_starttls": True}
        if scheme == "smtp"
        else {"ssl_context": context, "auth_require_tls": False}
    )
    mailbox = Mailbox()
    with MailServer(mailbox, auth_required=True, authenticator=authenticated, **tls) as server:
        user = "mailer%40example.com"
        if password_in == "url":
            password = "".join(f"%{byte:02X}" for byte in PASSWORD.encode())
            settings = mail(server, scheme, f"{user}:{password}@", "?tls=required" * (scheme == "smtp"))
        else:
            (tmp_path / "password").write_text(PASSWORD + "\n")
            settings = mail(server, scheme, f"{user}@", "?tls=required" * (scheme == "smtp"))
            settings["smtp_password_file"] = str(tmp_path / "password")
        environment = {"SSL_CERT_FILE": str(authority)}
        with running(tmp_path, environment=environment, **settings) as keyward:
            keyward.secrets.values.add(PASSWORD)

            send(keyward, "ada@example.com")

            _, session, _ = mailbox.next()
            assert session.authenticated
            assert scheme == "smtps" or session.ssl is not None


def authenticated(server, session, envelope, mechanism, auth_data) -> AuthResult:
    is_right = isinstance(auth_data, LoginPassword) and auth_data == LoginPassword(
        USER.encode(), PASSWORD.encode()
    )
    return AuthResult(success=is_right)


def test_a_server_that_nobody_vouches_for_gets_nothing(tmp_path, certificate):
    _, context = certificate
    mailbox = Mailbox()
    with MailServer(mailbox, tls_context=context) as server:
        with running(tmp_path, **mail(server, query="?tls=required")) as keyward:
            send(keyward, "ada@example.com")
            wait_until(lambda: b"a message was not sent" in keyward.server.output)
    assert b"certificate" in keyward.server.output
    assert (mailbox.attempts, mailbox.arrived.empty()) == (0, True)


def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for(tmp_path):
    mailbox = Mailbox()
    with MailServer(mailbox) as server:
        with running(tmp_path, **mail(server, query="?tls=required")) as keyward:
            send(keyward, "ada@example.com")
            wait_until(lambda: b"a message was not sent" in keyward.server.output)
    assert (mailbox.attempts, mailbox.arrived.empty()) == (0, True)


SMS_PROGRAM = """\
import json, os, sys
from pathlib import Path

seen = Path(sys.argv[1])
attempt = len(list(seen.iterdir()))
print("printed", sys.stdin.read() if attempt == 0 else "")
if attempt == 0:
    (seen / "0").touch()
    sys.exit(75)
own = [name for name in os.environ if name.startswith("KEYWARD_")]
command_line = Path("/proc/self/cmdline").read_text()
report = {"message": json.load(sys.stdin), "arguments": sys.argv[2:], "own": own, "line": command_line}
(seen / "new").write_text(json.dumps(report))
(seen / "new").rename(seen / "report")
"""


def test_an_sms_goes_to_the_stdin_of_a_program(tmp_path):
    program, seen = tmp_path / "send_sms.py", tmp_path / "seen"
    program.write_text(SMS_PROGRAM)
    seen.mkdir()
    with running(tmp_path, sms_command=f"{sys.executable} {program} {seen} --from ACME") as keyward:
        message_id = send(keyward, "+15550100")

        wait_until((seen / "report").exists)

        report = json.loads((seen / "report").read_text())
        body = "admin@example.com has sent this message to see whether it arrives. There is nothing to do."
        expected = {"id": message_id, "pool_id": keyward.pool_id, "to": "+15550100", "text": body}
        assert report["message"] == expected
        assert (report["arguments"], report["own"]) == (["--from", "ACME"], [])
        assert "+15550100" not in report["line"] and "see whether" not in report["line"]
        # Emails have no way out here: a developer reads them.
        send(keyward, "ada@example.com")
        assert [message["to"] for message in keyward.admin.get("/outbox")["items"]] == ["ada@example.com"]
    log = keyward.server.output.decode()
    assert log.count("a message was not sent") == 1 and "exit status: 75" in log
    assert "+15550100" not in log and "printed" not in log


class Webhook(BaseHTTPRequestHandler):
    """Answers 500 to the first request, then takes all."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.put((self.path, dict(self.headers), json.loads(body)))
        self.send_response(500 if self.server.requests.qsize() == 1 else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_an_sms_goes_to_a_webhook(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        server.requests = queue.Queue()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://keyward:webhook-password@127.0.0.1:{server.server_port}/send?token=webhook-token"
        with running(tmp_path, sms_webhook=url) as keyward:
            keyward.secrets.values.update(["webhook-password", "webhook-token"])
            message_id = send(keyward, "+15550100")
            wait_until(lambda: server.requests.qsize() == 2)

        server.shutdown()
        attempts = list(server.requests.queue)
        assert len(attempts) == 2
        for path, headers, body in attempts:
            assert path == "/send?token=webhook-token"
            assert headers["authorization"] == "Basic a2V5d2FyZDp3ZWJob29rLXBhc3N3b3Jk"
            assert headers["idempotency-key"] == message_id
            assert (body["id"], body["to"]) == (message_id, "+15550100")
            assert body["text"].startswith("admin@example.com has sent this message")
    log = keyward.server.output.decode()
    assert "the webhook answered 500" in log and "+15550100" not in log


def test_the_outbox_is_shown_on_the_command_line(fresh_keyward):
    keyward = fresh_keyward
    bot = new_name("bot")
    keyward.admin.post(f"/users/{bot}/roles", {"roles": ["ADMINS"]}, status=200)
    key = keyward.admin.post("/api-keys", {"name": bot, "user": bot, "description": "x"})["secret"]
    environment = {"PATH": os.environ["PATH"], "KEYWARD_URL": keyward.url, "KEYWARD_API_KEY": key}

    def ran(*arguments: str) -> str:
        command = [str(BINARY), "outbox", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert ran() == "No messages found.\n"
    ran("test", "ada@example.com")
    ran("test", "+15550100")
    listed = json.loads(ran("--json-output"))["Items"]
    assert [(message["channel"], message["to"]) for message in listed] == [
        ("email", "ada@example.com"),
        ("sms", "+15550100"),
    ]
    assert "Test message" in ran() and f"{bot} has sent this message" in ran()
