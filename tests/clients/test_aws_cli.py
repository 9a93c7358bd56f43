"""`aws cognito-idp` signs in, for the command line of a script that has to have a token."""

import json

import pytest
from keyward_api import Authenticator, Person, new_password, nobody, raised_by
from srp import Srp

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


@pytest.fixture
def start(keyward, aws):
    def start(person: Person) -> dict:
        return aws(
            "initiate-auth",
            auth_flow="USER_PASSWORD_AUTH",
            client_id=keyward.client_id,
            auth_parameters=f"USERNAME={person.username},PASSWORD={person.password}",
        )

    return start


@pytest.fixture
def respond(keyward, aws):
    def respond(challenge: dict, **responses: str) -> dict:
        return aws(
            "respond-to-auth-challenge",
            client_id=keyward.client_id,
            challenge_name=challenge["ChallengeName"],
            session=challenge["Session"],
            challenge_responses=",".join(f"{name}={value}" for name, value in responses.items()),
        )

    return respond


def test_a_new_user_sets_a_password_and_reads_the_account(keyward, aws, start, respond):
    person = keyward.new_user()
    challenge = start(person)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    answer = respond(challenge, USERNAME=person.username, NEW_PASSWORD=new_password())

    user = aws("get-user", access_token=answer["AuthenticationResult"]["AccessToken"])
    assert {"Name": "email", "Value": person.username} in user["UserAttributes"]
    code, message = raised_by(lambda: respond(challenge, NEW_PASSWORD=new_password()))
    assert (code, message.split(",")[0]) == ("NotAuthorizedException", "Invalid session for the user")


def test_it_carries_srp(keyward, aws):
    person = keyward.new_person()

    def sign_in(attempt: Srp) -> dict:
        challenge = aws(
            "initiate-auth",
            auth_flow="USER_SRP_AUTH",
            client_id=keyward.client_id,
            auth_parameters=json.dumps(attempt.parameters),
        )
        assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
        return aws(
            "respond-to-auth-challenge",
            client_id=keyward.client_id,
            challenge_name="PASSWORD_VERIFIER",
            challenge_responses=json.dumps(attempt.responses(challenge)),
        )

    assert sign_in(Srp(keyward, person))["AuthenticationResult"]["TokenType"] == "Bearer"
    wrong = Person(person.username, new_password())
    assert raised_by(lambda: sign_in(Srp(keyward, wrong))) == WRONG_PASSWORD


def test_it_enrols_an_authenticator_and_shows_its_codes(keyward, aws, start, respond):
    person = keyward.new_person()
    token = start(person)["AuthenticationResult"]["AccessToken"]

    authenticator = Authenticator(aws("associate-software-token", access_token=token)["SecretCode"])
    verified = aws("verify-software-token", access_token=token, user_code=authenticator.code())
    aws(
        "set-user-mfa-preference",
        access_token=token,
        software_token_mfa_settings="Enabled=true,PreferredMfa=true",
    )

    assert verified["Status"] == "SUCCESS"
    code = authenticator.code()
    answer = respond(start(person), USERNAME=person.username, SOFTWARE_TOKEN_MFA_CODE=code)
    assert "AccessToken" in answer["AuthenticationResult"]
    assert raised_by(lambda: respond(start(person), SOFTWARE_TOKEN_MFA_CODE=code)) == (
        "ExpiredCodeException",
        "Your software token has already been used once.",
    )


def test_it_renews_tokens_and_takes_them_back(keyward, aws, start):
    person = keyward.new_person()
    tokens = start(person)["AuthenticationResult"]

    def refresh() -> dict:
        return aws(
            "initiate-auth",
            auth_flow="REFRESH_TOKEN_AUTH",
            client_id=keyward.client_id,
            auth_parameters=f"REFRESH_TOKEN={tokens['RefreshToken']}",
        )

    renewed = refresh()["AuthenticationResult"]["AccessToken"]
    aws("revoke-token", token=tokens["RefreshToken"], client_id=keyward.client_id)
    assert raised_by(refresh) == ("NotAuthorizedException", "Refresh Token has been revoked")
    assert raised_by(lambda: aws("get-user", access_token=renewed)) == (
        "NotAuthorizedException",
        "Access Token has been revoked",
    )

    other = start(person)["AuthenticationResult"]
    aws("global-sign-out", access_token=other["AccessToken"])
    code, _ = raised_by(lambda: aws("get-user", access_token=other["AccessToken"]))
    assert code == "NotAuthorizedException"


def test_what_is_wrong_is_refused_in_the_words_of_aws(keyward, aws, start):
    person = keyward.new_person()

    assert raised_by(lambda: start(Person(person.username, new_password()))) == WRONG_PASSWORD
    assert raised_by(lambda: start(nobody())) == WRONG_PASSWORD
    assert raised_by(
        lambda: aws(
            "initiate-auth",
            auth_flow="USER_PASSWORD_AUTH",
            client_id="0123456789abcdefghijklmnop",
            auth_parameters="USERNAME=a,PASSWORD=b",
        )
    ) == ("ResourceNotFoundException", "User pool client 0123456789abcdefghijklmnop does not exist.")
    assert raised_by(lambda: aws("get-user", access_token="x.y.z"))[0] == "NotAuthorizedException"
