"""User pools of a test's own, made and filled by the operations that AWS signs."""

from keyward_api import Person, UserPool, new_name, new_password

# Every way to sign in that an app client can be given.
ALL_FLOWS = [
    *("ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"),
    *("ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH"),
]


class Pool(UserPool):
    """A pool with one app client."""

    def __init__(self, keyward, **options: object):
        self.url, self.secrets, self.region = keyward.url, keyward.secrets, keyward.region
        self.cognito, self.root = keyward.cognito, keyward.root
        self.pool_id = self.root.create_user_pool(PoolName=new_name("pool"), **options)["UserPool"]["Id"]
        self.client_id = self.new_client()["ClientId"]

    def new_client(self, **options: object) -> dict:
        options = {"ExplicitAuthFlows": ALL_FLOWS, "PreventUserExistenceErrors": "ENABLED", **options}
        made = self.root.create_user_pool_client(
            UserPoolId=self.pool_id, ClientName=new_name("client"), **options
        )
        return made["UserPoolClient"]

    def new_user(self, username: str | None = None, **attributes: str) -> Person:
        """A user with a temporary password, of whom nobody is told."""
        person = Person(username or new_name("user"), new_password())
        self.root.admin_create_user(
            UserPoolId=self.pool_id,
            Username=person.username,
            TemporaryPassword=person.password,
            MessageAction="SUPPRESS",
            UserAttributes=as_list(attributes),
        )
        return person

    def new_person(self, username: str | None = None, **attributes: str) -> Person:
        """A user with a password."""
        person = self.new_user(username, **attributes)
        person.password = new_password()
        self.root.admin_set_user_password(
            UserPoolId=self.pool_id, Username=person.username, Password=person.password, Permanent=True
        )
        return person


def as_list(attributes: dict[str, str]) -> list[dict]:
    return [{"Name": name.replace("__", ":"), "Value": value} for name, value in attributes.items()]


def as_dict(attributes: list[dict]) -> dict[str, str]:
    return {attribute["Name"]: attribute["Value"] for attribute in attributes}
