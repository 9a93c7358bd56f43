#!/usr/bin/env python3
"""Searches everything that a test run wrote and printed for the secrets that its tests used.

Usage: secrets.py RUN, where RUN has `secrets/` (one secret a line), and beside it whatever is to be searched:
data folders with their databases, logs at their most talkative, what the tests printed. `make test` makes it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

# Where a secret belongs: the file of mode 0600 that the command line keeps tokens in when there is no keyring.
KEEPERS = {"credentials.json"}
# A run with fewer has lost its notes, and would prove nothing.
FEWEST = 150


def search(run: Path, secrets: set[str]) -> list[str]:
    with tempfile.NamedTemporaryFile("w") as patterns:
        patterns.write("\n".join(sorted(secrets)) + "\n")
        patterns.flush()
        command = ["grep", "--recursive", "--text", "--fixed-strings", "--files-with-matches", "--exclude-dir=secrets"]
        excluded = [f"--exclude={name}" for name in sorted(KEEPERS)]
        found = subprocess.run(
            [*command, *excluded, f"--file={patterns.name}", str(run)], stdout=subprocess.PIPE, text=True, check=False
        )
    if found.returncode not in (0, 1):
        sys.exit("secrets: the search itself failed")
    return found.stdout.split()


def main() -> None:
    run = Path(sys.argv[1])
    secrets = {line for notes in (run / "secrets").iterdir() for line in notes.read_text().split()}
    if len(secrets) < FEWEST:
        sys.exit(f"secrets: only {len(secrets)} were noted, at least {FEWEST} were expected")
    # A search that finds nothing is believed once it has found what was hidden for it.
    control = run / "control"
    control.write_text(f"...{min(secrets)}...")
    if str(control) not in search(run, secrets):
        sys.exit("secrets: the search doesn't find what was hidden for it")
    control.unlink()

    found = search(run, secrets)
    for file in found:
        print(f"secrets: a secret lies in {file}")
    searched = sum(1 for path in run.rglob("*") if path.is_file())
    print(f"secrets: {len(secrets)} looked for in {searched} files, found in {len(found)}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
