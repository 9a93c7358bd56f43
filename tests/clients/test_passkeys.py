"""boto3 registers passkeys and signs in by them, as a page with an authenticator of its own."""

import base64
import hashlib
import json
import os
import struct

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from keyward_api import new_name, raised_by

DOMAIN = "example.com"
PAGE = "https://app.example.com"
# What an authenticator says of itself: its user is there, was made sure of, and it tells a new key.
PRESENT, VERIFIED, NEW_KEY = 0x01, 0x04, 0x40
# Of COSE: a key on an elliptic curve, for ES256, on P-256.
KEY_TYPE, ALGORITHM, CURVE, X, Y = 1, 3, -1, -2, -3


class Authenticator:
    """A device with one passkey, and the browser that asks it on some page."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = os.urandom(32)
        self._user = None

    def create(self, options: dict, page: str = PAGE, flags: int = PRESENT | VERIFIED) -> dict:
        """`navigator.credentials.create()`."""
        self._user = options["user"]["id"]
        numbers = self._key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        key = cbor({KEY_TYPE: 2, ALGORITHM: -7, CURVE: 1, X: x, Y: y})
        new_key = bytes(16) + struct.pack(">H", len(self._id)) + self._id + key
        shown = self._shown(options["rp"]["id"], flags | NEW_KEY) + new_key
        return self._credential(
            clientDataJSON=client_data("webauthn.create", options, page),
            attestationObject=cbor({"fmt": "none", "attStmt": {}, "authData": shown}),
        )

    def get(self, options: dict, page: str = PAGE, flags: int = PRESENT | VERIFIED) -> str:
        """`navigator.credentials.get()`, as JSON in a text."""
        shown = self._shown(options["rpId"], flags)
        data = client_data("webauthn.get", options, page)
        signed = self._key.sign(shown + hashlib.sha256(data).digest(), ec.ECDSA(hashes.SHA256()))
        made = self._credential(clientDataJSON=data, authenticatorData=shown, signature=signed)
        made["response"]["userHandle"] = self._user
        return json.dumps(made)

    @property
    def credential_id(self) -> str:
        return base64url(self._id)

    def _shown(self, domain: str, flags: int) -> bytes:
        """What a signature is about. The counter stands still, as that of a synchronised passkey does."""
        return hashlib.sha256(domain.encode()).digest() + bytes([flags]) + bytes(4)

    def _credential(self, **response: bytes) -> dict:
        response = {name: base64url(value) for name, value in response.items()}
        its_id = {"id": self.credential_id, "rawId": self.credential_id}
        return {**its_id, "type": "public-key", "response": response, "clientExtensionResults": {}}


def client_data(kind: str, options: dict, page: str) -> bytes:
    said = {"type": kind, "challenge": options["challenge"], "origin": page, "crossOrigin": False}
    return json.dumps(said).encode()


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def cbor(value: object) -> bytes:
    """RFC 8949, as much of it as an authenticator needs."""
    match value:
        case int():
            return cbor_head(0, value) if value >= 0 else cbor_head(1, -1 - value)
        case bytes():
            return cbor_head(2, len(value)) + value
        case str():
            return cbor_head(3, len(value.encode())) + value.encode()
        case dict():
            pairs = (cbor(name) + cbor(member) for name, member in value.items())
            return cbor_head(5, len(value)) + b"".join(pairs)
    raise TypeError(f"{value!r} isn't encoded here")


def cbor_head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    return bytes([kind << 5 | 24, number]) if number < 256 else bytes([kind << 5 | 25, *divmod(number, 256)])


class PasskeyUser:
    """Somebody of a pool, in front of their device."""

    def __init__(self, pool):
        self.pool, self.person, self.device = pool, pool.new_person(new_name("user")), Authenticator()
        self.token = {"AccessToken": pool.sign_in(self.person)["AccessToken"]}

    def start(self) -> dict:
        return self.pool.cognito.start_web_authn_registration(**self.token)["CredentialCreationOptions"]

    def complete(self, credential: dict) -> None:
        self.pool.cognito.complete_web_authn_registration(**self.token, Credential=credential)

    def register(self) -> None:
        self.complete(self.device.create(self.start()))

    def begin(self) -> tuple[dict, dict]:
        """The challenge, and what the page hands to the browser."""
        asked = {"USERNAME": self.person.username, "PREFERRED_CHALLENGE": "WEB_AUTHN"}
        challenge = self.pool.initiate("USER_AUTH", **asked)
        assert challenge["ChallengeName"] == "WEB_AUTHN"
        return challenge, json.loads(challenge["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"])

    def show(self, challenge: dict, credential: str) -> dict:
        answer = self.pool.respond(challenge, USERNAME=self.person.username, CREDENTIAL=credential)
        return answer["AuthenticationResult"]

    def sign_in(self) -> dict:
        challenge, options = self.begin()
        return self.show(challenge, self.device.get(options))

    def listed(self) -> list[dict]:
        return self.pool.cognito.list_web_authn_credentials(**self.token)["Credentials"]


@pytest.fixture(scope="module")
def pool(new_pool):
    pool = new_pool(Policies={"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}})
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id,
        WebAuthnConfiguration={"RelyingPartyId": DOMAIN, "UserVerification": "required"},
    )
    return pool


def amr(tokens: dict) -> list[str]:
    return jwt.decode(tokens["AccessToken"], options={"verify_signature": False})["amr"]


def test_a_passkey_is_registered_shown_and_deleted(pool):
    user = PasskeyUser(pool)
    user.register()
    [passkey] = user.listed()
    assert (passkey["CredentialId"], passkey["RelyingPartyId"]) == (user.device.credential_id, DOMAIN)
    factors = pool.cognito.get_user_auth_factors(**user.token)["ConfiguredUserAuthFactors"]
    assert "WEB_AUTHN" in factors

    assert amr(user.sign_in()) == ["pop"]

    pool.cognito.delete_web_authn_credential(**user.token, CredentialId=passkey["CredentialId"])
    assert user.listed() == []
    assert raised_by(user.sign_in)[0] == "NotAuthorizedException"


def test_what_no_honest_browser_makes_registers_nothing(pool):
    user = PasskeyUser(pool)

    options = user.start()
    credential = user.device.create(options, page="https://example.org")
    assert raised_by(lambda: user.complete(credential))[0] == "WebAuthnOriginNotAllowedException"
    # It was used up by that.
    honest = user.device.create(options)
    assert raised_by(lambda: user.complete(honest))[0] == "WebAuthnChallengeNotFoundException"
    unverified = user.device.create(user.start(), flags=PRESENT)
    assert raised_by(lambda: user.complete(unverified))[0] == "WebAuthnCredentialNotSupportedException"

    assert user.listed() == []


def test_a_passkey_is_good_for_its_own_user_page_and_challenge(pool):
    user, other = PasskeyUser(pool), PasskeyUser(pool)
    user.register()
    other.register()

    for attempt in (
        lambda options: user.device.get(options, page="https://example.org"),
        lambda options: user.device.get(options, flags=PRESENT),
        lambda options: user.device.get({**options, "challenge": other.begin()[1]["challenge"]}),
        other.device.get,
    ):
        challenge, options = user.begin()
        credential = attempt(options)
        refusal = raised_by(lambda: user.show(challenge, credential))
        assert refusal == ("NotAuthorizedException", "Invalid passkey or auth state for the user.")

    challenge, options = user.begin()
    credential = user.device.get(options)
    assert amr(user.show(challenge, credential)) == ["pop"]
    used = "Invalid session for the user, session can only be used once."
    assert raised_by(lambda: user.show(challenge, credential)) == ("NotAuthorizedException", used)


def test_a_passkey_counts_as_both_factors_where_the_pool_says_so(new_pool):
    pool = new_pool(Policies={"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}})
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id,
        MfaConfiguration="OPTIONAL",
        SoftwareTokenMfaConfiguration={"Enabled": True},
        WebAuthnConfiguration={
            "RelyingPartyId": DOMAIN,
            "UserVerification": "required",
            "FactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION",
        },
    )
    user = PasskeyUser(pool)
    user.register()

    assert amr(user.sign_in()) == ["pop", "mfa", "user"]

    # Who knows the password alone adds none beside it.
    assert raised_by(user.start)[0] == "NotAuthorizedException"
