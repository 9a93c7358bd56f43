"""The snippets of the manual run, in every language, and say the same."""

import os
import subprocess
import sys

import pytest
from conftest import BINARY
from keyward_server import ROOT

SNIPPETS = ROOT / "docs" / "snippets"
LANGUAGES = {
    "curl": ["bash", SNIPPETS / "authorize.sh"],
    "Python": [sys.executable, SNIPPETS / "authorize.py"],
    "TypeScript": [ROOT / ".cache/node/node_modules/.bin/tsx", SNIPPETS / "authorize.mts"],
    "Rust": [BINARY.parent / "examples" / "authorize"],
}


def run(language: str, keyward, credential: str, service_key: str) -> subprocess.CompletedProcess:
    environment = {
        "PATH": os.environ["PATH"],
        "KEYWARD_URL": keyward.url,
        "SERVICE_KEY": service_key,
        "CREDENTIAL": credential,
    }
    return subprocess.run(
        LANGUAGES[language],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_good_key_is_told_apart_by_permission(keyward, language):
    bot = keyward.new_program_user(keyward.new_role("read:*"))

    ran = run(language, keyward, keyward.new_key(bot)["secret"], keyward.service_key())

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"allowed: {bot}\nread:database yes\nwrite:database no\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_key_is_refused(keyward, language):
    ran = run(language, keyward, "vams_unknown", keyward.service_key())

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "refused: unknown_credential\nread:database no\nwrite:database no\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_service_that_may_not_ask_fails(keyward, language):
    key = keyward.new_key(keyward.new_program_user(keyward.new_role("read:*")))["secret"]

    ran = run(language, keyward, key, service_key="vams_unknown")

    assert ran.returncode != 0
    assert "allowed" not in ran.stdout
