"""boto3 manages the groups of the home pool: each is the role of that name."""

import pytest
from keyward_api import new_name, raised_by


@pytest.fixture
def ask(keyward, root):
    def ask(operation: str, **input: object) -> dict:
        return getattr(root, operation)(UserPoolId=keyward.pool_id, **input)

    return ask


@pytest.fixture
def group(ask):
    name = new_name("group")
    ask("create_group", GroupName=name, Description="For a test", Precedence=7)
    return name


def test_a_group_is_made_described_changed_and_deleted(keyward, ask):
    name = new_name("group")
    made = ask("create_group", GroupName=name, Description="First", Precedence=3)["Group"]
    assert (made["GroupName"], made["Description"], made["Precedence"]) == (name, "First", 3)
    assert made["UserPoolId"] == keyward.pool_id
    assert made["CreationDate"] <= made["LastModifiedDate"]

    assert ask("get_group", GroupName=name)["Group"] == made
    changed = ask("update_group", GroupName=name, Description="Second", Precedence=9)["Group"]
    assert (changed["Description"], changed["Precedence"]) == ("Second", 9)
    assert keyward.admin.get(f"/roles/{name}")["description"] == "Second"

    ask("delete_group", GroupName=name)
    assert raised_by(lambda: ask("get_group", GroupName=name))[0] == "ResourceNotFoundException"
    keyward.admin.get(f"/roles/{name}", status=404)


def test_a_group_is_made_once(ask, group):
    code, _ = raised_by(lambda: ask("create_group", GroupName=group))

    assert code == "GroupExistsException"


def test_a_group_that_is_unknown_is_said_to_be_unknown(keyward, ask):
    name, person = new_name("nothing"), keyward.new_person()

    for call in (
        lambda: ask("get_group", GroupName=name),
        lambda: ask("update_group", GroupName=name, Description="x"),
        lambda: ask("delete_group", GroupName=name),
        lambda: ask("list_users_in_group", GroupName=name),
        lambda: ask("admin_add_user_to_group", GroupName=name, Username=person.username),
        lambda: ask("admin_remove_user_from_group", GroupName=name, Username=person.username),
    ):
        assert raised_by(call)[0] == "ResourceNotFoundException"


def test_whoever_is_in_a_group_has_its_role_and_its_claim(keyward, ask, group):
    person = keyward.new_person()

    ask("admin_add_user_to_group", GroupName=group, Username=person.username)
    ask("admin_add_user_to_group", GroupName=group, Username=person.username)

    names = [
        one["GroupName"] for one in ask("admin_list_groups_for_user", Username=person.username)["Groups"]
    ]
    assert names == [group]
    users = ask("list_users_in_group", GroupName=group)["Users"]
    assert [user["Username"] for user in users] == [person.username]
    me = keyward.api(f"Bearer {keyward.sign_in(person)['AccessToken']}").get("/me")
    assert me["roles"] == [group]

    ask("admin_remove_user_from_group", GroupName=group, Username=person.username)
    assert ask("list_users_in_group", GroupName=group)["Users"] == []
    assert ask("admin_list_groups_for_user", Username=person.username)["Groups"] == []


def test_a_deleted_group_takes_its_role_along(keyward, ask, group):
    person = keyward.new_person()
    ask("admin_add_user_to_group", GroupName=group, Username=person.username)

    ask("delete_group", GroupName=group)

    assert ask("admin_list_groups_for_user", Username=person.username)["Groups"] == []


def test_somebody_unknown_is_in_no_group(ask, group):
    unknown = ("UserNotFoundException", "User does not exist.")
    nobody = new_name("nobody")

    for operation in ("admin_add_user_to_group", "admin_remove_user_from_group"):
        call = {"GroupName": group, "Username": nobody}
        assert raised_by(lambda operation=operation, call=call: ask(operation, **call)) == unknown


def test_groups_are_listed_page_by_page(keyward, root, ask):
    made = {new_name("listed") for _ in range(5)}
    for name in made:
        ask("create_group", GroupName=name)
    person = keyward.new_person()
    for name in made:
        ask("admin_add_user_to_group", GroupName=name, Username=person.username)

    def listed(operation: str, **input: object) -> list[str]:
        pages = root.get_paginator(operation).paginate(
            UserPoolId=keyward.pool_id, PaginationConfig={"PageSize": 2}, **input
        )
        return [group["GroupName"] for page in pages for group in page["Groups"]]

    everything = listed("list_groups")
    assert made | {"ADMINS"} <= set(everything)
    assert len(everything) == len(set(everything))
    assert sorted(listed("admin_list_groups_for_user", Username=person.username)) == sorted(made)


def test_the_members_of_a_group_are_listed_page_by_page(keyward, root, ask, group):
    people = {keyward.new_user().username for _ in range(5)}
    for username in people:
        ask("admin_add_user_to_group", GroupName=group, Username=username)

    pages = root.get_paginator("list_users_in_group").paginate(
        UserPoolId=keyward.pool_id, GroupName=group, PaginationConfig={"PageSize": 2}
    )

    users = [user["Username"] for page in pages for user in page["Users"]]
    assert sorted(users) == sorted(people)


def test_a_group_of_another_pool_means_nothing_here(keyward, new_pool, root):
    pool = new_pool()
    person = pool.new_person()
    root.create_group(UserPoolId=pool.pool_id, GroupName="ADMINS")

    root.admin_add_user_to_group(UserPoolId=pool.pool_id, GroupName="ADMINS", Username=person.username)

    token = pool.sign_in(person)["AccessToken"]
    keyward.api(f"Bearer {token}").get("/me", status=401)


@pytest.mark.parametrize("limit", [0, 61])
def test_pages_have_the_bounds_of_the_model(ask, group, limit):
    def refused_or_served(operation: str, **input: object) -> str:
        try:
            ask(operation, Limit=limit, **input)
        except Exception as refusal:
            return refusal.response["Error"]["Code"]
        return "served"

    expected = "served" if limit == 0 else "InvalidParameterException"
    assert refused_or_served("list_groups") == expected
    assert refused_or_served("list_users_in_group", GroupName=group) == expected
