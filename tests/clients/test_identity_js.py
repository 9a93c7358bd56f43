"""amazon-cognito-identity-js signs in by SRP, its default."""

import json
import os
import subprocess
from pathlib import Path

from keyward_api import Person, new_password
from keyward_server import ROOT


def sign_in(keyward, person: Person, **answers: str) -> dict:
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": str(ROOT / ".cache/node/node_modules"),
        "URL": keyward.url,
        "POOL_ID": keyward.pool_id,
        "CLIENT_ID": keyward.client_id,
        "USERNAME": person.username,
        "PASSWORD": person.password,
        **answers,
    }
    command = ["node", Path(__file__).with_name("identity.cjs")]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    return json.loads(run.stdout)


def test_it_signs_in(keyward):
    person = keyward.new_person()

    assert sign_in(keyward, person) == {"challenges": [], "email": person.username, "token_use": "id"}


def test_a_wrong_password_is_refused(keyward):
    person = keyward.new_person()

    answer = sign_in(keyward, Person(person.username, new_password()))

    assert (answer["code"], answer["message"]) == (
        "NotAuthorizedException",
        "Incorrect username or password.",
    )


def test_a_new_user_sets_a_password(keyward):
    person = keyward.new_user()

    answer = sign_in(keyward, person, NEW_PASSWORD=new_password())

    assert answer == {
        "challenges": ["NEW_PASSWORD_REQUIRED"],
        "email": person.username,
        "token_use": "id",
    }


def test_a_one_time_code_is_asked_for_where_one_is_set_up(keyward):
    person = keyward.new_person()
    authenticator = keyward.enrol_totp(person)

    answer = sign_in(keyward, person, CODE=authenticator.code())

    assert answer == {"challenges": ["SOFTWARE_TOKEN_MFA"], "email": person.username, "token_use": "id"}
