"""amazon-cognito-identity-js signs in by SRP, its default, and by password."""

import pytest
from keyward_api import Authenticator, new_password, nobody, raised_by
from node_client import Node

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


@pytest.fixture
def identity(keyward):
    with Node("identity", keyward) as node:
        yield node


@pytest.mark.parametrize("flow", ["USER_SRP_AUTH", "USER_PASSWORD_AUTH"])
def test_it_signs_in(keyward, identity, flow):
    person = keyward.new_person()

    claims = identity.call("signIn", person.username, person.password, flow)["claims"]

    assert (claims["email"], claims["token_use"]) == (person.username, "id")
    attributes = identity.call("getUserData")["UserAttributes"]
    assert {"Name": "email", "Value": person.username} in attributes


@pytest.mark.parametrize("flow", ["USER_SRP_AUTH", "USER_PASSWORD_AUTH"])
def test_a_wrong_password_and_an_unknown_user_look_the_same(keyward, identity, flow):
    for username in (keyward.new_person().username, nobody().username):
        call = ("signIn", username, new_password(), flow)
        assert raised_by(lambda call=call: identity.call(*call)) == WRONG_PASSWORD


def test_a_new_user_sets_a_password_that_meets_the_policy(keyward, identity):
    person = keyward.new_user()
    started = identity.call("signIn", person.username, person.password)
    assert started["challenge"] == "NEW_PASSWORD_REQUIRED"
    assert (started["attributes"]["email"], started["required"]) == (person.username, [])

    refusal = raised_by(lambda: identity.call("completeNewPassword", "too-weak"))
    done = identity.call("completeNewPassword", new_password())

    assert refusal[0] == "InvalidPasswordException"
    assert done["claims"]["email"] == person.username


def test_it_enrols_an_authenticator_and_shows_its_codes(keyward, identity):
    person = keyward.new_person()
    identity.call("signIn", person.username, person.password)
    authenticator = Authenticator(identity.call("associateSoftwareToken")["SecretCode"])
    refusal = raised_by(lambda: identity.call("verifySoftwareToken", "000000"))
    assert refusal == ("EnableSoftwareTokenMFAException", "Code mismatch")
    identity.call("verifySoftwareToken", authenticator.code())
    identity.call("preferSoftwareToken")

    challenge = identity.call("signIn", person.username, person.password)
    assert challenge["challenge"] == "SOFTWARE_TOKEN_MFA"
    done = identity.call("sendMFACode", authenticator.code(), "SOFTWARE_TOKEN_MFA")

    assert done["claims"]["email"] == person.username
    assert identity.call("getUserData")["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"


def test_a_wrong_one_time_code_and_a_used_one_are_refused(keyward, identity):
    person = keyward.new_person()
    authenticator = keyward.enrol_totp(person)
    code = authenticator.code()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    def show(code: str) -> dict:
        identity.call("signIn", person.username, person.password)
        return identity.call("sendMFACode", code, "SOFTWARE_TOKEN_MFA")

    assert raised_by(lambda: show(wrong)) == ("CodeMismatchException", "Invalid code received for user")
    assert show(code)["claims"]
    assert raised_by(lambda: show(code))[0] == "ExpiredCodeException"


def test_it_renews_its_tokens(keyward, identity):
    person = keyward.new_person()
    first = identity.call("signIn", person.username, person.password)

    renewed = identity.call("refresh")

    assert renewed["AccessToken"] != first["AccessToken"]
    assert renewed["RefreshToken"] == first["RefreshToken"]
    assert identity.call("getUserData")["Username"] == person.username


def test_signing_out_revokes_the_tokens_and_no_other_session(keyward, identity):
    person = keyward.new_person()
    elsewhere = keyward.sign_in(person)["AccessToken"]
    token = identity.call("signIn", person.username, person.password)["AccessToken"]

    identity.call("signOut")

    assert raised_by(lambda: keyward.cognito.get_user(AccessToken=token)) == (
        "NotAuthorizedException",
        "Access Token has been revoked",
    )
    assert keyward.cognito.get_user(AccessToken=elsewhere)


def test_signing_out_everywhere_ends_every_session(keyward, identity):
    person = keyward.new_person()
    elsewhere = keyward.sign_in(person)["AccessToken"]
    identity.call("signIn", person.username, person.password)

    assert identity.call("globalSignOut") == "SUCCESS"

    assert raised_by(lambda: keyward.cognito.get_user(AccessToken=elsewhere))[0] == "NotAuthorizedException"
