"""boto3 manages user pools."""

import pytest
from keyward_api import Person, new_name, raised_by
from pools import as_dict, as_list

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


@pytest.fixture(scope="module")
def pool(new_pool):
    """A pool that the tests share; what they change in it is their own."""
    return new_pool()


def test_a_pool_is_made_described_listed_and_deleted(root):
    name = new_name("pool")
    made = root.create_user_pool(PoolName=name)["UserPool"]
    assert (made["Name"], made["MfaConfiguration"]) == (name, "OFF")
    policy = made["Policies"]["PasswordPolicy"]
    assert (policy["MinimumLength"], policy["TemporaryPasswordValidityDays"]) == (8, 7)
    assert all(policy[f"Require{what}"] for what in ("Uppercase", "Lowercase", "Numbers", "Symbols"))
    assert made["Arn"].endswith(f":userpool/{made['Id']}")
    assert {"sub", "email", "phone_number"} <= {attribute["Name"] for attribute in made["SchemaAttributes"]}

    described = root.describe_user_pool(UserPoolId=made["Id"])["UserPool"]
    assert described["Id"] == made["Id"]
    pages = root.get_paginator("list_user_pools").paginate(PaginationConfig={"PageSize": 2})
    assert [pool["Name"] for page in pages for pool in page["UserPools"]].count(name) == 1

    root.delete_user_pool(UserPoolId=made["Id"])
    assert raised_by(lambda: root.describe_user_pool(UserPoolId=made["Id"])) == (
        "ResourceNotFoundException",
        f"User pool {made['Id']} does not exist.",
    )


def test_a_pool_that_is_protected_is_not_deleted(root):
    pool = root.create_user_pool(PoolName=new_name("pool"), DeletionProtection="ACTIVE")["UserPool"]["Id"]

    code, _ = raised_by(lambda: root.delete_user_pool(UserPoolId=pool))
    assert code == "InvalidParameterException"

    root.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")
    root.delete_user_pool(UserPoolId=pool)


