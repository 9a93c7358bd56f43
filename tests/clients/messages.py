"""Where the messages of a test run arrive: a mail server, and whoever sends SMS."""

import email
import email.policy
import json
import queue
import re
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from keyward_server import free_port

ARRIVAL_SECONDS = 20
CODE = re.compile(r"\b\d{6,8}\b")


class Mailbox:
    """Every message in the order of its arrival, by address or phone number."""

    def __init__(self):
        self._arrived: dict[str, queue.Queue] = defaultdict(queue.Queue)
        self._mail = Controller(self, hostname="127.0.0.1", port=free_port())
        self._sms = ThreadingHTTPServer(("127.0.0.1", 0), self._sms_handler())

    def __enter__(self) -> "Mailbox":
        self._mail.start()
        threading.Thread(target=self._sms.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._mail.stop()
        self._sms.shutdown()
        self._sms.server_close()

    @property
    def settings(self) -> dict[str, str]:
        """Keyward's, so that its messages arrive here."""
        return {
            "smtp_url": f"smtp://127.0.0.1:{self._mail.port}",
            "mail_from": "Keyward <no-reply@example.com>",
            "sms_webhook": f"http://127.0.0.1:{self._sms.server_port}/",
        }

    def next(self, recipient: str) -> str:
        """The text of the next message to somebody, once it is there."""
        return self._arrived[recipient].get(timeout=ARRIVAL_SECONDS)

    def code(self, recipient: str) -> str:
        """The code in the next message to somebody."""
        return CODE.search(self.next(recipient))[0]

    def is_empty(self, recipient: str) -> bool:
        return self._arrived[recipient].empty()

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802, as aiosmtpd calls it
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = message.get_body(("plain", "html")).get_content()
        for recipient in envelope.rcpt_tos:
            self._arrived[recipient].put(text)
        return "250 OK"

    def _sms_handler(self) -> type[BaseHTTPRequestHandler]:
        arrived = self._arrived

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802, as http.server calls it
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                arrived[message["to"]].put(message["text"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
