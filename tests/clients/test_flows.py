"""boto3 signs in where an app client, a pool or a challenge is the wrong one."""

import pytest
from keyward_api import new_password, raised_by


@pytest.fixture(scope="module")
def pool(new_pool):
    return new_pool()


def test_flows_are_for_those_whom_they_are_for(pool):
    person = pool.new_person()
    password = {"USERNAME": person.username, "PASSWORD": person.password}

    assert raised_by(lambda: pool.initiate("ADMIN_USER_PASSWORD_AUTH", **password)) == (
        "InvalidParameterException",
        "Initiate Auth method not supported",
    )
    client = pool.new_client(ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"])
    assert raised_by(
        lambda: pool.root.admin_initiate_auth(
            UserPoolId=pool.pool_id,
            ClientId=client["ClientId"],
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters=password,
        )
    ) == ("InvalidParameterException", "Auth flow not enabled for this client")


def test_a_session_belongs_to_its_pool_client_and_challenge(pool, new_pool):
    person = pool.new_user()
    challenge = pool.start_sign_in(person)
    other_pool = new_pool()
    other_client = pool.new_client()["ClientId"]
    answers = {"USERNAME": person.username, "NEW_PASSWORD": new_password()}

    code, _ = raised_by(lambda: other_pool.respond(challenge, **answers))
    assert code in ("NotAuthorizedException", "ResourceNotFoundException")
    code, _ = raised_by(
        lambda: pool.cognito.respond_to_auth_challenge(
            ClientId=other_client,
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=challenge["Session"],
            ChallengeResponses=answers,
        )
    )
    assert code == "NotAuthorizedException"
    other_challenge = {**challenge, "ChallengeName": "SOFTWARE_TOKEN_MFA"}
    code, _ = raised_by(
        lambda: pool.respond(other_challenge, USERNAME=person.username, SOFTWARE_TOKEN_MFA_CODE="123456")
    )
    assert code == "NotAuthorizedException"
