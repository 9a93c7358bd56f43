"""`aws cognito-idp` manages users, groups, pools and clients, as scripts do that set up a staging area."""

import json

import pytest
from aws_cli import AwsCli
from keyward_api import new_name, new_password, raised_by


@pytest.fixture
def aws(keyward):
    """AWS's command line with the administrator's access key."""
    return AwsCli(keyward, keyward.root_key)


def test_a_test_user_is_made_given_a_group_and_signed_in(keyward, aws):
    pool = {"user_pool_id": keyward.pool_id}
    username, password, group = f"{new_name('user')}@example.com", new_password(), new_name("group")

    made = aws(
        "admin-create-user",
        **pool,
        username=username,
        user_attributes=[f"Name=email,Value={username}", "Name=email_verified,Value=true"],
        message_action="SUPPRESS",
    )["User"]
    assert made["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    aws("admin-set-user-password", **pool, username=username, password=password, permanent=True)
    aws("create-group", **pool, group_name=group, description="Staging")
    aws("admin-add-user-to-group", **pool, username=username, group_name=group)

    groups = aws("admin-list-groups-for-user", **pool, username=username)["Groups"]
    assert [one["GroupName"] for one in groups] == [group]
    answer = aws(
        "admin-initiate-auth",
        **pool,
        client_id=keyward.client_id,
        auth_flow="ADMIN_USER_PASSWORD_AUTH",
        auth_parameters=f"USERNAME={username},PASSWORD={password}",
    )
    token = answer["AuthenticationResult"]["AccessToken"]
    assert keyward.api(f"Bearer {token}").get("/me")["roles"] == [group]


def test_users_are_listed_found_and_deleted(keyward, aws):
    pool = {"user_pool_id": keyward.pool_id}
    prefix = new_name("listed")
    names = sorted(f"{prefix}-{number}@example.com" for number in range(3))
    for name in names:
        aws("admin-create-user", **pool, username=name, message_action="SUPPRESS")

    listed = aws("list-users", **pool, filter=f'username ^= "{prefix}"', page_size=2)["Users"]
    assert sorted(user["Username"] for user in listed) == names
    aws("admin-delete-user", **pool, username=names[0])

    code, message = raised_by(lambda: aws("admin-get-user", **pool, username=names[0]))
    assert (code, message) == ("UserNotFoundException", "User does not exist.")


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


def test_whoever_has_no_or_wrong_credentials_is_refused(keyward, aws):
    wrong = AwsCli(keyward, {**keyward.root_key, "secret": keyward.root_key["secret"][::-1]})
    pool = {"user_pool_id": keyward.pool_id}

    assert raised_by(lambda: wrong("list-users", **pool))[0] == "InvalidSignatureException"
    assert raised_by(lambda: aws("list-users", **pool, sign_request=False))[0] == (
        "MissingAuthenticationTokenException"
    )
