"""`aws cognito-idp` manages users, groups, pools and clients, as scripts do that set up a staging area."""

import json

import pytest
from aws_cli import AwsCli
from keyward_api import new_name, raised_by


@pytest.fixture
def aws(keyward):
    """AWS's command line with the administrator's access key."""
    return AwsCli(keyward, keyward.root_key)


def test_a_pool_and_a_client_are_made_and_deleted(aws):
    made = aws(
        "create-user-pool",
        pool_name=new_name("pool"),
        policies=json.dumps({"PasswordPolicy": {"MinimumLength": 10}}),
    )["UserPool"]
    pool = {"user_pool_id": made["Id"]}
    client = aws(
        "create-user-pool-client",
        **pool,
        client_name="app",
        generate_secret=True,
        explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )["UserPoolClient"]
    assert len(client["ClientSecret"]) >= 24

    described = aws("describe-user-pool", **pool)["UserPool"]
    assert described["Policies"]["PasswordPolicy"]["MinimumLength"] == 10
    assert [one["ClientName"] for one in aws("list-user-pool-clients", **pool)["UserPoolClients"]] == ["app"]
    aws("delete-user-pool", **pool)

    assert raised_by(lambda: aws("describe-user-pool", **pool))[0] == "ResourceNotFoundException"
