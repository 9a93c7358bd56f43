"""Users as VAMS's client manages them; numbered as in README.md."""

import pytest
from botocore.exceptions import ClientError
from keyward_api import Person, new_name, new_password, raised_by
from vams_client import VamsClient, VamsError


@pytest.fixture
def user_id(vams):
    """A user whom VAMS's client has made."""
    user_id = f"{new_name('vams')}@example.com"
    vams.create_user(user_id, user_id, "+12345678900")
    return user_id


def found(vams, user_id: str) -> dict | None:
    users = {user["userId"]: user for user in vams.list_all_users(60)["Items"]}
    return users.get(user_id)


def signed_in(keyward, person: Person, **answers: object) -> VamsClient:
    client = VamsClient(keyward.url, keyward.secrets)
    client.setup()
    client.login(person.username, person.password, **answers)
    return client


def test_1_a_list_has_every_user_under_both_names(vams, user_id):
    page = vams.list_users()

    assert page["users"] == page["Items"]
    user = found(vams, user_id)
    assert (user["email"], user["phone"]) == (user_id, "+12345678900")
    assert user["userStatus"] == "FORCE_CHANGE_PASSWORD"
    assert user["enabled"] is True
    assert user["mfaEnabled"] is False
    assert {"userCreateDate", "userLastModifiedDate"} <= user.keys()


def test_2_a_list_can_be_read_page_by_page(fresh_keyward):
    keyward = fresh_keyward
    client = signed_in(keyward, keyward.admin_person)
    names = [f"{name}@example.com" for name in ("a", "b", "c")]
    for name in names:
        client.create_user(name, name)

    everybody = client.list_all_users(page_size=1)

    assert sorted(user["userId"] for user in everybody["Items"]) == sorted(
        [*names, keyward.admin_person.username]
    )
    assert everybody["totalItems"] == 4
    assert everybody["pageCount"] >= 4


def test_3_a_new_users_temporary_password_is_in_the_answer_and_works(keyward, vams):
    user_id = f"{new_name('vams')}@example.com"

    made = vams.create_user(user_id, user_id)

    assert (made["success"], made["userId"], made["operation"]) == (True, user_id, "create")
    assert made["message"].startswith(f"User {user_id} created successfully")
    assert made["temporaryPassword"] in made["message"]
    challenge = keyward.start_sign_in(Person(user_id, made["temporaryPassword"]))
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


def test_4_a_user_who_exists_cant_be_created_again(vams, user_id):
    with pytest.raises(VamsError) as refusal:
        vams.create_user(user_id, user_id)

    assert str(refusal.value) == "Invalid request (400): VAMS General Error: User already exists"


@pytest.mark.parametrize("phone", ["+12345678900", "+442071234567"])
def test_5_a_phone_number_in_e164_is_taken(vams, phone):
    user_id = f"{new_name('vams')}@example.com"

    vams.create_user(user_id, user_id, phone)

    assert found(vams, user_id)["phone"] == phone


@pytest.mark.parametrize(
    "phone", ["12345678900", "+1 2345678900", "+1-234-567-8900", "+123", "+1234567890123456"]
)
def test_5_any_other_phone_number_is_refused(vams, phone):
    user_id = f"{new_name('vams')}@example.com"

    with pytest.raises(VamsError) as refusal:
        vams.create_user(user_id, user_id, phone)

    assert refusal.value.status == 400
    assert "phone" in refusal.value.message
    assert found(vams, user_id) is None


def test_5_a_user_id_must_be_an_email_address(vams):
    with pytest.raises(VamsError) as refusal:
        vams.create_user("bob", "bob@example.com")

    assert refusal.value.status == 400


def test_6_a_new_email_address_keeps_the_phone_number(vams, user_id):
    updated = vams.update_user(user_id, email=f"new-{user_id}")

    assert updated["message"] == f"User {user_id} updated successfully"
    assert updated["operation"] == "update"
    user = found(vams, user_id)
    assert (user["email"], user["phone"]) == (f"new-{user_id}", "+12345678900")


def test_6_a_new_phone_number_keeps_the_email_address(vams, user_id):
    vams.update_user(user_id, phone="+442071234567")

    user = found(vams, user_id)
    assert (user["email"], user["phone"]) == (user_id, "+442071234567")


