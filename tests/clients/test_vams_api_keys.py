"""API keys as VAMS's client manages them; numbered as in README.md."""

import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from keyward_api import new_name
from vams_client import VamsClient, VamsError


@pytest.fixture
def bot(keyward):
    """A program user who may list users, which is how a test sees whether a key of theirs works."""
    return keyward.new_program_user(keyward.new_role("view:users", "manage:users"))


@pytest.fixture
def key(vams, bot):
    return vams.create_key(new_name("key"), bot, "For a test")


def status_of(keyward, authorization: str | None, path: str = "/user/cognito") -> int:
    headers = {"Authorization": authorization} if authorization else {}
    return requests.get(keyward.url + path, headers=headers, timeout=10).status_code


def test_11_a_user_without_roles_gets_no_key(keyward, vams):
    person = keyward.new_person()

    with pytest.raises(VamsError) as refusal:
        vams.create_key(new_name("key"), person.username, "No roles")

    assert refusal.value.status == 400
    assert f"User '{person.username}' has no roles assigned" in refusal.value.message


def test_11_with_a_role_the_user_gets_a_key(vams):
    user_id = new_name("ci-bot")
    vams.create_role(new_name("role"), "For a test")
    role = vams.list_all_roles()["Items"][-1]["roleName"]
    vams.add_user_roles(user_id, role)

    key = vams.create_key(new_name("key"), user_id, "For a test")

    assert key["apiKey"].startswith("vams_")
    assert len(key["apiKey"]) == 69
    assert (key["userId"], key["description"], key["isActive"], key["expiresAt"]) == (
        user_id,
        "For a test",
        "true",
        "",
    )
    assert key["createdBy"] == vams.user_id


def test_12_the_key_itself_is_shown_once(vams, key):
    others = (
        vams.list_keys(),
        vams.get_key(key["apiKeyId"]),
        vams.update_key(key["apiKeyId"], description="x"),
    )

    for answer in others:
        assert key["apiKey"] not in str(answer)


@pytest.mark.parametrize("missing", ["apiKeyName", "userId", "description"])
def test_13_each_of_the_three_fields_is_required(vams, bot, missing):
    body = {"apiKeyName": new_name("key"), "userId": bot, "description": "For a test"}
    del body[missing]

    with pytest.raises(VamsError) as refusal:
        vams.request("POST", "/auth/api-keys", body)

    assert refusal.value.status == 400
    assert missing in refusal.value.message


def test_13_a_name_is_given_once(vams, bot, key):
    with pytest.raises(VamsError) as refusal:
        vams.create_key(key["apiKeyName"], bot, "Again")

    name = key["apiKeyName"]
    assert refusal.value.message == (
        f"An API key with the name '{name}' already exists. Please choose a different name."
    )


def test_13_of_fifty_at_once_one_gets_the_name(keyward, bot):
    name = new_name("key")
    key = {"name": name, "user": bot, "description": "For a test"}

    def create(_: int) -> int:
        headers = {"Authorization": keyward.admin.authorization}
        answer = requests.post(f"{keyward.url}/api/v1/api-keys", json=key, headers=headers, timeout=60)
        keyward.secrets.watch(answer.json())
        return answer.status_code

    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(create, range(50)))

    assert sorted(statuses) == [201] + [409] * 49


def test_14_an_expiry_is_kept_as_it_was_written(vams, bot):
    key = vams.create_key(new_name("key"), bot, "For a test", "2099-06-30T23:59:59Z")

    assert key["expiresAt"] == "2099-06-30T23:59:59Z"
    assert vams.get_key(key["apiKeyId"])["expiresAt"] == "2099-06-30T23:59:59Z"


@pytest.mark.parametrize(
    "past", ["2020-01-01T00:00:00Z", "2020-01-01", "2020-01-01T00:00:00", "2020-01-01T00:00:00+02:00"]
)
def test_14_an_expired_key_is_refused_however_its_expiry_is_written(keyward, vams, bot, past):
    try:
        key = vams.create_key(new_name("key"), bot, "For a test", past)
    except VamsError as refusal:
        assert refusal.status == 400
        return

    assert status_of(keyward, key["apiKey"]) == 403


