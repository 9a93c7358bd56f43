"""boto3 signs users in as the server of an application does."""

import pytest
from keyward_api import new_password, raised_by
from srp import Srp

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


@pytest.fixture
def pool(keyward):
    """What is the same in every pool is tried in the home pool."""
    return keyward


def start(pool, flow: str, **parameters: str) -> dict:
    return pool.root.admin_initiate_auth(
        UserPoolId=pool.pool_id, ClientId=pool.client_id, AuthFlow=flow, AuthParameters=parameters
    )


def respond(pool, challenge: dict, **responses: str) -> dict:
    return pool.root.admin_respond_to_auth_challenge(
        UserPoolId=pool.pool_id,
        ClientId=pool.client_id,
        ChallengeName=challenge["ChallengeName"],
        Session=challenge["Session"],
        ChallengeResponses=responses,
    )


@pytest.mark.parametrize("flow", ["ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"])
def test_a_server_signs_somebody_in_with_a_password(pool, flow):
    person = pool.new_person()

    tokens = start(pool, flow, USERNAME=person.username, PASSWORD=person.password)["AuthenticationResult"]

    assert pool.cognito.get_user(AccessToken=tokens["AccessToken"])["Username"] == person.username
    wrong = {"USERNAME": person.username, "PASSWORD": new_password()}
    assert raised_by(lambda: start(pool, flow, **wrong)) == WRONG_PASSWORD


def test_a_new_user_sets_a_password_through_the_server(pool):
    person = pool.new_user()
    flow = {"USERNAME": person.username, "PASSWORD": person.password}
    challenge = start(pool, "ADMIN_USER_PASSWORD_AUTH", **flow)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    answer = respond(pool, challenge, USERNAME=person.username, NEW_PASSWORD=new_password())

    assert answer["AuthenticationResult"]["RefreshToken"]
    code, message = raised_by(
        lambda: respond(pool, challenge, USERNAME=person.username, NEW_PASSWORD=new_password())
    )
    assert (code, message.split(",")[0]) == ("NotAuthorizedException", "Invalid session for the user")


def test_a_server_renews_tokens(pool):
    person = pool.new_person()
    tokens = pool.sign_in(person)

    for flow in ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"):
        answer = start(pool, flow, REFRESH_TOKEN=tokens["RefreshToken"])
        assert answer["AuthenticationResult"]["AccessToken"]


def test_a_server_carries_srp(pool):
    person = pool.new_person()
    attempt = Srp(pool, person)
    challenge = start(pool, "USER_SRP_AUTH", **attempt.parameters)

    answer = pool.root.admin_respond_to_auth_challenge(
        UserPoolId=pool.pool_id,
        ClientId=pool.client_id,
        ChallengeName="PASSWORD_VERIFIER",
        ChallengeResponses=attempt.responses(challenge),
    )

    assert answer["AuthenticationResult"]["AccessToken"]


def test_the_name_of_another_is_no_answer(pool):
    person, other = pool.new_user(), pool.new_person()
    challenge = pool.start_sign_in(person)

    code, _ = raised_by(lambda: pool.respond(challenge, USERNAME=other.username, NEW_PASSWORD=new_password()))

    assert code in ("NotAuthorizedException", "InvalidParameterException")
