"""boto3 manages app clients, and signs in through them."""

import base64
import hashlib
import hmac

import pytest
from keyward_api import new_name, new_password, raised_by
from pools import ALL_FLOWS

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


@pytest.fixture(scope="module")
def pool(new_pool):
    return new_pool()


def secret_hash(client: dict, username: str) -> str:
    message = (username + client["ClientId"]).encode()
    digest = hmac.new(client["ClientSecret"].encode(), message, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def test_a_client_is_made_described_listed_and_deleted(root, pool):
    name = new_name("client")
    made = root.create_user_pool_client(UserPoolId=pool.pool_id, ClientName=name)["UserPoolClient"]
    assert "ClientSecret" not in made
    key = {"UserPoolId": pool.pool_id, "ClientId": made["ClientId"]}

    assert root.describe_user_pool_client(**key)["UserPoolClient"] == made
    pages = root.get_paginator("list_user_pool_clients").paginate(
        UserPoolId=pool.pool_id, PaginationConfig={"PageSize": 1}
    )
    listed = [client["ClientName"] for page in pages for client in page["UserPoolClients"]]
    assert listed.count(name) == 1

    root.delete_user_pool_client(**key)
    code, message = raised_by(lambda: root.describe_user_pool_client(**key))
    assert (code, message) == (
        "ResourceNotFoundException",
        f"User pool client {made['ClientId']} does not exist.",
    )


def test_a_client_without_flows_has_the_default_ones(pool):
    made = pool.root.create_user_pool_client(UserPoolId=pool.pool_id, ClientName=new_name("client"))
    client = made["UserPoolClient"]["ClientId"]
    person = pool.new_person()

    code, message = raised_by(
        lambda: pool.cognito.initiate_auth(
            ClientId=client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": person.username, "PASSWORD": person.password},
        )
    )

    assert (code, message) == (
        "InvalidParameterException",
        "USER_PASSWORD_AUTH flow not enabled for this client",
    )
    challenge = pool.cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_SRP_AUTH",
        AuthParameters={"USERNAME": person.username, "SRP_A": "ab" * 384},
    )
    assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"


def test_what_an_update_of_a_client_leaves_out_is_reset(root, pool):
    client = pool.new_client(AccessTokenValidity=2, RefreshTokenValidity=5)
    key = {"UserPoolId": pool.pool_id, "ClientId": client["ClientId"]}

    after = root.update_user_pool_client(**key, RefreshTokenValidity=6)["UserPoolClient"]

    assert after["RefreshTokenValidity"] == 6
    assert after.get("AccessTokenValidity") in (None, 1)
    assert set(after.get("ExplicitAuthFlows", [])) != set(ALL_FLOWS)
    assert after.get("PreventUserExistenceErrors") != "ENABLED"


def test_tokens_live_as_long_as_the_client_says(pool):
    client = pool.new_client(
        AccessTokenValidity=10,
        IdTokenValidity=20,
        TokenValidityUnits={"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
    )
    person = pool.new_person()

    answer = pool.cognito.initiate_auth(
        ClientId=client["ClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": person.username, "PASSWORD": person.password},
    )

    assert answer["AuthenticationResult"]["ExpiresIn"] == 600


def test_old_errors_tell_who_is_unknown_and_new_ones_do_not(pool):
    legacy = pool.new_client(PreventUserExistenceErrors="LEGACY")["ClientId"]

    def start(client: str) -> dict:
        return pool.cognito.initiate_auth(
            ClientId=client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": new_name("nobody"), "PASSWORD": new_password()},
        )

    assert raised_by(lambda: start(legacy)) == ("UserNotFoundException", "User does not exist.")
    assert raised_by(lambda: start(pool.client_id)) == WRONG_PASSWORD
