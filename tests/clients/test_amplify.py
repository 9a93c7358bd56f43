"""Amplify signs in by SRP, its default, and by password."""

import pytest
from keyward_api import Authenticator, new_password, nobody, raised_by
from node_client import Node

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


@pytest.fixture
def tab(keyward):
    """A browser's tab in which nobody is signed in."""
    with Node("amplify", keyward) as node:
        yield node


def next_step(answer: dict) -> str:
    return answer["nextStep"]["signInStep"]


@pytest.mark.parametrize("flow", ["USER_SRP_AUTH", "USER_PASSWORD_AUTH"])
def test_a_new_user_sets_a_password(keyward, tab, flow):
    person = keyward.new_user()
    credentials = {"username": person.username, "password": person.password}
    started = tab.call("signIn", {**credentials, "options": {"authFlowType": flow}})
    assert next_step(started) == "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED"

    done = tab.call("confirmSignIn", {"challengeResponse": new_password()})

    assert done["isSignedIn"]
    assert tab.call("getCurrentUser")["signInDetails"]["loginId"] == person.username
    assert tab.call("fetchUserAttributes")["email"] == person.username
    assert tab.call("fetchAuthSession")["claims"]["token_use"] == "id"


@pytest.mark.parametrize("flow", ["USER_SRP_AUTH", "USER_PASSWORD_AUTH"])
def test_a_wrong_password_and_an_unknown_user_look_the_same(keyward, tab, flow):
    person = keyward.new_person()

    for username in (person.username, nobody().username):
        wrong = {"username": username, "password": new_password(), "options": {"authFlowType": flow}}
        assert raised_by(lambda wrong=wrong: tab.call("signIn", wrong)) == WRONG_PASSWORD


def test_it_enrols_an_authenticator_and_shows_its_codes(keyward, tab):
    person = keyward.new_person()
    credentials = {"username": person.username, "password": person.password}
    tab.call("signIn", credentials)

    authenticator = Authenticator(tab.call("setUpTOTP")["sharedSecret"])
    tab.call("verifyTOTPSetup", {"code": authenticator.code()})
    tab.call("updateMFAPreference", {"totp": "PREFERRED"})
    assert tab.call("fetchMFAPreference") == {"enabled": ["TOTP"], "preferred": "TOTP"}
    tab.call("signOut")

    assert next_step(tab.call("signIn", credentials)) == "CONFIRM_SIGN_IN_WITH_TOTP_CODE"
    code = authenticator.code()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    refusal = raised_by(lambda: tab.call("confirmSignIn", {"challengeResponse": wrong}))
    assert refusal == ("CodeMismatchException", "Invalid code received for user")
    next_step(tab.call("signIn", credentials))
    assert tab.call("confirmSignIn", {"challengeResponse": code})["isSignedIn"]


def test_signing_out_revokes_the_tokens_and_no_other_session(keyward, tab):
    person = keyward.new_person()
    elsewhere = keyward.sign_in(person)["AccessToken"]
    tab.call("signIn", {"username": person.username, "password": person.password})
    token = tab.call("fetchAuthSession")["AccessToken"]

    tab.call("signOut")

    assert tab.call("fetchAuthSession") is None
    assert raised_by(lambda: keyward.cognito.get_user(AccessToken=token)) == (
        "NotAuthorizedException",
        "Access Token has been revoked",
    )
    assert keyward.cognito.get_user(AccessToken=elsewhere)


def test_signing_out_everywhere_ends_every_session(keyward, tab):
    person = keyward.new_person()
    elsewhere = keyward.sign_in(person)["AccessToken"]
    tab.call("signIn", {"username": person.username, "password": person.password})

    tab.call("signOut", {"global": True})

    assert raised_by(lambda: keyward.cognito.get_user(AccessToken=elsewhere))[0] == "NotAuthorizedException"


def test_a_session_that_was_ended_elsewhere_is_noticed(keyward, tab):
    person = keyward.new_person()
    tab.call("signIn", {"username": person.username, "password": person.password})

    keyward.cognito.global_sign_out(AccessToken=keyward.sign_in(person)["AccessToken"])

    assert raised_by(lambda: tab.call("fetchUserAttributes"))[0] == "NotAuthorizedException"
