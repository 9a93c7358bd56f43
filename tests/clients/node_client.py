"""A JavaScript library in a Node of its own, with which a test talks in JSON (`conversation.cjs`)."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from keyward_api import Refused
from keyward_server import ROOT

MODULES = ROOT / ".cache/node/node_modules"


class Node:
    """One of the `.cjs` files beside this one; `node.call(operation, *arguments)` is what it answers."""

    def __init__(self, driver: str, keyward, **answers: Callable):
        """Questions of the library, by their name, are answered by these."""
        self._answers = answers
        self._secrets = keyward.secrets
        environment = {
            "PATH": os.environ["PATH"],
            "NODE_PATH": str(MODULES),
            "URL": keyward.url,
            "REGION": keyward.region,
            "POOL_ID": keyward.pool_id,
            "CLIENT_ID": keyward.client_id,
        }
        if "NODE_EXTRA_CA_CERTS" in os.environ:
            environment["NODE_EXTRA_CA_CERTS"] = os.environ["NODE_EXTRA_CA_CERTS"]
        self._process = subprocess.Popen(
            ["node", Path(__file__).with_name(f"{driver}.cjs")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

    def call(self, operation: str, *arguments: object):
        self._secrets.watch(arguments)
        self._say([operation, *arguments])
        answer = json.loads(self._process.stdout.readline())
        while "question" in answer:
            self._say(self._answers[answer["question"]](*answer["arguments"]))
            answer = json.loads(self._process.stdout.readline())
        self._secrets.watch(answer)
        if "refusal" in answer:
            raise Refused(answer["refusal"]["name"], answer["refusal"]["message"])
        return answer["result"]

    def _say(self, document: object) -> None:
        print(json.dumps(document), file=self._process.stdin, flush=True)


class Sdk:
    """The AWS SDK for JavaScript: `sdk("InitiateAuth", AuthFlow=...)`, as boto3 takes it."""

    def __init__(self, node: Node, access_key: dict | None = None):
        self._node = node
        self._credentials = access_key and {
            "accessKeyId": access_key["id"],
            "secretAccessKey": access_key["secret"],
        }

    def __call__(self, operation: str, **input: object) -> dict:
        return self._node.call("send", operation, input, self._credentials)

    def signing(self, access_key: dict) -> "Sdk":
        return Sdk(self._node, access_key)