def test_14_what_is_no_date_is_refused(vams, bot):
    with pytest.raises(VamsError) as refusal:
        vams.create_key(new_name("key"), bot, "For a test", "not-a-date")

    assert refusal.value.status == 400
    assert "ISO 8601" in refusal.value.message


def test_15_description_and_expiry_can_be_changed_and_cleared(vams, key):
    updated = vams.update_key(key["apiKeyId"], description="Updated", expiresAt="2099-12-31")
    assert (updated["description"], updated["expiresAt"]) == ("Updated", "2099-12-31")

    cleared = vams.update_key(key["apiKeyId"], expiresAt="")

    assert cleared["expiresAt"] == ""
    assert cleared["description"] == "Updated"


def test_15_a_key_can_be_switched_off_and_on(keyward, vams, key):
    assert vams.update_key(key["apiKeyId"], isActive="false")["isActive"] == "false"
    assert status_of(keyward, key["apiKey"]) == 403

    assert vams.update_key(key["apiKeyId"], isActive="true")["isActive"] == "true"

    assert status_of(keyward, key["apiKey"]) == 200


@pytest.mark.parametrize("wrong", ["maybe", "banana", ""])
def test_15_active_is_true_or_false(vams, key, wrong):
    with pytest.raises(VamsError) as refusal:
        vams.update_key(key["apiKeyId"], isActive=wrong)

    assert refusal.value.status == 400
    assert vams.get_key(key["apiKeyId"])["isActive"] == "true"


def test_15_an_update_needs_a_field(vams, key):
    with pytest.raises(VamsError) as refusal:
        vams.update_key(key["apiKeyId"])

    assert (
        refusal.value.message == "At least one of 'description', 'expiresAt', or 'isActive' must be provided"
    )


def test_15_name_and_user_never_change(vams, key):
    vams.update_key(key["apiKeyId"], description="x", apiKeyName="other", userId="other-user")

    after = vams.get_key(key["apiKeyId"])
    assert (after["apiKeyName"], after["userId"]) == (key["apiKeyName"], key["userId"])


def test_an_expired_key_stays_dead_when_its_expiry_is_cleared(keyward, vams, key):
    vams.update_key(key["apiKeyId"], expiresAt="2020-01-01T00:00:00Z")
    assert status_of(keyward, key["apiKey"]) == 403

    vams.update_key(key["apiKeyId"], expiresAt="")
    assert status_of(keyward, key["apiKey"]) == 403

    vams.update_key(key["apiKeyId"], expiresAt="", isActive="true")
    assert status_of(keyward, key["apiKey"]) == 200


def test_16_the_very_next_request_with_a_disabled_or_deleted_key_is_refused(keyward, vams, key):
    for _ in range(3):
        assert status_of(keyward, key["apiKey"]) == 200
        vams.update_key(key["apiKeyId"], isActive="false")
        assert status_of(keyward, key["apiKey"]) == 403
        vams.update_key(key["apiKeyId"], isActive="true")
    assert status_of(keyward, key["apiKey"]) == 200

    deleted = vams.delete_key(key["apiKeyId"])

    assert status_of(keyward, key["apiKey"]) == 403
    assert deleted["message"] == f"API key '{key['apiKeyId']}' deleted successfully"
    with pytest.raises(VamsError) as refusal:
        vams.delete_key(key["apiKeyId"])
    assert str(refusal.value) == "Invalid request (400): API key not found"


def test_17_a_key_is_recognised_as_it_is_and_as_a_bearer(keyward, key):
    secret = key["apiKey"]

    for authorization in (secret, f"Bearer {secret}", f"bearer {secret}", f"BEARER {secret}"):
        assert status_of(keyward, authorization) == 200


def test_17_anything_else_is_refused(keyward, key):
    secret = key["apiKey"]
    unknown = "vams_" + secrets.token_urlsafe(48)

    for authorization in (
        f"Basic {secret}",
        secret[:-1],
        secret + "x",
        secret.upper(),
        unknown,
        "vams_",
        "x",
    ):
        assert status_of(keyward, authorization) == 403
    assert status_of(keyward, None) == 401


def test_18_a_key_has_the_roles_that_its_user_has_now(keyward, vams, bot, key):
    roles = vams.roles_of(bot)
    assert status_of(keyward, key["apiKey"]) == 200

    vams.delete_user_roles(bot)
    assert status_of(keyward, key["apiKey"]) == 403

    vams.add_user_roles(bot, *roles)
    assert status_of(keyward, key["apiKey"]) == 200


