"""What the tests know of a running Keyward: its native API, its people, the secrets that it gave out."""

import functools
import itertools
import time
from dataclasses import dataclass

import boto3
import pyotp
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from keyward_server import Server

# Members of requests and answers that must never turn up in a log or, in clear, in the data folder.
SECRET_MEMBERS = {
    *("secret", "apiKey", "credential", "temporary_password", "temporaryPassword", "password"),
    *("PASSWORD", "NEW_PASSWORD", "AccessToken", "IdToken", "RefreshToken", "REFRESH_TOKEN", "Token"),
    *("Password", "TemporaryPassword", "PreviousPassword", "ProposedPassword"),
    *("ClientSecret", "ClientSecretValue", "SecretHash", "SECRET_HASH"),
    *("Session", "SecretCode", "sharedSecret", "SECRET_BLOCK", "PASSWORD_CLAIM_SIGNATURE"),
}
# Every password that a test thought of, for not every client's requests can be watched.
PASSWORDS: set[str] = set()
TOTP_STEP_SECONDS = 30
NAMES = itertools.count(1)


class Secrets:
    """Every secret that went over the wire of one server."""

    def __init__(self):
        self.values: set[str] = set()

    def watch(self, document: object) -> None:
        """Remembers what is secret in a JSON document, however deep."""
        if isinstance(document, dict):
            for name, value in document.items():
                if name in SECRET_MEMBERS and isinstance(value, str) and len(value) >= 8:
                    self.values.add(value)
                self.watch(value)
        elif isinstance(document, (list, tuple)):
            for value in document:
                self.watch(value)

    def found_in(self, content: bytes) -> list[str]:
        return [value for value in self.values | PASSWORDS if value.encode() in content]


class Api:
    """`/api/v1` as one caller; each call says which status it expects."""

    def __init__(self, url: str, secrets: Secrets, authorization: str | None):
        self.url = f"{url}/api/v1"
        self.authorization = authorization
        self._secrets = secrets

    def call(self, method: str, path: str, body: object = None, status: int = 200) -> object:
        headers = {"Authorization": self.authorization} if self.authorization else {}
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=60)
        assert answer.status_code == status, f"{method} {path} answered {answer.status_code}: {answer.text}"
        document = answer.json() if answer.content else None
        self._secrets.watch(body)
        self._secrets.watch(document)
        return document

    def get(self, path: str, status: int = 200):
        return self.call("GET", path, None, status)

    def post(self, path: str, body: object = None, status: int = 201):
        return self.call("POST", path, body, status)

    def put(self, path: str, body: object, status: int = 200):
        return self.call("PUT", path, body, status)

    def patch(self, path: str, body: object, status: int = 200):
        return self.call("PATCH", path, body, status)

    def delete(self, path: str, status: int = 204):
        return self.call("DELETE", path, None, status)


@dataclass
class Person:
    """A user of the pool who can sign in."""

    username: str
    password: str


class UserPool:
    """A pool and one of its app clients, in which a test signs in."""

    # Whoever is one says where the server is, what its secrets are, which pool and client, and how to ask.
    url: str
    secrets: Secrets
    region: str
    pool_id: str
    client_id: str
    cognito: object
    # boto3, signing as an administrator.
    root: object

    def initiate(self, flow: str, **parameters: str) -> dict:
        return self.cognito.initiate_auth(AuthFlow=flow, ClientId=self.client_id, AuthParameters=parameters)

    def respond(self, challenge: dict, **responses: str) -> dict:
        return self.cognito.respond_to_auth_challenge(
            ClientId=self.client_id,
            ChallengeName=challenge["ChallengeName"],
            Session=challenge["Session"],
            ChallengeResponses=responses,
        )

    def start_sign_in(self, person: Person) -> dict:
        """The answer to the password: tokens or a challenge."""
        return self.initiate("USER_PASSWORD_AUTH", USERNAME=person.username, PASSWORD=person.password)

    def sign_in(self, person: Person) -> dict:
        """The tokens of somebody who has no challenge to answer."""
        return self.start_sign_in(person)["AuthenticationResult"]

    def user(self, person: Person) -> dict:
        """What an administrator is told of somebody."""
        return self.root.admin_get_user(UserPoolId=self.pool_id, Username=person.username)

    def enrol_totp(self, person: Person) -> "Authenticator":
        """Gives `person` an authenticator application, which every sign-in then asks for."""
        access_token = self.sign_in(person)["AccessToken"]
        secret = self.cognito.associate_software_token(AccessToken=access_token)["SecretCode"]
        authenticator = Authenticator(secret)
        verified = self.cognito.verify_software_token(AccessToken=access_token, UserCode=authenticator.code())
        assert verified["Status"] == "SUCCESS"
        self.cognito.set_user_mfa_preference(
            AccessToken=access_token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
        )
        return authenticator


