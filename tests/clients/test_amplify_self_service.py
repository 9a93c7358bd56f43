"""Amplify does what users do for themselves, with and without passwords."""

import pytest
from keyward_api import Authenticator, new_name, new_password, raised_by
from node_client import Node


@pytest.fixture(scope="module")
def pool(new_pool):
    return new_pool(
        AutoVerifiedAttributes=["email"],
        Policies={"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}},
    )


@pytest.fixture
def tab(pool):
    """A browser's tab in which nobody is signed in."""
    with Node("amplify", pool) as node:
        yield node


@pytest.fixture
def person(pool):
    """Somebody with a verified address, who has confirmed everything."""
    name = new_name("user")
    return pool.new_person(name, email=address(name), email_verified="true")


def address(name: str) -> str:
    return f"{name}@example.com"


def step(answer: dict) -> str:
    return answer["nextStep"]["signInStep"]


@pytest.mark.parametrize(("flow", "password"), [("USER_SRP_AUTH", True), ("USER_AUTH", False)])
def test_who_has_signed_up_is_signed_in_at_once(tab, mailbox, flow, password):
    name = new_name("user")
    options = {"userAttributes": {"email": address(name)}, "autoSignIn": {"authFlowType": flow}}
    started = tab.call(
        "signUp",
        {"username": name, **({"password": new_password()} if password else {}), "options": options},
    )
    assert started["nextStep"]["signUpStep"] == "CONFIRM_SIGN_UP"

    confirmed = tab.call(
        "confirmSignUp", {"username": name, "confirmationCode": mailbox.code(address(name))}
    )

    assert confirmed["nextStep"]["signUpStep"] == "COMPLETE_AUTO_SIGN_IN"
    assert tab.call("autoSignIn")["isSignedIn"]
    assert tab.call("getCurrentUser")["username"] == name


def test_a_forgotten_password_is_set_anew(tab, mailbox, person):
    started = tab.call("resetPassword", {"username": person.username})
    assert started["nextStep"]["resetPasswordStep"] == "CONFIRM_RESET_PASSWORD_WITH_CODE"
    password = new_password()

    tab.call(
        "confirmResetPassword",
        {
            "username": person.username,
            "confirmationCode": mailbox.code(address(person.username)),
            "newPassword": password,
        },
    )

    assert tab.call("signIn", {"username": person.username, "password": password})["isSignedIn"]


def test_tokens_are_renewed(tab, person):
    tab.call("signIn", {"username": person.username, "password": person.password})
    first = tab.call("fetchAuthSession")

    renewed = tab.call("fetchAuthSession", {"forceRefresh": True})

    assert renewed["AccessToken"] != first["AccessToken"]
    assert renewed["claims"]["origin_jti"] == first["claims"]["origin_jti"]


def test_a_session_that_was_ended_elsewhere_is_not_renewed(pool, tab, person):
    tab.call("signIn", {"username": person.username, "password": person.password})

    pool.root.admin_user_global_sign_out(UserPoolId=pool.pool_id, Username=person.username)

    assert tab.call("fetchAuthSession", {"forceRefresh": True}) is None
    assert raised_by(lambda: tab.call("getCurrentUser"))[0] == "UserUnAuthenticatedException"


def test_a_user_leaves(pool, tab, person):
    tab.call("signIn", {"username": person.username, "password": person.password})

    tab.call("deleteUser")

    assert raised_by(lambda: pool.user(person))[0] == "UserNotFoundException"


def test_a_code_by_mail_is_a_way_to_sign_in(tab, mailbox, person):
    options = {"authFlowType": "USER_AUTH", "preferredChallenge": "EMAIL_OTP"}
    started = tab.call("signIn", {"username": person.username, "options": options})
    assert step(started) == "CONFIRM_SIGN_IN_WITH_EMAIL_CODE"

    code = mailbox.code(address(person.username))

    assert tab.call("confirmSignIn", {"challengeResponse": code})["isSignedIn"]


def test_the_user_picks_how_to_sign_in(tab, person):
    started = tab.call("signIn", {"username": person.username, "options": {"authFlowType": "USER_AUTH"}})
    assert step(started) == "CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION"
    assert {"EMAIL_OTP", "PASSWORD", "PASSWORD_SRP"} <= set(started["nextStep"]["availableChallenges"])

    assert step(tab.call("confirmSignIn", {"challengeResponse": "PASSWORD_SRP"})) == (
        "CONFIRM_SIGN_IN_WITH_PASSWORD"
    )

    assert tab.call("confirmSignIn", {"challengeResponse": person.password})["isSignedIn"]


def test_a_second_factor_that_is_needed_is_set_up_on_the_way_in(new_pool):
    pool = new_pool()
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="ON"
    )
    person = pool.new_person()
    credentials = {"username": person.username, "password": person.password}
    with Node("amplify", pool) as tab:
        started = tab.call("signIn", credentials)
        assert step(started) == "CONTINUE_SIGN_IN_WITH_TOTP_SETUP"
        authenticator = Authenticator(started["nextStep"]["totpSetupDetails"]["sharedSecret"])
        assert tab.call("confirmSignIn", {"challengeResponse": authenticator.code()})["isSignedIn"]
        tab.call("signOut")

        assert step(tab.call("signIn", credentials)) == "CONFIRM_SIGN_IN_WITH_TOTP_CODE"
        assert tab.call("confirmSignIn", {"challengeResponse": authenticator.code()})["isSignedIn"]


def test_one_of_two_second_factors_is_picked(new_pool, mailbox):
    pool = new_pool()
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        EmailMfaConfiguration={"Subject": "Code", "Message": "Your code is {####}"},
        MfaConfiguration="OPTIONAL",
    )
    name = new_name("user")
    person = pool.new_person(name, email=address(name), email_verified="true")
    pool.enrol_totp(person)
    on = {"Enabled": True, "PreferredMfa": False}
    pool.root.admin_set_user_mfa_preference(
        UserPoolId=pool.pool_id, Username=name, EmailMfaSettings=on, SoftwareTokenMfaSettings=on
    )
    with Node("amplify", pool) as tab:
        started = tab.call("signIn", {"username": name, "password": person.password})
        assert step(started) == "CONTINUE_SIGN_IN_WITH_MFA_SELECTION"
        assert started["nextStep"]["allowedMFATypes"] == ["TOTP", "EMAIL"]
        assert step(tab.call("confirmSignIn", {"challengeResponse": "EMAIL"})) == (
            "CONFIRM_SIGN_IN_WITH_EMAIL_CODE"
        )
        assert tab.call("confirmSignIn", {"challengeResponse": mailbox.code(address(name))})["isSignedIn"]
        assert tab.call("fetchMFAPreference") == {"enabled": ["TOTP", "EMAIL"]}
