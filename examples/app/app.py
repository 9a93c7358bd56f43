"""A small application that asks Keyward who may read its database. Python and nothing else."""

import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEYWARD_URL = os.environ.get("KEYWARD_URL", "http://localhost:8480")
SERVICE_KEY = os.environ["SERVICE_KEY"]
ROUTES = {"/database": "read:database"}
# Reasons that are about the credential itself: who is asking isn't known. All others: known, but not allowed.
NOT_SIGNED_IN = {"unknown_credential", "expired", "disabled", "user_disabled", "signed_out"}


def ask_keyward(credential: str, permission: str, client_ip: str) -> dict:
    """Whether `credential` grants `permission`. Raises OSError when Keyward can't say."""
    question = {"credential": credential, "permissions": [permission], "client_ip": client_ip}
    request = urllib.request.Request(
        f"{KEYWARD_URL}/api/v1/authorize",
        json.dumps(question).encode(),
        {"Authorization": SERVICE_KEY, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=2) as answer:
        return json.load(answer)


class Application(BaseHTTPRequestHandler):
    def do_GET(self):
        permission = ROUTES.get(self.path)
        if permission is None:
            return self.answer(404, {"message": "Not found"})
        credential = self.headers.get("Authorization", "").strip()
        if credential[:7].lower() == "bearer ":
            credential = credential[7:].strip()
        if not credential:
            return self.answer(401, {"message": "Send an API key or a token in Authorization"})
        try:
            decision = ask_keyward(credential, permission, self.client_address[0])
            allowed, caller, reason = decision["allowed"] is True, decision["caller"], decision["reason"]
        except (OSError, ValueError, KeyError, TypeError) as problem:
            # Without an answer nobody gets in; what Keyward said is for our log alone.
            self.log_error("Keyward can't be asked: %s", problem)
            return self.answer(503, {"message": "Can't check permissions now; try again later"})
        if allowed:
            return self.answer(200, {"rows": ["one", "two"], "you_are": caller["username"]})
        if reason in NOT_SIGNED_IN:
            return self.answer(401, {"message": f"This credential isn't good: {reason}"})
        return self.answer(403, {"message": f"You need {permission}"})

    def answer(self, status: int, body: dict):
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(payload)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8481"))), Application)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