class Keyward(UserPool):
    """A running server and its home pool, with what a test needs to fill it."""

    def __init__(self, server: Server, admin: Person):
        self.server = server
        self.url = server.url
        self.secrets = Secrets()
        pool = requests.get(f"{self.url}/api/amplify-config", timeout=10).json()
        self.region = pool["region"]
        self.pool_id = pool["cognitoUserPoolId"]
        self.client_id = pool["cognitoAppClientId"]
        self.cognito = self.cognito_client()
        self.admin_person = admin
        self.admin = self.api(f"Bearer {self.sign_in(admin)['AccessToken']}")

    @functools.cached_property
    def root_key(self) -> dict:
        """The access key of the administrator."""
        return self.new_access_key(self.admin_person.username)

    @functools.cached_property
    def root(self):
        return self.signing_client(self.root_key)

    def cognito_client(self):
        """boto3's client of the user pool, unsigned, as an application without AWS credentials makes it."""
        return self._watched_client(signature_version=UNSIGNED)

    def signing_client(self, access_key: dict, **options: str):
        """boto3's client of the user pool, signing with this access key."""
        key = {"aws_access_key_id": access_key["id"], "aws_secret_access_key": access_key["secret"]}
        return self._watched_client(options={**key, **options})

    def _watched_client(self, signature_version: object = None, options: dict | None = None):
        config = Config(signature_version=signature_version, retries={"total_max_attempts": 1})
        options = {"region_name": self.region, **(options or {})}
        client = boto3.client("cognito-idp", endpoint_url=self.url, config=config, **options)
        events = client.meta.events
        events.register("provide-client-params.cognito-idp", lambda params, **_: self.secrets.watch(params))
        events.register("after-call.cognito-idp", lambda parsed, **_: self.secrets.watch(parsed))
        return client

    def api(self, authorization: str | None) -> Api:
        return Api(self.url, self.secrets, authorization)

    def new_user(self) -> Person:
        """A user as an administrator makes one: with a temporary password."""
        username = f"{new_name('user')}@example.com"
        made = self.admin.post("/users", {"username": username})
        return Person(username, made["temporary_password"])

    def new_person(self, *roles: str) -> Person:
        """A user who has set a password and has these roles."""
        person = self.new_user()
        challenge = self.start_sign_in(person)
        person.password = new_password()
        self.respond(challenge, USERNAME=person.username, NEW_PASSWORD=person.password)
        if roles:
            self.admin.put(f"/users/{person.username}/roles", {"roles": list(roles)})
        return person

    def new_role(self, *permissions: str, mfa_required: bool = False) -> str:
        name = new_name("role")
        role = {"name": name, "description": "For a test", "permissions": list(permissions)}
        self.admin.post("/roles", {**role, "mfa_required": mfa_required})
        return name

    def new_program_user(self, *roles: str) -> str:
        """A name that is a user for having roles alone."""
        name = new_name("bot")
        self.admin.put(f"/users/{name}/roles", {"roles": list(roles)})
        return name

    def new_key(self, user: str, **options: object) -> dict:
        key = {"name": new_name("key"), "user": user, "description": "For a test", **options}
        return self.admin.post("/api-keys", key)

    def new_access_key(self, user: str) -> dict:
        return self.admin.post("/access-keys", {"user": user})

    def service_key(self) -> str:
        """The credential of an application that asks about others' credentials."""
        return self.new_key(self.new_program_user("SERVICE"))["secret"]


class Authenticator:
    """An authenticator application that shows each code once.

    A code is good once, and a server takes those of the step before and after now too (RFC 6238, section 5.2),
    so three of them can be had without waiting.
    """

    def __init__(self, secret: str):
        self._totp = pyotp.TOTP(secret)
        self._last_step = 0

    def code(self) -> str:
        now = time.time()
        step = int(now // TOTP_STEP_SECONDS)
        # Late in a step the one before it might be refused by the time that it arrives.
        oldest = step - 1 if now % TOTP_STEP_SECONDS < TOTP_STEP_SECONDS - 5 else step
        self._last_step = max(self._last_step + 1, oldest)
        if self._last_step > step + 1:
            time.sleep((self._last_step - 1) * TOTP_STEP_SECONDS - now)
        return self._totp.at(self._last_step * TOTP_STEP_SECONDS)


def new_name(kind: str) -> str:
    return f"{kind}-{next(NAMES)}"


def new_password() -> str:
    password = f"Passw0rd!-{new_name('x')}-{time.time_ns()}"
    PASSWORDS.add(password)
    return password


def nobody() -> Person:
    """Somebody whom no pool has, each time another: failures to sign in are counted for unknown names too."""
    return Person(f"{new_name('nobody')}@example.com", new_password())


class Refused(Exception):
    """What a client outside of Python is refused with."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def raised_by(call) -> tuple[str, str]:
    """The error code and the message that a client's call is refused with."""
    try:
        call()
    except Refused as refusal:
        return refusal.code, refusal.message
    except ClientError as refusal:
        error = refusal.response["Error"]
        assert refusal.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return error["Code"], error["Message"]
    raise AssertionError("the call was not refused")
