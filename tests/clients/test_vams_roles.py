"""Roles and who has them as VAMS's client manages them; numbered as in README.md."""

import pytest
from keyward_api import new_name
from vams_client import VamsClient, VamsError


@pytest.fixture
def role(vams):
    """A role that VAMS's client has made."""
    role = new_name("role")
    vams.create_role(role, "For a test", source="INTERNAL_SYSTEM", sourceIdentifier="x", mfaRequired=True)
    return role


def found(vams, role: str) -> dict | None:
    return {item["roleName"]: item for item in vams.list_all_roles()["Items"]}.get(role)


def test_24_a_role_is_created_and_listed(vams):
    name = new_name("role")

    made = vams.create_role(name, "Runs pipelines")

    assert (made["success"], made["roleName"], made["operation"]) == (True, name, "create")
    assert made["message"] == f"Role {name} created successfully"
    listed = found(vams, name)
    assert (listed["description"], listed["mfaRequired"]) == ("Runs pipelines", False)
    assert {"id", "createdOn", "source", "sourceIdentifier"} <= listed.keys()


def test_24_the_default_roles_are_there(vams):
    names = {item["roleName"] for item in vams.list_all_roles()["Items"]}

    assert {"ADMINS", "LAB_MANAGERS", "RESEARCHERS", "CLINICIANS", "SERVICE"} <= names


def test_24_a_role_that_exists_cant_be_created_again(vams, role):
    with pytest.raises(VamsError) as refusal:
        vams.create_role(role, "Again")

    assert str(refusal.value) == "Invalid request (400): VAMS General Error: Role already exists"


def test_24_a_deleted_role_is_taken_from_everybody(vams, role):
    user_id = new_name("bot")
    vams.add_user_roles(user_id, role)

    assert vams.delete_role(role) == {"message": "success"}

    assert found(vams, role) is None
    assert vams.roles_of(user_id) == []
    with pytest.raises(VamsError) as refusal:
        vams.delete_role(role)
    assert (refusal.value.status, refusal.value.message) == (400, "Role does not exist")


def test_24_a_role_that_isnt_there_cant_be_updated(vams):
    with pytest.raises(VamsError) as refusal:
        vams.update_role(new_name("role"), description="Nobody's")

    assert str(refusal.value) == "Invalid request (400): VAMS General Error: Role does not exist"


def test_25_mfa_alone_can_be_changed(vams, role):
    updated = vams.update_role(role, mfaRequired=False)

    assert (updated["operation"], updated["message"]) == ("update", f"Role {role} updated successfully")
    after = found(vams, role)
    assert (after["mfaRequired"], after["description"]) == (False, "For a test")


def test_25_what_an_update_doesnt_name_stays(vams, role):
    vams.update_role(role, description="Another")

    after = found(vams, role)
    assert (after["description"], after["mfaRequired"]) == ("Another", True)
    assert (after["source"], after["sourceIdentifier"]) == ("INTERNAL_SYSTEM", "x")


def test_an_update_by_vams_keeps_the_permissions(keyward, vams):
    role = keyward.new_role("read:database")

    vams.update_role(role, description="Another")

    assert keyward.admin.get(f"/roles/{role}")["permissions"] == ["read:database"]


def test_roles_can_be_read_page_by_page(vams):
    everything = vams.list_all_roles(page_size=2)

    names = [item["roleName"] for item in everything["Items"]]
    assert len(names) == len(set(names))
    assert everything["pageCount"] > 1
    assert set(names) == {item["roleName"] for item in vams.list_all_roles(page_size=3000)["Items"]}


def test_26_a_user_gets_several_roles_at_once(vams):
    user_id, roles = new_name("bot"), [new_name("role"), new_name("role")]
    for role in roles:
        vams.create_role(role, "For a test")

    given = vams.add_user_roles(user_id, *roles)

    assert (given["success"], given["userId"], given["operation"]) == (True, user_id, "create")
    assert given["message"].startswith("User roles created successfully")
    assert "program user" in given["message"]
    assert vams.roles_of(user_id) == sorted(roles)


def test_26_an_unknown_role_is_refused_and_nothing_is_given(vams, role):
    user_id = new_name("bot")

    with pytest.raises(VamsError) as refusal:
        vams.add_user_roles(user_id, role, "no-such-role")

    assert refusal.value.status == 400
    assert "Role 'no-such-role' does not exist in the system" in refusal.value.message
    assert vams.roles_of(user_id) == []


def test_26_a_role_that_the_user_has_is_refused_and_nothing_is_given(vams, role):
    user_id, other = new_name("bot"), new_name("role")
    vams.create_role(other, "For a test")
    vams.add_user_roles(user_id, role)

    with pytest.raises(VamsError) as refusal:
        vams.add_user_roles(user_id, other, role)

    assert refusal.value.message == "VAMS General Error: One or more roles already exist for this user"
    assert vams.roles_of(user_id) == [role]


def test_26_an_update_makes_it_exactly_these_roles(vams):
    user_id, first, second = new_name("bot"), new_name("role"), new_name("role")
    for role in (first, second):
        vams.create_role(role, "For a test")
    vams.add_user_roles(user_id, first)

    updated = vams.set_user_roles(user_id, second)

    assert updated["message"] == "User roles updated successfully"
    assert vams.roles_of(user_id) == [second]


def test_26_a_delete_takes_every_role(vams, role):
    user_id = new_name("bot")
    vams.add_user_roles(user_id, role)

    assert vams.delete_user_roles(user_id)["message"] == "User roles deleted successfully"

    assert vams.roles_of(user_id) == []


def test_26_at_least_one_role_is_needed(vams):
    with pytest.raises(VamsError) as refusal:
        vams.add_user_roles(new_name("bot"))

    assert (refusal.value.status, "At least one role name is required" in refusal.value.message) == (
        400,
        True,
    )


def test_27_nobody_gives_a_role_above_their_own_rights(keyward):
    clerk = keyward.new_program_user(keyward.new_role("manage:users", "manage:roles", "view:users"))
    client = VamsClient(keyward.url, keyward.secrets)
    client.setup()
    client.use_token(clerk, keyward.new_key(clerk)["secret"])

    for call in (
        lambda: client.add_user_roles(clerk, "ADMINS"),
        lambda: client.set_user_roles(new_name("bot"), "ADMINS"),
    ):
        with pytest.raises(VamsError) as refusal:
            call()
        assert (refusal.value.status, refusal.value.message) == (403, "Not Authorized")


def test_the_last_administrator_stays_one(fresh_keyward):
    keyward = fresh_keyward
    client = VamsClient(keyward.url, keyward.secrets)
    client.setup()
    client.login(keyward.admin_person.username, keyward.admin_person.password)

    for call in (
        lambda: client.delete_user(keyward.admin_person.username),
        lambda: client.delete_user_roles(keyward.admin_person.username),
        lambda: client.set_user_roles(keyward.admin_person.username, "RESEARCHERS"),
        lambda: client.delete_role("ADMINS"),
    ):
        with pytest.raises(VamsError) as refusal:
            call()
        assert 400 <= refusal.value.status < 500
    assert client.roles_of(keyward.admin_person.username) == ["ADMINS"]
