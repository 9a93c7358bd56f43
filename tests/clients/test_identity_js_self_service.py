"""amazon-cognito-identity-js does what users do for themselves."""

import pytest
from keyward_api import Authenticator, Person, new_name, new_password, raised_by
from node_client import Node

WRONG_CODE = (
    "CodeMismatchException",
    "Invalid verification code provided, please try again or request a code again.",
)


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


def test_a_second_factor_that_is_needed_is_set_up_on_the_way_in(new_pool):
    pool = new_pool()
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="ON"
    )
    person: Person = pool.new_person()
    with Node("identity", pool) as identity:
        assert identity.call("signIn", person.username, person.password)["challenge"] == "MFA_SETUP"
        authenticator = Authenticator(identity.call("associateSoftwareToken")["SecretCode"])
        assert identity.call("verifySoftwareToken", authenticator.code())["claims"]

        challenge = identity.call("signIn", person.username, person.password)
        assert challenge["challenge"] == "SOFTWARE_TOKEN_MFA"
        assert identity.call("sendMFACode", authenticator.code(), "SOFTWARE_TOKEN_MFA")["claims"]


def test_one_of_two_second_factors_is_picked(new_pool, mailbox):
    pool = new_pool()
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        EmailMfaConfiguration={"Subject": "Code", "Message": "Your code is {####}"},
        MfaConfiguration="OPTIONAL",
    )
    name = new_name("user")
    person: Person = pool.new_person(name, email=address(name), email_verified="true")
    pool.enrol_totp(person)
    pool.root.admin_set_user_mfa_preference(
        UserPoolId=pool.pool_id,
        Username=name,
        EmailMfaSettings={"Enabled": True, "PreferredMfa": False},
        SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": False},
    )
    with Node("identity", pool) as identity:
        assert identity.call("signIn", name, person.password)["challenge"] == "SELECT_MFA_TYPE"
        assert identity.call("sendMFASelection", "SOFTWARE_TOKEN_MFA")["challenge"] == "SOFTWARE_TOKEN_MFA"
