"""AWS's command line, as somebody types it: `aws cognito-idp OPERATION --endpoint-url ...`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from keyward_api import Refused

AWS = Path(sys.executable).with_name("aws")
REFUSAL = re.compile(r"An error occurred \((\w+)\) when calling the \w+ operation: (.*)", re.DOTALL)


class AwsCli:
    """`aws("initiate-auth", auth_flow=..., client_id=...)` runs it; True and False are switches."""

    def __init__(self, keyward, access_key: dict | None = None):
        self._keyward = keyward
        self._environment = {
            name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("AWS_")
        }
        self._environment |= {"AWS_DEFAULT_REGION": keyward.region, "AWS_MAX_ATTEMPTS": "1"}
        if access_key:
            self._environment["AWS_ACCESS_KEY_ID"] = access_key["id"]
            self._environment["AWS_SECRET_ACCESS_KEY"] = access_key["secret"]

    def __call__(self, operation: str, **options: object):
        command = [AWS, "cognito-idp", operation, "--endpoint-url", self._keyward.url, "--output", "json"]
        for name, value in options.items():
            option = name.replace("_", "-")
            if isinstance(value, bool):
                command.append(f"--{option}" if value else f"--no-{option}")
            else:
                command += [f"--{option}", *(value if isinstance(value, list) else [str(value)])]
        run = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=60)
        if run.returncode != 0:
            refusal = REFUSAL.search(run.stderr)
            assert refusal, run.stderr
            raise Refused(refusal[1], refusal[2].strip())
        # An operation that answers {} prints nothing.
        answer = json.loads(run.stdout or "{}")
        self._keyward.secrets.watch(answer)
        return answer