def test_19_a_role_that_requires_mfa_sleeps_under_a_key(keyward, vams):
    role = keyward.new_role("view:users", "manage:users", mfa_required=True)
    bot = keyward.new_program_user(role)
    key = vams.create_key(new_name("key"), bot, "For a test")
    assert status_of(keyward, key["apiKey"]) == 403

    vams.update_role(role, mfaRequired=False)

    assert status_of(keyward, key["apiKey"]) == 200


def test_20_a_bot_that_nobody_created_gets_a_role_and_a_key(keyward, vams):
    role = keyward.new_role("read:database")
    user_id = f"{new_name('ci-bot')}@example.com"

    vams.add_user_roles(user_id, role)
    key = vams.create_key("GitHub Actions", user_id, "CI/CD", "2099-12-31T23:59:59Z")

    me = keyward.api(key["apiKey"]).get("/me")
    assert (me["username"], me["permissions"]) == (user_id, ["read:database"])


def test_21_both_keys_of_a_rotation_work_until_the_old_one_is_deleted(keyward, vams, bot, key):
    new = vams.create_key(f"{key['apiKeyName']} v2", bot, "Rotated key")
    assert status_of(keyward, key["apiKey"]) == status_of(keyward, new["apiKey"]) == 200

    vams.delete_key(key["apiKeyId"])

    assert status_of(keyward, key["apiKey"]) == 403
    assert status_of(keyward, new["apiKey"]) == 200


def test_22_more_than_three_thousand_keys_are_all_listed(fresh_keyward):
    keyward = fresh_keyward
    bot = keyward.new_program_user(keyward.new_role("read:database"))
    names = [f"key {index}" for index in range(3100)]
    for start in range(0, len(names), 1000):
        keys = [
            {"name": name, "user": bot, "sha256": hashlib.sha256(secrets.token_bytes(48)).hexdigest()}
            for name in names[start : start + 1000]
        ]
        results = keyward.admin.post("/api-keys/import", {"keys": keys}, status=200)["results"]
        assert [result["error"] for result in results] == [None] * len(keys)
    client = VamsClient(keyward.url, keyward.secrets)
    client.setup()
    client.login(keyward.admin_person.username, keyward.admin_person.password)

    listed = {key["apiKeyName"] for key in client.list_keys()}

    assert listed == set(names)
    for name in (names[0], names[1500], names[-1]):
        with pytest.raises(VamsError, match="already exists"):
            client.create_key(name, bot, "Again")


def test_an_imported_key_works_as_it_is(keyward, bot):
    secret = "vams_" + secrets.token_urlsafe(48)
    keyward.secrets.watch({"secret": secret})
    digest = hashlib.sha256(secret.encode()).hexdigest()
    key = {"name": new_name("key"), "user": bot, "description": "From VAMS", "sha256": digest}

    keyward.admin.post("/api-keys/import", {"keys": [key]}, status=200)

    assert status_of(keyward, secret) == 200


def test_23_nobody_makes_a_key_for_somebody_with_more_rights(keyward):
    clerk = keyward.new_program_user(keyward.new_role("manage:api-keys", "view:users"))
    boss = keyward.new_program_user("ADMINS")
    client = VamsClient(keyward.url, keyward.secrets)
    client.setup()
    client.use_token(clerk, keyward.new_key(clerk)["secret"])

    with pytest.raises(VamsError) as refusal:
        client.create_key(new_name("key"), boss, "Sneaky")

    assert (refusal.value.status, refusal.value.message) == (403, "Not Authorized")
    assert client.create_key(new_name("key"), clerk, "As much as the clerk has")["apiKey"]
    with pytest.raises(VamsError) as refusal:
        client.create_key(new_name("key"), keyward.admin_person.username, "Sneaky")
    assert refusal.value.status == 403


@pytest.mark.parametrize("key_id", ["00000000-0000-4000-8000-000000000000", "not-an-id"])
def test_an_unknown_key_is_said_to_be_unknown(vams, key_id):
    with pytest.raises(VamsError) as refusal:
        vams.get_key(key_id)

    assert refusal.value.status == 400
