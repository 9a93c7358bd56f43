"""Amplify does what users do for themselves, with and without passwords."""

import pytest
from keyward_api import new_name, new_password, raised_by
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
