"""amazon-cognito-identity-js does what users do for themselves."""

import pytest
from keyward_api import new_name, new_password, raised_by
from node_client import Node

WRONG_CODE = ("CodeMismatchException", "Invalid verification code provided, please try again.")


@pytest.fixture(scope="module")
def pool(new_pool):
    return new_pool(AutoVerifiedAttributes=["email"])


@pytest.fixture
def identity(pool):
    with Node("identity", pool) as node:
        yield node


@pytest.fixture
def person(pool):
    """Somebody with a verified address, who has confirmed everything."""
    name = new_name("user")
    return pool.new_person(name, email=address(name), email_verified="true")


def address(name: str) -> str:
    return f"{name}@example.com"


def test_a_forgotten_password_is_set_anew(identity, mailbox, person):
    assert (
        identity.call("forgotPassword", person.username)["CodeDeliveryDetails"]["DeliveryMedium"] == "EMAIL"
    )
    password = new_password()

    assert identity.call("confirmPassword", mailbox.code(address(person.username)), password) == "SUCCESS"

    assert identity.call("signIn", person.username, password)["claims"]["token_use"] == "id"
    refusal = raised_by(lambda: identity.call("signIn", person.username, person.password))
    assert refusal == ("NotAuthorizedException", "Incorrect username or password.")


def test_a_code_for_an_address_is_asked_for(identity, mailbox, pool):
    name = new_name("user")
    person = pool.new_person(name, email=address(name))
    identity.call("signIn", person.username, person.password)

    identity.call("sendAttributeCode", "email")
    assert identity.call("verifyAttribute", "email", mailbox.code(address(name))) == "SUCCESS"

    attributes = identity.call("getUserData")["UserAttributes"]
    assert {"Name": "email_verified", "Value": "true"} in attributes


def test_a_user_leaves(identity, pool, person):
    identity.call("signIn", person.username, person.password)

    assert identity.call("deleteUser") == "SUCCESS"

    assert raised_by(lambda: pool.user(person))[0] == "UserNotFoundException"
