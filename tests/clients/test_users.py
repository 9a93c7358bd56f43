"""boto3 manages the users of the home pool."""

import datetime

import pytest
from keyward_api import Person, new_name, new_password, raised_by
from pools import as_dict, as_list

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")
UNKNOWN_USER = ("UserNotFoundException", "User does not exist.")


@pytest.fixture
def ask(keyward, root):
    """Calls an operation of the pool as the administrator."""

    def ask(operation: str, username: str | None = None, **input: object) -> dict:
        if username is not None:
            input["Username"] = username
        return getattr(root, operation)(UserPoolId=keyward.pool_id, **input)

    return ask


@pytest.fixture
def create(ask):
    def create(username: str | None = None, **options: object) -> dict:
        username = username or f"{new_name('user')}@example.com"
        options.setdefault("UserAttributes", as_list({"email": username}))
        return ask("admin_create_user", username, **{"MessageAction": "SUPPRESS", **options})["User"]

    return create


def test_a_user_is_made_with_a_temporary_password_and_sets_another(keyward, create, ask):
    temporary = new_password()
    user = create(TemporaryPassword=temporary)
    assert (user["Enabled"], user["UserStatus"]) == (True, "FORCE_CHANGE_PASSWORD")
    assert as_dict(user["Attributes"]).keys() >= {"sub", "email"}

    challenge = keyward.start_sign_in(Person(user["Username"], temporary))
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    keyward.respond(challenge, USERNAME=user["Username"], NEW_PASSWORD=new_password())

    assert ask("admin_get_user", user["Username"])["UserStatus"] == "CONFIRMED"


def test_what_is_told_of_a_user_is_the_same_everywhere(create, ask):
    user = create(UserAttributes=as_list({"email": "a@example.com", "email_verified": "true", "name": "Ada"}))
    sub = as_dict(user["Attributes"])["sub"]

    found = ask("admin_get_user", user["Username"])
    listed = ask("list_users", Filter=f'sub = "{sub}"')["Users"]

    assert as_dict(found["UserAttributes"]) == as_dict(user["Attributes"])
    assert as_dict(user["Attributes"])["email_verified"] == "true"
    assert [as_dict(one["Attributes"]) for one in listed] == [as_dict(user["Attributes"])]
    for one in (found, listed[0]):
        assert (one["Username"], one["Enabled"]) == (user["Username"], True)
        assert isinstance(one["UserCreateDate"], datetime.datetime)
    # `sub` stands for the name wherever a name is taken.
    assert ask("admin_get_user", sub)["Username"] == user["Username"]


def test_a_user_who_is_unknown_is_said_to_be_unknown(ask):
    name = new_name("nobody")

    for call in (
        lambda: ask("admin_get_user", name),
        lambda: ask("admin_update_user_attributes", name, UserAttributes=as_list({"name": "x"})),
        lambda: ask("admin_delete_user_attributes", name, UserAttributeNames=["name"]),
        lambda: ask("admin_delete_user", name),
        lambda: ask("admin_disable_user", name),
        lambda: ask("admin_enable_user", name),
        lambda: ask("admin_set_user_password", name, Password=new_password(), Permanent=True),
        lambda: ask("admin_user_global_sign_out", name),
        lambda: ask("admin_list_groups_for_user", name),
        lambda: ask("admin_create_user", name, MessageAction="RESEND"),
    ):
        assert raised_by(call) == UNKNOWN_USER


def test_a_pool_that_is_unknown_is_said_to_be_unknown(root):
    pool = {"UserPoolId": "us-east-1_other"}
    unknown = ("ResourceNotFoundException", "User pool us-east-1_other does not exist.")

    for call in (
        lambda: root.admin_create_user(**pool, Username="ada"),
        lambda: root.admin_delete_user(**pool, Username="ada"),
        lambda: root.list_users(**pool),
        lambda: root.list_groups(**pool),
        lambda: root.describe_user_pool(**pool),
        lambda: root.create_group(**pool, GroupName="g"),
    ):
        assert raised_by(call) == unknown


@pytest.mark.parametrize(
    "attributes",
    [
        {"sub": "00000000-0000-0000-0000-000000000000"},
        {"shoe_size": "44"},
        {"custom__shoe_size": "44"},
        {"email": "no address"},
        {"phone_number": "030 1234"},
        {"email_verified": "true"},
    ],
)
def test_attributes_must_be_in_the_schema(create, attributes):
    code, _ = raised_by(lambda: create(new_name("user"), UserAttributes=as_list(attributes)))

    assert code == "InvalidParameterException"


@pytest.mark.parametrize(
    ("password", "complaint"),
    [("Aa1!x", "Password not long enough"), ("no-upper-case-1", "Password must have uppercase characters")],
)
def test_a_temporary_password_must_meet_the_policy(create, ask, password, complaint):
    refusal = ("InvalidPasswordException", f"Password did not conform with policy: {complaint}")
    assert raised_by(lambda: create(TemporaryPassword=password)) == refusal
    username = create()["Username"]

    assert raised_by(lambda: ask("admin_set_user_password", username, Password=password)) == refusal


