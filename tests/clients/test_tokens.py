"""Tokens as somebody checks them who only knows the issuer: discovery, then the keys, then the claims."""

import jwt
import requests


def claims_of(token: str, **options: object) -> dict:
    """The claims, once signature, issuer and expiry hold."""
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    discovery = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    assert discovery["issuer"] == issuer
    assert discovery["jwks_uri"] == f"{issuer}/.well-known/jwks.json"
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(token)
    required = {"require": ["exp", "iat", "iss", "sub", "jti", "auth_time", "token_use"]}
    return jwt.decode(token, key, algorithms=["RS256"], issuer=issuer, options=required, **options)


def test_an_id_token_says_who_it_is(keyward):
    person = keyward.new_person()

    claims = claims_of(keyward.sign_in(person)["IdToken"], audience=keyward.client_id)

    assert claims["iss"] == f"{keyward.url}/{keyward.pool_id}"
    assert claims["token_use"] == "id"
    assert claims["email"] == person.username
    assert isinstance(claims["email_verified"], bool)
    assert {"cognito:username", "origin_jti", "event_id"} <= claims.keys()
    assert claims["exp"] - claims["iat"] == 3600


def test_an_access_token_says_for_which_application_it_is(keyward):
    claims = claims_of(keyward.sign_in(keyward.new_person())["AccessToken"])

    assert claims["token_use"] == "access"
    assert claims["client_id"] == keyward.client_id
    assert "aud" not in claims
    assert "aws.cognito.signin.user.admin" in claims["scope"]
    assert {"username", "origin_jti", "event_id"} <= claims.keys()


def test_both_tokens_name_the_roles_as_groups(keyward):
    role = keyward.new_role("read:database")
    tokens = keyward.sign_in(keyward.new_person(role))

    assert claims_of(tokens["IdToken"], audience=keyward.client_id)["cognito:groups"] == [role]
    assert claims_of(tokens["AccessToken"])["cognito:groups"] == [role]


def test_id_and_access_tokens_are_signed_by_different_keys(keyward):
    tokens = keyward.sign_in(keyward.new_person())
    keys = requests.get(f"{keyward.url}/{keyward.pool_id}/.well-known/jwks.json", timeout=10).json()["keys"]

    used = {jwt.get_unverified_header(tokens[name])["kid"] for name in ("IdToken", "AccessToken")}

    assert used == {key["kid"] for key in keys}
    assert len(used) == 2
    for key in keys:
        assert (key["alg"], key["kty"], key["use"]) == ("RS256", "RSA", "sig")
        assert "d" not in key


def test_a_refreshed_token_belongs_to_the_same_sign_in(keyward):
    tokens = keyward.sign_in(keyward.new_person())
    renewed = keyward.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"])
    first = claims_of(tokens["AccessToken"])

    second = claims_of(renewed["AuthenticationResult"]["AccessToken"])

    assert second["origin_jti"] == first["origin_jti"]
    assert second["auth_time"] == first["auth_time"]
    assert second["jti"] != first["jti"]


def test_either_token_is_a_credential_of_the_native_api(keyward):
    person = keyward.new_person(keyward.new_role("read:database"))
    tokens = keyward.sign_in(person)

    for name in ("AccessToken", "IdToken"):
        me = keyward.api(f"Bearer {tokens[name]}").get("/me")
        assert (me["kind"], me["username"], me["mfa"]) == ("person", person.username, False)
        assert me["permissions"] == ["read:database"]


def test_a_sign_in_with_a_one_time_code_counts_as_one_with_mfa(keyward):
    role = keyward.new_role("read:vault", mfa_required=True)
    person = keyward.new_person(role)
    without = keyward.sign_in(person)["AccessToken"]
    authenticator = keyward.enrol_totp(person)
    challenge = keyward.start_sign_in(person)

    answer = keyward.respond(challenge, SOFTWARE_TOKEN_MFA_CODE=authenticator.code())

    with_mfa = answer["AuthenticationResult"]["AccessToken"]
    assert keyward.api(f"Bearer {with_mfa}").get("/me")["permissions"] == ["read:vault"]
    assert keyward.api(f"Bearer {without}").get("/me")["permissions"] == []


def test_an_unknown_pool_has_no_keys(keyward):
    assert (
        requests.get(f"{keyward.url}/us-east-1_unknown00/.well-known/jwks.json", timeout=10).status_code
        == 404
    )
