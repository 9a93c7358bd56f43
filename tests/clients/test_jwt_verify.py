"""aws-jwt-verify checks tokens, fetching the keys over TLS."""

import pytest
from conftest import running_with_tls
from keyward_api import raised_by
from node_client import Node


@pytest.fixture(scope="module")
def keyward(tmp_path_factory, no_aws_settings):
    """A Keyward in Amazon's place: for a pool of Cognito, the verifier takes no issuer but Amazon's."""
    issuer = "https://cognito-idp.us-east-1.amazonaws.com/{pool}"
    with running_with_tls(tmp_path_factory.mktemp("tls"), issuer=issuer) as it:
        yield it


@pytest.fixture(scope="module")
def node(keyward):
    with Node("jwt_verify", keyward) as node:
        yield node


@pytest.fixture(scope="module")
def person(keyward):
    """Somebody in the group of a role."""
    return keyward.new_person("RESEARCHERS")


@pytest.fixture(scope="module")
def tokens(keyward, person):
    return keyward.sign_in(person)


@pytest.fixture
def verify(keyward, node):
    """The claims of a token as a verifier of Cognito's tokens sees them, set up as usual."""

    def verify(token: str, **properties: object) -> dict:
        usual = {"userPoolId": keyward.pool_id, "clientId": keyward.client_id, "tokenUse": "access"}
        port = int(keyward.url.rpartition(":")[2])
        return node.call("verifyCognito", port, {**usual, **properties}, token)

    return verify


def test_it_takes_access_and_id_tokens(keyward, verify, person, tokens):
    access = verify(tokens["AccessToken"])
    identity = verify(tokens["IdToken"], tokenUse="id")

    assert access["iss"] == f"https://cognito-idp.us-east-1.amazonaws.com/{keyward.pool_id}"
    assert (access["client_id"], identity["aud"]) == (keyward.client_id, keyward.client_id)
    assert (access["sub"], identity["email"]) == (identity["sub"], person.username)


def test_it_takes_whoever_is_in_a_group_and_scope_that_it_asks_for(verify, tokens):
    claims = verify(tokens["AccessToken"], groups=["RESEARCHERS"], scope=["aws.cognito.signin.user.admin"])

    assert claims["cognito:groups"] == ["RESEARCHERS"]
    refusal = raised_by(lambda: verify(tokens["AccessToken"], groups=["ADMINS"]))
    assert refusal[0] == "CognitoJwtInvalidGroupError"


def test_it_refuses_what_is_for_another_use_client_or_pool(keyward, verify, tokens):
    token = tokens["AccessToken"]

    assert raised_by(lambda: verify(token, tokenUse="id"))[0] == "CognitoJwtInvalidTokenUseError"
    assert raised_by(lambda: verify(token, clientId="another"))[0] == "CognitoJwtInvalidClientIdError"
    other_pool = keyward.pool_id[:-1] + ("0" if keyward.pool_id[-1] != "0" else "1")
    code, message = raised_by(lambda: verify(token, userPoolId=other_pool))
    assert (code, message[:21]) == ("ParameterValidationError", "issuer not configured")


def test_it_refuses_a_token_that_was_changed(verify, tokens):
    header, claims, signature = tokens["AccessToken"].split(".")
    changed = ".".join((header, claims, ("A" if signature[0] != "A" else "B") + signature[1:]))

    assert raised_by(lambda: verify(changed))[0] == "JwtInvalidSignatureError"


def test_the_keys_are_at_keywards_own_address_too(keyward, node, tokens):
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{keyward.pool_id}"
    keys = f"{keyward.url}/{keyward.pool_id}/.well-known/jwks.json"
    properties = {"issuer": issuer, "jwksUri": keys, "audience": keyward.client_id}

    assert node.call("verify", properties, tokens["IdToken"])["token_use"] == "id"


def test_an_issuer_of_keywards_own_is_all_that_others_need_to_know(tmp_path, no_aws_settings):
    with running_with_tls(tmp_path) as keyward, Node("jwt_verify", keyward) as node:
        token = keyward.sign_in(keyward.new_person())["IdToken"]
        properties = {"issuer": f"{keyward.url}/{keyward.pool_id}", "audience": keyward.client_id}

        assert node.call("verify", properties, token)["token_use"] == "id"