def test_6_an_update_without_a_field_is_refused(vams, user_id):
    with pytest.raises(VamsError) as refusal:
        vams.update_user(user_id)

    assert refusal.value.message == "At least one field (email or phone) must be provided for update"


def test_7_a_deleted_user_is_gone_and_cant_be_deleted_again(vams, user_id):
    deleted = vams.delete_user(user_id)

    assert (deleted["operation"], deleted["message"]) == ("delete", f"User {user_id} deleted successfully")
    assert found(vams, user_id) is None
    with pytest.raises(VamsError) as refusal:
        vams.delete_user(user_id)
    assert str(refusal.value) == "Invalid request (400): VAMS General Error: User not found"


def test_8_nothing_of_a_deleted_user_works_on(keyward, vams):
    person = keyward.new_person(keyward.new_role("view:users"))
    client = signed_in(keyward, person)
    key = keyward.new_key(person.username)["secret"]
    by_key = VamsClient(keyward.url, keyward.secrets)
    by_key.setup()
    by_key.use_token(person.username, key)
    assert client.list_users() and by_key.list_users()

    vams.delete_user(person.username)

    with pytest.raises(VamsError) as refusal:
        by_key.request("GET", "/secure-config")
    assert (refusal.value.status, refusal.value.message) == (403, "Forbidden")
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        client.refresh()
    del client.tokens["RefreshToken"]
    with pytest.raises(VamsError) as refusal:
        client.request("GET", "/secure-config")
    assert refusal.value.status in (401, 403)
    assert vams.roles_of(person.username) == []


def test_8_a_user_made_anew_under_an_old_name_inherits_nothing(keyward, vams):
    person = keyward.new_person(keyward.new_role("view:users"))
    key = keyward.new_key(person.username)["secret"]
    vams.delete_user(person.username)

    vams.create_user(person.username, person.username)

    assert vams.roles_of(person.username) == []
    keyward.api(key).get("/me", status=401)


def test_9_a_reset_password_ends_the_sessions_and_keeps_the_rest(keyward, vams):
    role = keyward.new_role("view:users")
    person = keyward.new_person(role)
    client = signed_in(keyward, person)
    before = keyward.admin.get(f"/users/{person.username}")

    reset = vams.reset_password(person.username)

    assert reset["operation"] == "resetPassword"
    assert reset["message"].startswith(f"Password reset successfully for user {person.username}.")
    assert reset["temporaryPassword"] in reset["message"]
    assert raised_by(lambda: keyward.start_sign_in(person))[0] == "NotAuthorizedException"
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        client.refresh()
    after = keyward.admin.get(f"/users/{person.username}")
    assert (after["id"], after["roles"]) == (before["id"], [role])
    chosen = new_password()
    signed_in(keyward, Person(person.username, reset["temporaryPassword"]), new_password=chosen)
    assert keyward.sign_in(Person(person.username, chosen))


@pytest.mark.parametrize("body", [{"confirmReset": False}, {}])
def test_9_a_reset_that_isnt_confirmed_changes_nothing(keyward, vams, body):
    person = keyward.new_person()

    with pytest.raises(VamsError) as refusal:
        vams.request("POST", f"/user/cognito/{person.username}/resetPassword", body)

    assert refusal.value.status == 400
    assert "confirmReset" in refusal.value.message
    assert keyward.sign_in(person)


def test_10_who_lacks_the_permission_is_refused(keyward, vams, user_id):
    client = VamsClient(keyward.url, keyward.secrets)
    client.setup()
    bot = keyward.new_program_user(keyward.new_role("read:database"))
    client.use_token(bot, keyward.new_key(bot)["secret"])

    for call in (
        client.list_users,
        client.list_keys,
        lambda: client.create_user("x@example.com", "x@example.com"),
        lambda: client.update_user(user_id, email="x@example.com"),
        lambda: client.reset_password(user_id),
        lambda: client.delete_user(user_id),
        lambda: client.create_role("sneaky", "Not allowed"),
        lambda: client.add_user_roles(bot, "ADMINS"),
        lambda: client.set_user_roles(bot, "ADMINS"),
        lambda: client.delete_user_roles(user_id),
        lambda: client.create_key("sneaky", bot, "Not allowed"),
    ):
        with pytest.raises(VamsError) as refusal:
            call()
        assert (refusal.value.status, refusal.value.message) == (403, "Not Authorized")
    assert found(vams, user_id)["email"] == user_id
