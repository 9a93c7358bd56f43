"""VAMS's client sets itself up, signs in and stays signed in; numbered as in README.md."""

import pytest
import requests
from botocore.exceptions import ClientError
from keyward_api import Authenticator, new_password
from vams_client import VamsClient, VamsError


@pytest.fixture
def client(keyward):
    client = VamsClient(keyward.url, keyward.secrets)
    client.setup()
    return client


def test_setup_finds_the_version_and_the_user_pool(keyward):
    client = VamsClient(keyward.url, keyward.secrets)

    assert client.setup() == {"api_version": "2.5.1", "version_match": True}

    assert client.config["api"] == keyward.url
    assert client.config["region"] == "us-east-1"
    assert client.config["cognitoUserPoolId"].startswith("us-east-1_")
    assert client.config["externalOAuthIdpURL"] == "undefined"


def test_34_a_user_who_was_never_seen_before_signs_in(keyward, client):
    person = keyward.new_person()

    session = client.login(person.username, person.password)

    assert session["profile"] == [{"userId": person.username, "email": person.username}]


def test_a_profile_is_for_its_own_user(keyward, client):
    person, other = keyward.new_person(), keyward.new_person()
    client.login(person.username, person.password)

    with pytest.raises(VamsError) as refusal:
        client.request("GET", f"/auth/loginProfile/{other.username}")

    assert (refusal.value.status, refusal.value.message) == (403, "Not Authorized")


def test_3_the_first_sign_in_of_a_new_user_asks_for_a_new_password(vams, client):
    made = vams.create_user("first-sign-in@example.com", "first-sign-in@example.com")
    chosen = new_password()

    client.login("first-sign-in@example.com", made["temporaryPassword"], new_password=chosen)

    client.login("first-sign-in@example.com", chosen)


def test_30_a_one_time_code_is_asked_for_where_one_is_set_up(keyward, client):
    person = keyward.new_person()
    authenticator = keyward.enrol_totp(person)
    assert isinstance(authenticator, Authenticator)

    client.login(person.username, person.password, code=authenticator.code)

    assert client.request("GET", "/secure-config")


def test_30_a_wrong_password_is_refused_with_the_words_that_the_client_knows(keyward, client):
    with pytest.raises(ClientError) as refusal:
        client.login(keyward.new_person().username, new_password())

    assert refusal.value.response["Error"]["Code"] == "NotAuthorizedException"


def test_30_a_refreshed_session_goes_on(keyward, client):
    person = keyward.new_person()
    client.login(person.username, person.password)
    before = client.tokens["AccessToken"]

    client.refresh()

    assert client.tokens["AccessToken"] != before
    assert client.request("GET", "/secure-config")


def test_a_permission_that_is_missing_doesnt_end_the_session(keyward, client):
    person = keyward.new_person()
    client.login(person.username, person.password)

    with pytest.raises(VamsError) as refusal:
        client.list_users()

    assert (refusal.value.status, refusal.value.message) == (403, "Not Authorized")
    assert str(refusal.value) == "API request failed (403): Not Authorized"
    assert client.request("GET", "/secure-config")


@pytest.mark.parametrize(
    ("authorization", "status", "message"),
    [
        (None, 401, "Unauthorized"),
        ("Bearer not-a-token", 403, "Forbidden"),
        ("Basic YWRtaW46YWRtaW4=", 403, "Forbidden"),
    ],
)
def test_a_missing_or_bad_credential_is_answered_as_the_gateway_does(keyward, authorization, status, message):
    headers = {"Authorization": authorization} if authorization else {}

    answer = requests.get(f"{keyward.url}/secure-config", headers=headers, timeout=10)

    assert (answer.status_code, answer.json()) == (status, {"message": message})


def test_answers_are_json_that_nobody_keeps(vams, keyward):
    headers = {"Authorization": f"Bearer {vams.tokens['AccessToken']}"}

    for path in ("/user/cognito", "/auth/api-keys", "/roles", "/user-roles", "/secure-config"):
        answer = requests.get(keyward.url + path, headers=headers, timeout=10)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("application/json")
        assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("body", "message"), [(None, "Request body is required"), ("{", "Invalid JSON in request body")]
)
def test_a_body_that_is_missing_or_broken_is_said_to_be(vams, keyward, body, message):
    headers = {"Authorization": f"Bearer {vams.tokens['AccessToken']}", "Content-Type": "application/json"}

    for path in ("/user/cognito", "/auth/api-keys", "/roles", "/user-roles"):
        answer = requests.post(keyward.url + path, data=body, headers=headers, timeout=10)
        assert (answer.status_code, answer.json()) == (400, {"message": message})
