"""Every client signs in over TLS, and is told whom to trust in its own way."""

import json

import pytest
from aws_cli import AwsCli
from botocore import UNSIGNED
from botocore.config import Config
from conftest import running_with_tls
from keyward_api import raised_by
from node_client import Node, Sdk
from pycognito import Cognito


@pytest.fixture(scope="module")
def keyward(tmp_path_factory, no_aws_settings):
    with running_with_tls(tmp_path_factory.mktemp("tls")) as it:
        yield it


@pytest.fixture(scope="module")
def person(keyward):
    return keyward.new_person()


def test_boto3_signs_in_and_signs(keyward, person):
    access_key = keyward.new_access_key(keyward.new_program_user(keyward.new_role("view:users")))
    user = {"UserPoolId": keyward.pool_id, "Username": person.username}

    assert keyward.cognito.get_user(AccessToken=keyward.sign_in(person)["AccessToken"])
    assert keyward.signing_client(access_key).admin_get_user(**user)["Enabled"]
    code, _ = raised_by(lambda: keyward.cognito.admin_get_user(**user))
    assert code == "MissingAuthenticationTokenException"


def test_pycognito_signs_in(keyward, person):
    client = Cognito(
        keyward.pool_id,
        keyward.client_id,
        user_pool_region=keyward.region,
        username=person.username,
        botocore_config=Config(signature_version=UNSIGNED),
        boto3_client_kwargs={"endpoint_url": keyward.url},
    )

    client.authenticate(person.password)

    assert client.id_claims["email"] == person.username


def test_the_command_line_signs_in(keyward, person):
    answer = AwsCli(keyward)(
        "initiate-auth",
        auth_flow="USER_PASSWORD_AUTH",
        client_id=keyward.client_id,
        auth_parameters=json.dumps({"USERNAME": person.username, "PASSWORD": person.password}),
    )

    assert answer["AuthenticationResult"]["TokenType"] == "Bearer"


def test_the_javascript_libraries_sign_in(keyward, person):
    credentials = {"USERNAME": person.username, "PASSWORD": person.password}
    with Node("sdk", keyward) as node:
        answer = Sdk(node)(
            "InitiateAuth",
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=keyward.client_id,
            AuthParameters=credentials,
        )
        assert answer["AuthenticationResult"]["TokenType"] == "Bearer"
    with Node("amplify", keyward) as tab:
        assert tab.call("signIn", {"username": person.username, "password": person.password})["isSignedIn"]
    with Node("identity", keyward) as identity:
        assert identity.call("signIn", person.username, person.password)["claims"]["email"] == person.username
