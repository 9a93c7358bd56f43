"""The example application lets in whom Keyward lets in; its README's commands do what they say."""

import contextlib
import os
import re
import subprocess
import sys

import pytest
import requests
from conftest import BINARY
from keyward_server import ROOT, free_port

EXAMPLE = ROOT / "examples" / "app"


@contextlib.contextmanager
def application(keyward_url: str, service_key: str):
    environment = {
        "KEYWARD_URL": keyward_url,
        "SERVICE_KEY": service_key,
        "PORT": "0",
        "PATH": os.environ["PATH"],
    }
    process = subprocess.Popen(
        [sys.executable, EXAMPLE / "app.py"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.stdout.readline().split("listening on ")[1].strip()
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def url(keyward):
    with application(keyward.url, keyward.service_key()) as url:
        yield url


def ask(url: str, authorization: str | None) -> requests.Response:
    headers = {"Authorization": authorization} if authorization else {}
    return requests.get(f"{url}/database", headers=headers, timeout=10)


def test_a_key_with_the_permission_gets_in(keyward, url):
    bot = keyward.new_program_user(keyward.new_role("read:*"))
    key = keyward.new_key(bot)["secret"]

    for authorization in (key, f"Bearer {key}"):
        answer = ask(url, authorization)
        assert (answer.status_code, answer.json()["you_are"]) == (200, bot)


def test_a_persons_token_gets_in(keyward, url):
    person = keyward.new_person(keyward.new_role("read:database"))

    answer = ask(url, f"Bearer {keyward.sign_in(person)['AccessToken']}")

    assert (answer.status_code, answer.json()["you_are"]) == (200, person.username)


def test_a_key_without_the_permission_is_known_but_kept_out(keyward, url):
    key = keyward.new_key(keyward.new_program_user(keyward.new_role("write:database")))["secret"]

    assert ask(url, key).status_code == 403


def test_nobody_and_an_unknown_key_are_asked_who_they_are(keyward, url):
    for authorization in (None, "vams_unknown", "Bearer nonsense", "Basic YTpi"):
        answer = ask(url, authorization)
        assert answer.status_code == 401
        assert "WWW-Authenticate" in answer.headers


def test_a_disabled_key_is_refused_on_the_next_request(keyward, url):
    key = keyward.new_key(keyward.new_program_user(keyward.new_role("read:database")))
    assert ask(url, key["secret"]).status_code == 200

    keyward.admin.patch(f"/api-keys/{key['id']}", {"active": False})

    assert ask(url, key["secret"]).status_code == 401


def test_a_role_that_is_taken_away_counts_on_the_next_request(keyward, url):
    bot = keyward.new_program_user(keyward.new_role("read:database"))
    key = keyward.new_key(bot)["secret"]
    assert ask(url, key).status_code == 200

    keyward.admin.put(f"/users/{bot}/roles", {"roles": []})

    assert ask(url, key).status_code == 403


def test_a_key_for_other_addresses_is_kept_out(keyward, url):
    bot = keyward.new_program_user(keyward.new_role("read:database"))
    elsewhere = keyward.new_key(bot, allowed_addresses=["203.0.113.0/24"])["secret"]
    here = keyward.new_key(bot, allowed_addresses=["127.0.0.0/8"])["secret"]

    assert ask(url, elsewhere).status_code == 403
    assert ask(url, here).status_code == 200


def test_nobody_gets_in_while_keyward_cant_be_asked(keyward):
    key = keyward.new_key(keyward.new_program_user(keyward.new_role("read:database")))["secret"]

    with application(f"http://127.0.0.1:{free_port()}", keyward.service_key()) as url:
        assert ask(url, key).status_code == 503


@pytest.mark.parametrize("permission", [None, "read:database"])
def test_nobody_gets_in_where_the_application_itself_may_not_ask(keyward, permission):
    key = keyward.new_key(keyward.new_program_user(keyward.new_role("read:database")))["secret"]
    bad = "vams_unknown"
    if permission:
        bad = keyward.new_key(keyward.new_program_user(keyward.new_role(permission)))["secret"]

    with application(keyward.url, bad) as url:
        assert ask(url, key).status_code == 503


def test_the_curl_line_of_the_manual_works(keyward, url):
    key = keyward.new_key(keyward.new_program_user(keyward.new_role("read:database")))["secret"]

    command = ["curl", "--silent", "--fail", "-H", f"Authorization: {key}", f"{url}/database"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True)

    assert answer.returncode == 0
    assert '"rows"' in answer.stdout


def test_the_commands_of_the_readme_do_what_it_says(fresh_keyward, tmp_path):
    keyward = fresh_keyward
    admin = keyward.new_key(keyward.new_program_user("ADMINS"))["secret"]
    blocks = re.findall(r"```sh\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.DOTALL)
    service, reader, start, ask_it, take_away = blocks
    port = free_port()
    script = "\n".join(
        [
            "set -eu",
            service,
            reader,
            f"PORT={port} {start.strip()} >/dev/null 2>&1 &",
            "trap 'kill %1' EXIT",
            f"curl --silent --retry 20 --retry-connrefused http://localhost:{port}/ >/dev/null",
            ask_it,
            "echo",
            "echo ------",
            take_away,
        ]
    ).replace("http://localhost:8481", f"http://localhost:{port}")
    environment = {
        "PATH": f"{BINARY.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "KEYWARD_URL": keyward.url,
        "KEYWARD_API_KEY": admin,
    }

    run = subprocess.run(
        ["bash", "-c", script.replace("curl -H", "curl -s -H")],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )

    assert run.returncode == 0, run.stderr
    before, after = run.stdout.split("------")
    assert '{"rows": ["one", "two"], "you_are": "ci-bot@example.com"}' in before
    assert "Send an API key or a token" in before
    assert "You need read:database" in after