def test_a_password_that_an_administrator_sets_is_for_good_or_for_once(keyward, create, ask):
    username = create()["Username"]
    first, second = (Person(username, new_password()) for _ in range(2))

    ask("admin_set_user_password", username, Password=first.password, Permanent=True)
    assert ask("admin_get_user", username)["UserStatus"] == "CONFIRMED"
    tokens = keyward.sign_in(first)

    ask("admin_set_user_password", username, Password=second.password, Permanent=False)
    assert ask("admin_get_user", username)["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    assert keyward.start_sign_in(second)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert raised_by(lambda: keyward.start_sign_in(first)) == WRONG_PASSWORD
    assert tokens


def test_an_invitation_is_sent_again_only_to_who_has_not_answered(create, ask):
    user = create()
    sub = as_dict(user["Attributes"])["sub"]

    again = ask("admin_create_user", user["Username"], MessageAction="RESEND")["User"]
    assert as_dict(again["Attributes"])["sub"] == sub

    ask("admin_set_user_password", user["Username"], Password=new_password(), Permanent=True)
    code, message = raised_by(lambda: ask("admin_create_user", user["Username"], MessageAction="RESEND"))
    assert code == "UnsupportedUserStateException"
    assert message.endswith("status is not FORCE_CHANGE_PASSWORD")


def test_attributes_are_changed_one_by_one(create, ask):
    username = create()["Username"]
    before = as_dict(ask("admin_get_user", username)["UserAttributes"])

    attributes = {"name": "Ada", "phone_number": "+4930123456", "phone_number_verified": "true"}
    ask("admin_update_user_attributes", username, UserAttributes=as_list(attributes))
    changed = as_dict(ask("admin_get_user", username)["UserAttributes"])
    assert changed == {**before, **attributes}

    ask("admin_delete_user_attributes", username, UserAttributeNames=["name", "phone_number"])
    after = as_dict(ask("admin_get_user", username)["UserAttributes"])
    assert "name" not in after and "phone_number" not in after


def test_a_new_address_is_not_verified_until_somebody_says_so(create, ask):
    username = create()["Username"]

    ask("admin_update_user_attributes", username, UserAttributes=as_list({"email": "new@example.com"}))
    assert as_dict(ask("admin_get_user", username)["UserAttributes"]).get("email_verified") != "true"
    ask("admin_update_user_attributes", username, UserAttributes=as_list({"email_verified": "true"}))

    attributes = as_dict(ask("admin_get_user", username)["UserAttributes"])
    assert (attributes["email"], attributes["email_verified"]) == ("new@example.com", "true")


@pytest.mark.parametrize("name", ["sub", "nonsense", "custom:nonsense"])
def test_what_is_no_attribute_can_not_be_changed_or_deleted(create, ask, name):
    username = create()["Username"]

    change = [{"Name": name, "Value": "x"}]
    code, _ = raised_by(lambda: ask("admin_update_user_attributes", username, UserAttributes=change))
    assert code == "InvalidParameterException"
    code, _ = raised_by(lambda: ask("admin_delete_user_attributes", username, UserAttributeNames=[name]))
    assert code == "InvalidParameterException"


def test_a_deleted_user_is_gone(keyward, create, ask):
    user = create()
    person = Person(user["Username"], new_password())
    ask("admin_set_user_password", person.username, Password=person.password, Permanent=True)
    tokens = keyward.sign_in(person)

    ask("admin_delete_user", person.username)

    assert raised_by(lambda: ask("admin_get_user", person.username)) == UNKNOWN_USER
    assert raised_by(lambda: keyward.start_sign_in(person)) == WRONG_PASSWORD
    code, _ = raised_by(lambda: keyward.cognito.get_user(AccessToken=tokens["AccessToken"]))
    assert code in ("NotAuthorizedException", "UserNotFoundException")
    assert as_dict(create(person.username)["Attributes"])["sub"] != as_dict(user["Attributes"])["sub"]


def test_a_disabled_user_is_refused_until_enabled(keyward, ask):
    person = keyward.new_person()
    tokens = keyward.sign_in(person)

    ask("admin_disable_user", person.username)
    assert ask("admin_get_user", person.username)["Enabled"] is False
    for call in (
        lambda: keyward.start_sign_in(person),
        lambda: keyward.cognito.get_user(AccessToken=tokens["AccessToken"]),
        lambda: keyward.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"]),
    ):
        assert raised_by(call)[0] == "NotAuthorizedException"

    ask("admin_enable_user", person.username)
    assert keyward.sign_in(person)


def test_an_administrator_signs_somebody_out_everywhere(keyward, ask):
    person = keyward.new_person()
    tokens = keyward.sign_in(person)

    ask("admin_user_global_sign_out", person.username)

    for call in (
        lambda: keyward.cognito.get_user(AccessToken=tokens["AccessToken"]),
        lambda: keyward.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"]),
    ):
        assert raised_by(call)[0] == "NotAuthorizedException"
    assert keyward.sign_in(person)


def test_the_last_sign_ins_are_told(keyward, ask):
    person = keyward.new_person()
    raised_by(lambda: keyward.start_sign_in(Person(person.username, new_password())))
    keyward.sign_in(person)

    events = ask("admin_list_user_auth_events", person.username)["AuthEvents"]

    assert [(event["EventType"], event["EventResponse"]) for event in events[:2]] == [
        ("SignIn", "Pass"),
        ("SignIn", "Fail"),
    ]
    assert events[0]["CreationDate"] >= events[1]["CreationDate"]


def test_users_are_found_by_what_they_are_known_by(create, ask):
    name = new_name("Grace")
    user = create(
        UserAttributes=as_list(
            {
                "email": f"{name}@example.com",
                "phone_number": "+493012345678",
                "name": f"{name} Hopper",
                "given_name": name,
                "family_name": f"Hopper-{name}",
                "preferred_username": f"pref-{name}",
            }
        )
    )

    def found(condition: str) -> list[str]:
        return [one["Username"] for one in ask("list_users", Filter=condition)["Users"]]

    for condition in (
        f'email = "{name}@example.com"',
        f'email="{name}@example.com"',
        f'email ^= "{name}@"',
        f'name ^= "{name} H"',
        f'given_name = "{name}"',
        f'family_name = "Hopper-{name}"',
        f'preferred_username = "pref-{name}"',
        f'username = "{user["Username"]}"',
        f'sub = "{as_dict(user["Attributes"])["sub"]}"',
    ):
        assert found(condition) == [user["Username"]], condition
    assert user["Username"] in found('phone_number ^= "+4930"')
    assert user["Username"] in found('cognito:user_status = "force_change_password"')
    assert user["Username"] in found('status = "Enabled"') or len(found('status = "Enabled"')) == 60
    assert found(f'name = "{name}"') == []


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("nonsense", "Error while parsing filter"),
        ('email ~ "x"', "Error while parsing filter"),
        ('email = "x', "Error while parsing filter"),
        ('email = "x" and name = "y"', "Error while parsing filter"),
        ('custom:foo = "x"', "Invalid search attribute: custom:foo"),
        ('birthdate = "x"', "Invalid search attribute: birthdate"),
    ],
)
def test_a_filter_that_says_nothing_is_refused(ask, condition, message):
    code, found = raised_by(lambda: ask("list_users", Filter=condition))

    assert (code, found.rstrip(".")) == ("InvalidParameterException", message)