def test_what_an_update_leaves_out_is_reset(root):
    options = {
        "Policies": {"PasswordPolicy": {"MinimumLength": 12, "RequireSymbols": False}},
        "DeletionProtection": "INACTIVE",
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True},
        "AutoVerifiedAttributes": ["email"],
    }
    pool = root.create_user_pool(PoolName=new_name("pool"), **options)["UserPool"]
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 12
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True

    root.update_user_pool(UserPoolId=pool["Id"], AutoVerifiedAttributes=["email"])

    after = root.describe_user_pool(UserPoolId=pool["Id"])["UserPool"]
    assert after["AutoVerifiedAttributes"] == ["email"]
    assert after["Policies"]["PasswordPolicy"]["MinimumLength"] == 8
    assert after["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is False


def test_the_password_policy_of_a_pool_counts_in_it(new_pool):
    pool = new_pool(
        Policies={
            "PasswordPolicy": {
                "MinimumLength": 14,
                "RequireUppercase": False,
                "RequireLowercase": True,
                "RequireNumbers": False,
                "RequireSymbols": False,
            }
        }
    )
    person = pool.new_user()

    def choose(password: str) -> dict:
        return pool.root.admin_set_user_password(
            UserPoolId=pool.pool_id, Username=person.username, Password=password, Permanent=True
        )

    assert raised_by(lambda: choose("Aa1!aaaa-bbbb")) == (
        "InvalidPasswordException",
        "Password did not conform with policy: Password not long enough",
    )
    choose("only-small-letters")
    assert pool.sign_in(Person(person.username, "only-small-letters"))


def test_pools_are_apart_from_each_other(keyward, pool, new_pool):
    other = new_pool()
    name = new_name("twin")
    one, twin = pool.new_person(name), other.new_person(name)

    assert raised_by(lambda: other.start_sign_in(one)) == WRONG_PASSWORD
    here, there = pool.sign_in(one), other.sign_in(twin)
    assert (
        as_dict(pool.user(one)["UserAttributes"])["sub"] != as_dict(other.user(twin)["UserAttributes"])["sub"]
    )
    refresh = {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": here["RefreshToken"]}}
    code, _ = raised_by(lambda: keyward.cognito.initiate_auth(ClientId=other.client_id, **refresh))
    assert code == "NotAuthorizedException"
    keyward.api(f"Bearer {there['AccessToken']}").get("/me", status=401)


def test_custom_attributes_are_added_to_the_schema(pool):
    pool.root.add_custom_attributes(
        UserPoolId=pool.pool_id,
        CustomAttributes=[{"Name": "team", "AttributeDataType": "String", "Mutable": True}],
    )

    schema = pool.root.describe_user_pool(UserPoolId=pool.pool_id)["UserPool"]["SchemaAttributes"]
    assert "custom:team" in {attribute["Name"] for attribute in schema}
    person = pool.new_person(custom__team="north")
    assert as_dict(pool.user(person)["UserAttributes"])["custom:team"] == "north"
    code, _ = raised_by(lambda: pool.new_user(custom__unknown="x"))
    assert code == "InvalidParameterException"


def test_attributes_are_held_against_their_schema(new_pool):
    pool = new_pool(
        Schema=[
            {"Name": "email", "Required": True, "AttributeDataType": "String", "Mutable": True},
            {
                "Name": "age",
                "AttributeDataType": "Number",
                "NumberAttributeConstraints": {"MinValue": "18", "MaxValue": "99"},
                "Mutable": True,
            },
            {
                "Name": "badge",
                "AttributeDataType": "String",
                "StringAttributeConstraints": {"MinLength": "3", "MaxLength": "5"},
                "Mutable": False,
            },
        ]
    )
    person = pool.new_person(email="a@example.com", custom__age="18", custom__badge="abc")

    def change(**attributes: str) -> dict:
        return pool.root.admin_update_user_attributes(
            UserPoolId=pool.pool_id, Username=person.username, UserAttributes=as_list(attributes)
        )

    change(custom__age="99")
    for wrong in ({"custom__age": "17"}, {"custom__age": "x"}, {"custom__badge": "abcd"}):
        assert raised_by(lambda wrong=wrong: change(**wrong))[0] == "InvalidParameterException"


def test_an_alias_counts_once_it_is_verified(new_pool):
    pool = new_pool(AliasAttributes=["email"])
    address = f"{new_name('grace')}@example.com"
    person = pool.new_person(email=address)
    by_alias = Person(address, person.password)
    assert raised_by(lambda: pool.start_sign_in(by_alias)) == WRONG_PASSWORD

    verified = as_list({"email_verified": "true"})
    pool.root.admin_update_user_attributes(
        UserPoolId=pool.pool_id, Username=person.username, UserAttributes=verified
    )

    assert pool.sign_in(by_alias)
    refusal = raised_by(lambda: pool.new_user(email=address, email_verified="true"))
    assert refusal[0] == "AliasExistsException"
    assert raised_by(lambda: pool.new_user("name@example.com")) == (
        "InvalidParameterException",
        "Username cannot be of email format, since user pool is configured for email alias.",
    )


def test_the_mfa_configuration_of_a_pool_is_set_and_told(pool, new_pool):
    pool = new_pool()
    assert pool.root.get_user_pool_mfa_config(UserPoolId=pool.pool_id)["MfaConfiguration"] == "OFF"

    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        MfaConfiguration="OPTIONAL",
    )

    told = pool.root.get_user_pool_mfa_config(UserPoolId=pool.pool_id)
    assert told["MfaConfiguration"] == "OPTIONAL"
    assert told["SoftwareTokenMfaConfiguration"] == {"Enabled": True}
    assert pool.root.describe_user_pool(UserPoolId=pool.pool_id)["UserPool"]["MfaConfiguration"] == "OPTIONAL"


def test_a_pool_is_tagged(root, pool):
    arn = root.describe_user_pool(UserPoolId=pool.pool_id)["UserPool"]["Arn"]

    root.tag_resource(ResourceArn=arn, Tags={"team": "north", "stage": "test"})
    root.untag_resource(ResourceArn=arn, TagKeys=["stage"])

    assert root.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"team": "north"}
    unknown = f"{arn[:-4]}none"
    code, _ = raised_by(lambda: root.tag_resource(ResourceArn=unknown, Tags={"a": "b"}))
    assert code == "ResourceNotFoundException"


def test_resource_servers_are_kept(root, pool):
    server = {
        "UserPoolId": pool.pool_id,
        "Identifier": f"https://{new_name('api')}.example.com",
        "Name": "API",
        "Scopes": [{"ScopeName": "read", "ScopeDescription": "To read"}],
    }
    key = {name: server[name] for name in ("UserPoolId", "Identifier")}
    made = root.create_resource_server(**server)["ResourceServer"]
    assert server.items() <= made.items()

    assert root.describe_resource_server(**key)["ResourceServer"]["Scopes"] == server["Scopes"]
    root.update_resource_server(**key, Name="Another", Scopes=[])
    assert root.describe_resource_server(**key)["ResourceServer"]["Name"] == "Another"
    listed = root.list_resource_servers(UserPoolId=pool.pool_id, MaxResults=50)["ResourceServers"]
    assert server["Identifier"] in [one["Identifier"] for one in listed]
    root.delete_resource_server(**key)
    assert raised_by(lambda: root.describe_resource_server(**key))[0] == "ResourceNotFoundException"


def test_pools_are_managed_by_who_may_alone(keyward, pool):
    bot = keyward.new_program_user(keyward.new_role("view:users", "manage:users", "manage:roles"))
    client = keyward.signing_client(keyward.new_access_key(bot))

    for call in (
        lambda: client.create_user_pool(PoolName="mine"),
        lambda: client.delete_user_pool(UserPoolId=pool.pool_id),
        lambda: client.update_user_pool(UserPoolId=pool.pool_id),
        lambda: client.create_user_pool_client(UserPoolId=keyward.pool_id, ClientName="mine"),
        lambda: client.admin_get_user(UserPoolId=pool.pool_id, Username="ada"),
        lambda: client.list_users(UserPoolId=pool.pool_id),
    ):
        assert raised_by(call)[0] == "AccessDeniedException"
