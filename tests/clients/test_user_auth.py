"""boto3 signs in by the flow in which the user picks how."""

import pytest
from keyward_api import new_name, new_password, raised_by
from srp import Srp

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


@pytest.fixture(scope="module")
def pool(new_pool):
    return new_pool()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


def test_the_user_picks_how_to_sign_in(pool):
    person = pool.new_person()
    offered = pool.initiate("USER_AUTH", USERNAME=person.username)
    assert offered["ChallengeName"] == "SELECT_CHALLENGE"
    assert {"PASSWORD", "PASSWORD_SRP"} <= set(offered["AvailableChallenges"])

    answer = pool.respond(offered, USERNAME=person.username, ANSWER="PASSWORD", PASSWORD=person.password)

    assert answer["AuthenticationResult"]["AccessToken"]


def test_the_user_picks_srp(pool):
    person = pool.new_person()
    offered = pool.initiate("USER_AUTH", USERNAME=person.username)
    attempt = Srp(pool, person)

    challenge = pool.respond(offered, ANSWER="PASSWORD_SRP", **attempt.parameters)
    assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
    answer = pool.cognito.respond_to_auth_challenge(
        ClientId=pool.client_id,
        ChallengeName="PASSWORD_VERIFIER",
        ChallengeResponses=attempt.responses(challenge),
        **({"Session": challenge["Session"]} if "Session" in challenge else {}),
    )

    assert answer["AuthenticationResult"]["AccessToken"]


def test_a_preferred_way_is_taken_at_once(pool):
    person = pool.new_person()
    attempt = Srp(pool, person)

    answer = pool.initiate(
        "USER_AUTH",
        USERNAME=person.username,
        PREFERRED_CHALLENGE="PASSWORD",
        PASSWORD=person.password,
    )
    assert answer["AuthenticationResult"]["AccessToken"]
    challenge = pool.initiate("USER_AUTH", PREFERRED_CHALLENGE="PASSWORD_SRP", **attempt.parameters)
    assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
    wrong = {"PREFERRED_CHALLENGE": "PASSWORD", "PASSWORD": new_password()}
    assert raised_by(lambda: pool.initiate("USER_AUTH", USERNAME=person.username, **wrong)) == WRONG_PASSWORD


def test_an_unknown_user_is_offered_a_way_too(pool):
    """Or the list would tell who has an account."""
    offered = pool.initiate("USER_AUTH", USERNAME=new_name("nobody"))

    assert offered["ChallengeName"] == "SELECT_CHALLENGE"
    assert {"PASSWORD", "PASSWORD_SRP"} <= set(offered["AvailableChallenges"])


def test_the_factors_of_a_user_are_told(pool):
    person = pool.new_person()
    token = pool.sign_in(person)["AccessToken"]

    factors = pool.cognito.get_user_auth_factors(AccessToken=token)

    assert factors["Username"] == person.username
    assert "PASSWORD" in factors["ConfiguredUserAuthFactors"]


def test_a_code_by_mail_is_a_way_to_sign_in(new_pool, mailbox):
    pool = new_pool(
        Policies={"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}},
        AutoVerifiedAttributes=["email"],
    )
    name = new_name("user")
    person = pool.new_person(name, email=f"{name}@example.com", email_verified="true")

    challenge = pool.initiate("USER_AUTH", USERNAME=name, PREFERRED_CHALLENGE="EMAIL_OTP")
    assert challenge["ChallengeName"] == "EMAIL_OTP"
    code = mailbox.code(f"{name}@example.com")
    refusal = raised_by(lambda: pool.respond(challenge, USERNAME=person.username, EMAIL_OTP_CODE=wrong(code)))
    assert refusal[0] == "CodeMismatchException"

    challenge = pool.initiate("USER_AUTH", USERNAME=name, PREFERRED_CHALLENGE="EMAIL_OTP")
    code = mailbox.code(f"{name}@example.com")
    answer = pool.respond(challenge, USERNAME=person.username, EMAIL_OTP_CODE=code)
    assert answer["AuthenticationResult"]["AccessToken"]
    assert raised_by(lambda: pool.respond(challenge, USERNAME=name, EMAIL_OTP_CODE=code))[0] == (
        "NotAuthorizedException"
    )
