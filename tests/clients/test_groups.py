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


def test_somebody_unknown_is_in_no_group(ask, group):
    unknown = ("UserNotFoundException", "User does not exist.")
    nobody = new_name("nobody")

    for operation in ("admin_add_user_to_group", "admin_remove_user_from_group"):
        call = {"GroupName": group, "Username": nobody}
        assert raised_by(lambda operation=operation, call=call: ask(operation, **call)) == unknown


def test_a_group_of_another_pool_means_nothing_here(keyward, new_pool, root):
    pool = new_pool()
    person = pool.new_person()
    root.create_group(UserPoolId=pool.pool_id, GroupName="ADMINS")

    root.admin_add_user_to_group(UserPoolId=pool.pool_id, GroupName="ADMINS", Username=person.username)

    token = pool.sign_in(person)["AccessToken"]
    keyward.api(f"Bearer {token}").get("/me", status=401)
