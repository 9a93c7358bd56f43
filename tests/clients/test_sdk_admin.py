"""The AWS SDK for JavaScript manages users, groups, pools and clients."""

import pytest
from keyward_api import new_name, new_password, raised_by


@pytest.fixture
def send(sdk, keyward):
    """The SDK with the administrator's access key."""
    return sdk.signing(keyward.root_key)


def test_a_user_goes_through_a_life(keyward, send):
    user = {"UserPoolId": keyward.pool_id, "Username": f"{new_name('user')}@example.com"}
    temporary, chosen = new_password(), new_password()
    made = send(
        "AdminCreateUser",
        **user,
        TemporaryPassword=temporary,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": user["Username"]}],
    )["User"]
    assert made["UserStatus"] == "FORCE_CHANGE_PASSWORD"

    def start(password: str) -> dict:
        return send(
            "AdminInitiateAuth",
            UserPoolId=keyward.pool_id,
            ClientId=keyward.client_id,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": user["Username"], "PASSWORD": password},
        )

    challenge = start(temporary)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    answer = send(
        "AdminRespondToAuthChallenge",
        UserPoolId=keyward.pool_id,
        ClientId=keyward.client_id,
        ChallengeName="NEW_PASSWORD_REQUIRED",
        Session=challenge["Session"],
        ChallengeResponses={"USERNAME": user["Username"], "NEW_PASSWORD": chosen},
    )
    token = answer["AuthenticationResult"]["AccessToken"]
    assert send("AdminGetUser", **user)["UserStatus"] == "CONFIRMED"

    send("AdminUpdateUserAttributes", **user, UserAttributes=[{"Name": "name", "Value": "Ada"}])
    assert {"Name": "name", "Value": "Ada"} in send("GetUser", AccessToken=token)["UserAttributes"]
    send("AdminUserGlobalSignOut", **user)
    assert raised_by(lambda: send("GetUser", AccessToken=token))[0] == "NotAuthorizedException"
    send("AdminDisableUser", **user)
    assert raised_by(lambda: start(chosen))[0] == "NotAuthorizedException"
    send("AdminEnableUser", **user)
    assert start(chosen)["AuthenticationResult"]
    send("AdminDeleteUser", **user)
    assert raised_by(lambda: send("AdminGetUser", **user)) == (
        "UserNotFoundException",
        "User does not exist.",
    )


def test_groups_are_managed(keyward, send):
    group = {"UserPoolId": keyward.pool_id, "GroupName": new_name("group")}
    person = keyward.new_person()

    send("CreateGroup", **group, Precedence=1)
    send("AdminAddUserToGroup", **group, Username=person.username)
    assert [user["Username"] for user in send("ListUsersInGroup", **group)["Users"]] == [person.username]
    send("AdminRemoveUserFromGroup", **group, Username=person.username)
    assert send("ListUsersInGroup", **group)["Users"] == []
    send("DeleteGroup", **group)

    assert raised_by(lambda: send("GetGroup", **group))[0] == "ResourceNotFoundException"


def test_pools_and_clients_are_managed(send):
    pool = {"UserPoolId": send("CreateUserPool", PoolName=new_name("pool"))["UserPool"]["Id"]}
    client = send("CreateUserPoolClient", **pool, ClientName="app")["UserPoolClient"]

    described = send("DescribeUserPoolClient", **pool, ClientId=client["ClientId"])["UserPoolClient"]
    assert described["ClientName"] == "app"
    send(
        "SetUserPoolMfaConfig",
        **pool,
        MfaConfiguration="OPTIONAL",
        SoftwareTokenMfaConfiguration={"Enabled": True},
    )
    assert send("GetUserPoolMfaConfig", **pool)["MfaConfiguration"] == "OPTIONAL"
    send("DeleteUserPoolClient", **pool, ClientId=client["ClientId"])
    send("DeleteUserPool", **pool)

    assert raised_by(lambda: send("DescribeUserPool", **pool))[0] == "ResourceNotFoundException"


def test_what_the_model_forbids_is_said_in_its_words(keyward, send):
    code, message = raised_by(lambda: send("ListUsers", UserPoolId=keyward.pool_id, Limit=61))

    assert (code, message) == (
        "InvalidParameterException",
        "1 validation error detected: Value '61' at 'limit' failed to satisfy constraint: "
        "Member must have value less than or equal to 60",
    )
