"""pycognito manages users and groups."""

import pytest
from keyward_api import Person, new_name, new_password
from pycognito import Cognito


@pytest.fixture
def client_of(keyward):
    """pycognito with the administrator's access key."""

    def client_of(person: Person | None = None, pool=keyward, **options: object) -> Cognito:
        return Cognito(
            pool.pool_id,
            pool.client_id,
            user_pool_region=pool.region,
            username=person and person.username,
            access_key=keyward.root_key["id"],
            secret_key=keyward.root_key["secret"],
            boto3_client_kwargs={"endpoint_url": pool.url},
            **options,
        )

    return client_of


def test_an_administrator_makes_finds_and_deletes_a_user(keyward, client_of):
    person = Person(f"{new_name('user')}@example.com", new_password())
    admin = client_of(person)

    admin.admin_create_user(
        person.username,
        temporary_password=person.password,
        additional_kwargs={"MessageAction": "SUPPRESS"},
        email=person.username,
    )
    assert admin.admin_get_user().email == person.username
    admin.admin_disable_user(person.username)
    admin.admin_enable_user(person.username)
    admin.admin_update_profile({"name": "Ada"})
    assert admin.admin_get_user().name == "Ada"
    admin.admin_delete_user()
    with pytest.raises(admin.client.exceptions.UserNotFoundException):
        admin.admin_get_user()


def test_the_users_of_a_pool_are_listed(new_pool, client_of):
    pool = new_pool()
    people = [pool.new_person(email="one@example.com"), pool.new_person(email="two@example.com")]

    users = client_of(None, pool).get_users()

    assert sorted(user.username for user in users) == sorted(person.username for person in people)
    assert {user.email for user in users} == {"one@example.com", "two@example.com"}


def test_an_administrator_signs_somebody_in(keyward, client_of):
    person = keyward.new_person()
    client = client_of(person)

    client.admin_authenticate(person.password)

    assert client.access_claims["username"] == person.username


def test_groups_are_given_and_taken(keyward, root, client_of):
    person, group = keyward.new_person(), new_name("group")
    root.create_group(UserPoolId=keyward.pool_id, GroupName=group)
    admin = client_of(person)

    admin.admin_add_user_to_group(person.username, group)
    assert admin.admin_list_groups_for_user(person.username) == [group]
    assert admin.get_group(group).group_name == group
    assert group in [one.group_name for one in admin.get_groups()]
    admin.admin_remove_user_from_group(person.username, group)

    assert admin.admin_list_groups_for_user(person.username) == []
