"""boto3 signs what AWS asks a signature for, with an access key of Keyward's."""

import datetime

import botocore.auth
import pytest
from conftest import running
from keyward_api import raised_by

UNKNOWN = ("UnrecognizedClientException", "The security token included in the request is invalid.")
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def access_key(keyward):
    """The access key of a bot that may see users."""
    return keyward.new_access_key(keyward.new_program_user(keyward.new_role("view:users")))


def ask(keyward, client, username: str | None = None):
    return client.admin_get_user(
        UserPoolId=keyward.pool_id, Username=username or keyward.admin_person.username
    )


def test_whoever_may_see_users_is_told_about_them(keyward, access_key):
    person = keyward.new_person("RESEARCHERS")
    keyward.enrol_totp(person)
    client = keyward.signing_client(access_key)

    user = ask(keyward, client, person.username)

    attributes = {attribute["Name"]: attribute["Value"] for attribute in user["UserAttributes"]}
    assert (user["Username"], attributes["email"]) == (person.username, person.username)
    assert (user["Enabled"], user["UserStatus"]) == (True, "CONFIRMED")
    assert (user["PreferredMfaSetting"], user["UserMFASettingList"]) == (
        "SOFTWARE_TOKEN_MFA",
        ["SOFTWARE_TOKEN_MFA"],
    )
    age = datetime.datetime.now(datetime.timezone.utc) - user["UserCreateDate"]
    assert datetime.timedelta(0) <= age < 10 * MINUTE
    assert user["UserCreateDate"] <= user["UserLastModifiedDate"]
    assert ask(keyward, client, attributes["sub"])["Username"] == person.username


def test_any_region_will_do(keyward, access_key):
    client = keyward.signing_client(access_key, region_name="eu-central-1")

    assert ask(keyward, client)["Enabled"]


def test_an_unsigned_request_is_refused(keyward):
    refusal = raised_by(lambda: ask(keyward, keyward.cognito))

    assert refusal == ("MissingAuthenticationTokenException", "Missing Authentication Token")


def test_a_wrong_secret_and_an_unknown_key_are_refused(keyward, access_key):
    wrong = keyward.signing_client({**access_key, "secret": access_key["secret"][::-1]})
    unknown = keyward.signing_client({**access_key, "id": "AKIAIOSFODNN7EXAMPLE"})

    code, message = raised_by(lambda: ask(keyward, wrong))
    assert code == "InvalidSignatureException"
    assert message.startswith("The request signature we calculated does not match the signature you provided.")
    assert raised_by(lambda: ask(keyward, unknown)) == UNKNOWN


def test_an_api_key_is_no_access_key(keyward, access_key):
    api_key = keyward.new_key(keyward.new_program_user("ADMINS"))
    client = keyward.signing_client({"id": api_key["public_id"], "secret": api_key["secret"]})

    assert raised_by(lambda: ask(keyward, client)) == UNKNOWN


@pytest.mark.parametrize(
    ("minutes", "message"), [(-6, "Signature expired: "), (6, "Signature not yet current: ")]
)
def test_a_clock_that_is_wrong_is_told(keyward, access_key, monkeypatch, minutes, message):
    client = keyward.signing_client(access_key)
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now() + minutes * MINUTE)

    code, found = raised_by(lambda: ask(keyward, client))

    assert (code, found[: len(message)]) == ("InvalidSignatureException", message)


def test_without_the_permission_access_is_denied(keyward):
    client = keyward.signing_client(keyward.new_access_key(keyward.new_program_user("RESEARCHERS")))

    code, message = raised_by(lambda: ask(keyward, client))

    assert code == "AccessDeniedException"
    assert "view:users" in message


def test_what_is_not_there_is_said_in_awss_words(keyward, access_key):
    client = keyward.signing_client(access_key)

    assert raised_by(lambda: ask(keyward, client, "nobody@example.com")) == (
        "UserNotFoundException",
        "User does not exist.",
    )
    assert raised_by(lambda: client.admin_get_user(UserPoolId="us-east-1_other", Username="ada")) == (
        "ResourceNotFoundException",
        "User pool us-east-1_other does not exist.",
    )


def test_a_deleted_key_and_one_of_a_disabled_user_are_refused_at_once(keyward):
    bot = keyward.new_program_user(keyward.new_role("view:users"))
    one, other = keyward.new_access_key(bot), keyward.new_access_key(bot)
    first, second = keyward.signing_client(one), keyward.signing_client(other)
    assert ask(keyward, first) and ask(keyward, second)

    keyward.admin.delete(f"/access-keys/{one['id']}")
    assert raised_by(lambda: ask(keyward, first)) == UNKNOWN
    assert ask(keyward, second)
    keyward.admin.patch(f"/users/{bot}", {"enabled": False})
    assert raised_by(lambda: ask(keyward, second)) == UNKNOWN


def test_a_developers_server_takes_any_credentials_or_none(tmp_path, no_aws_settings):
    with running(tmp_path, dev="true") as keyward:
        anybody = keyward.signing_client({"id": "test", "secret": "test"}, region_name="eu-west-1")

        for client in (anybody, keyward.cognito):
            assert ask(keyward, client)["Username"] == keyward.admin_person.username
