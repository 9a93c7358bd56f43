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


def test_a_client_with_a_secret_must_show_that_it_knows_it(pool):
    client = pool.new_client(GenerateSecret=True)
    person = pool.new_person()

    def start(**extra: str) -> dict:
        return pool.cognito.initiate_auth(
            ClientId=client["ClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": person.username, "PASSWORD": person.password, **extra},
        )

    assert raised_by(start) == (
        "NotAuthorizedException",
        f"Client {client['ClientId']} is configured with secret but SECRET_HASH was not received",
    )
    assert raised_by(lambda: start(SECRET_HASH="A" * 44)) == (
        "NotAuthorizedException",
        f"Unable to verify secret hash for client {client['ClientId']}",
    )
    tokens = start(SECRET_HASH=secret_hash(client, person.username))["AuthenticationResult"]

    def refresh(**extra: str) -> dict:
        return pool.cognito.initiate_auth(
            ClientId=client["ClientId"],
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": tokens["RefreshToken"], **extra},
        )

    assert raised_by(refresh)[0] == "NotAuthorizedException"
    assert refresh(SECRET_HASH=secret_hash(client, person.username))["AuthenticationResult"]


def test_a_client_shows_its_secret_itself_where_there_is_no_hash(pool):
    client = pool.new_client(GenerateSecret=True)
    key = {"ClientId": client["ClientId"]}
    person = pool.new_person()
    tokens = pool.cognito.initiate_auth(
        **key,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={
            "USERNAME": person.username,
            "PASSWORD": person.password,
            "SECRET_HASH": secret_hash(client, person.username),
        },
    )["AuthenticationResult"]

    def renew(**secret: str) -> dict:
        return pool.cognito.get_tokens_from_refresh_token(
            **key, RefreshToken=tokens["RefreshToken"], **secret
        )

    def revoke(**secret: str) -> dict:
        return pool.cognito.revoke_token(**key, Token=tokens["RefreshToken"], **secret)

    right, wrong = {"ClientSecret": client["ClientSecret"]}, {"ClientSecret": "a" * 52}
    for call in (renew, revoke):
        for secret in ({}, wrong):
            code, _ = raised_by(lambda call=call, secret=secret: call(**secret))
            assert code in ("NotAuthorizedException", "UnauthorizedException")
    assert renew(**right)["AuthenticationResult"]
    revoke(**right)
    assert raised_by(lambda: renew(**right))[0] == "NotAuthorizedException"


def test_the_hash_is_of_the_name_that_the_pool_gave(new_pool):
    """Where an address is the user's name, the challenge tells the pool's own."""
    pool = new_pool(UsernameAttributes=["email"])
    client = pool.new_client(GenerateSecret=True)
    address = f"{new_name('ada')}@example.com"
    person = pool.new_user(address, email=address)

    challenge = pool.cognito.initiate_auth(
        ClientId=client["ClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={
            "USERNAME": address,
            "PASSWORD": person.password,
            "SECRET_HASH": secret_hash(client, address),
        },
    )
    name = challenge["ChallengeParameters"]["USER_ID_FOR_SRP"]
    tokens = pool.cognito.respond_to_auth_challenge(
        ClientId=client["ClientId"],
        ChallengeName="NEW_PASSWORD_REQUIRED",
        Session=challenge["Session"],
        ChallengeResponses={
            "USERNAME": name,
            "NEW_PASSWORD": new_password(),
            "SECRET_HASH": secret_hash(client, name),
        },
    )["AuthenticationResult"]

    renewed = pool.cognito.initiate_auth(
        ClientId=client["ClientId"],
        AuthFlow="REFRESH_TOKEN_AUTH",
        AuthParameters={
            "REFRESH_TOKEN": tokens["RefreshToken"],
            "SECRET_HASH": secret_hash(client, name),
        },
    )
    assert renewed["AuthenticationResult"]["AccessToken"]


def test_two_secrets_live_at_once_so_that_one_can_be_replaced(root, pool):
    client = pool.new_client(GenerateSecret=True)
    key = {"UserPoolId": pool.pool_id, "ClientId": client["ClientId"]}
    person = pool.new_person()

    def start(secret: str) -> dict:
        hashed = secret_hash({**client, "ClientSecret": secret}, person.username)
        return pool.cognito.initiate_auth(
            ClientId=client["ClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={
                "USERNAME": person.username,
                "PASSWORD": person.password,
                "SECRET_HASH": hashed,
            },
        )

    added = root.add_user_pool_client_secret(**key)["ClientSecretDescriptor"]
    assert raised_by(lambda: root.add_user_pool_client_secret(**key))[0] == "LimitExceededException"
    listed = root.list_user_pool_client_secrets(**key)["ClientSecrets"]
    assert len(listed) == 2
    assert all("ClientSecretValue" not in one for one in listed)
    old = next(one for one in listed if one["ClientSecretId"] != added["ClientSecretId"])
    assert start(client["ClientSecret"]) and start(added["ClientSecretValue"])

    root.delete_user_pool_client_secret(**key, ClientSecretId=old["ClientSecretId"])

    assert raised_by(lambda: start(client["ClientSecret"]))[0] == "NotAuthorizedException"
    assert start(added["ClientSecretValue"])


def test_a_refresh_token_that_is_rotated_is_good_once(pool):
    client = pool.new_client(
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 0},
    )["ClientId"]
    person = pool.new_person()
    tokens = pool.cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": person.username, "PASSWORD": person.password},
    )["AuthenticationResult"]

    def renew(token: str) -> dict:
        return pool.cognito.get_tokens_from_refresh_token(ClientId=client, RefreshToken=token)[
            "AuthenticationResult"
        ]

    renewed = renew(tokens["RefreshToken"])
    assert renewed["RefreshToken"] != tokens["RefreshToken"]
    assert renew(renewed["RefreshToken"])["AccessToken"]
    assert raised_by(lambda: renew(tokens["RefreshToken"]))[0] == "RefreshTokenReuseException"


def test_a_client_that_may_not_revoke_keeps_its_tokens(pool):
    client = pool.new_client(EnableTokenRevocation=False)["ClientId"]
    person = pool.new_person()
    tokens = pool.cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": person.username, "PASSWORD": person.password},
    )["AuthenticationResult"]

    code, _ = raised_by(lambda: pool.cognito.revoke_token(Token=tokens["RefreshToken"], ClientId=client))

    assert code == "UnsupportedOperationException"
