"""Asks Keyward about somebody's credential.

KEYWARD_URL, SERVICE_KEY (a key whose user has the role SERVICE) and CREDENTIAL come from the environment.
"""

import json
import os
import urllib.request


def ask(path: str, question: dict) -> dict:
    """Keyward's answer. Anything but an answer raises OSError: then refuse."""
    request = urllib.request.Request(
        f"{os.environ['KEYWARD_URL']}/api/v1/{path}",
        json.dumps(question).encode(),
        {"Authorization": os.environ["SERVICE_KEY"], "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=2) as answer:
        return json.load(answer)


credential = os.environ["CREDENTIAL"]

# Who is this?
verdict = ask("verify", {"credential": credential})
if verdict["allowed"]:
    print("allowed:", verdict["caller"]["username"])
else:
    print("refused:", verdict["reason"])

# May they do this?
question = {"credential": credential, "permissions": ["read:database", "write:database"]}
for result in ask("authorize", question)["results"]:
    print(result["permission"], "yes" if result["allowed"] else "no")