def test_users_are_listed_page_by_page_each_once(root, keyward, ask):
    prefix = new_name("page")
    made = {f"{prefix}-{number}@example.com" for number in range(7)}
    for username in made:
        ask(
            "admin_create_user",
            username,
            MessageAction="SUPPRESS",
            UserAttributes=as_list({"email": username}),
        )

    pages = root.get_paginator("list_users").paginate(
        UserPoolId=keyward.pool_id,
        Filter=f'username ^= "{prefix}-"',
        AttributesToGet=["email"],
        PaginationConfig={"PageSize": 3},
    )
    pages = [page["Users"] for page in pages]
    users = [user for page in pages for user in page]

    assert sorted(user["Username"] for user in users) == sorted(made)
    assert all(len(page) <= 3 for page in pages)
    assert all(as_dict(user["Attributes"]) == {"email": user["Username"]} for user in users)


def test_a_page_has_at_most_sixty_users_and_no_token_of_ones_own(ask):
    code, message = raised_by(lambda: ask("list_users", Limit=61))
    assert (code, message) == (
        "InvalidParameterException",
        "1 validation error detected: Value '61' at 'limit' failed to satisfy constraint: "
        "Member must have value less than or equal to 60",
    )
    assert raised_by(lambda: ask("list_users", PaginationToken="nonsense"))[0] == "InvalidParameterException"


def test_nobody_is_managed_by_who_may_not(keyward, create):
    username = create()["Username"]
    client = keyward.signing_client(keyward.new_access_key(keyward.new_program_user("RESEARCHERS")))
    pool = {"UserPoolId": keyward.pool_id}

    for call in (
        lambda: client.admin_create_user(**pool, Username=new_name("user")),
        lambda: client.admin_delete_user(**pool, Username=username),
        lambda: client.admin_set_user_password(**pool, Username=username, Password=new_password()),
        lambda: client.admin_disable_user(**pool, Username=username),
        lambda: client.list_users(**pool),
        lambda: client.create_group(**pool, GroupName=new_name("group")),
    ):
        assert raised_by(call)[0] == "AccessDeniedException"
