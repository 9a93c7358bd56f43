"""boto3 signs in by the Cognito protocol, unsigned, as an application without AWS credentials does."""

import pytest
from keyward_api import Person, new_password, nobody, raised_by

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


def test_the_first_admin_signs_in_with_a_password(keyward):
    tokens = keyward.sign_in(keyward.admin_person)

    assert tokens["TokenType"] == "Bearer"
    assert tokens["ExpiresIn"] == 3600
    assert {"AccessToken", "IdToken", "RefreshToken"} <= tokens.keys()


def test_get_user_tells_who_the_access_token_belongs_to(keyward):
    person = keyward.new_person()

    user = keyward.cognito.get_user(AccessToken=keyward.sign_in(person)["AccessToken"])

    attributes = {attribute["Name"]: attribute["Value"] for attribute in user["UserAttributes"]}
    assert attributes["email"] == person.username
    assert user["Username"] in (person.username, attributes["sub"])


def test_a_wrong_password_and_an_unknown_user_look_the_same(keyward):
    person = keyward.new_person()
    wrong = Person(person.username, new_password())
    unknown = nobody()

    assert raised_by(lambda: keyward.start_sign_in(wrong)) == WRONG_PASSWORD
    assert raised_by(lambda: keyward.start_sign_in(unknown)) == WRONG_PASSWORD


def test_an_unknown_app_client_is_said_to_be_unknown(keyward):
    client_id = "0123456789abcdefghijklmnop"

    code, message = raised_by(
        lambda: keyward.cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=client_id,
            AuthParameters={"USERNAME": "a@example.com", "PASSWORD": new_password()},
        )
    )

    assert (code, message) == ("ResourceNotFoundException", f"User pool client {client_id} does not exist.")


def test_a_new_user_must_set_a_password_and_then_signs_in_with_it(keyward):
    person = keyward.new_user()
    challenge = keyward.start_sign_in(person)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert {"userAttributes", "requiredAttributes"} <= challenge["ChallengeParameters"].keys()
    chosen = Person(person.username, new_password())

    answer = keyward.respond(challenge, USERNAME=person.username, NEW_PASSWORD=chosen.password)

    assert "AccessToken" in answer["AuthenticationResult"]
    assert "AccessToken" in keyward.sign_in(chosen)
    assert raised_by(lambda: keyward.start_sign_in(person)) == WRONG_PASSWORD


def test_a_challenge_may_be_answered_without_repeating_the_username(keyward):
    person = keyward.new_user()
    challenge = keyward.start_sign_in(person)

    answer = keyward.respond(challenge, NEW_PASSWORD=new_password())

    assert "AccessToken" in answer["AuthenticationResult"]


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("Aa1!", "Password not long enough"),
        ("lower-case-1", "Password must have uppercase characters"),
        ("UPPER-CASE-1", "Password must have lowercase characters"),
        ("No-digit-here", "Password must have numeric characters"),
        ("NoSymbolHere1", "Password must have symbol characters"),
    ],
)
def test_a_new_password_must_meet_the_policy(keyward, password, complaint):
    challenge = keyward.start_sign_in(keyward.new_user())

    refusal = raised_by(lambda: keyward.respond(challenge, NEW_PASSWORD=password))

    assert refusal == ("InvalidPasswordException", f"Password did not conform with policy: {complaint}")


def test_the_session_of_a_challenge_is_good_once(keyward):
    challenge = keyward.start_sign_in(keyward.new_user())
    keyward.respond(challenge, NEW_PASSWORD=new_password())

    code, message = raised_by(lambda: keyward.respond(challenge, NEW_PASSWORD=new_password()))

    assert code == "NotAuthorizedException"
    assert message.startswith("Invalid session for the user")


def test_a_session_that_nobody_gave_is_refused(keyward):
    challenge = keyward.start_sign_in(keyward.new_user())
    challenge["Session"] = "A" * len(challenge["Session"])

    code, message = raised_by(lambda: keyward.respond(challenge, NEW_PASSWORD=new_password()))

    assert code == "NotAuthorizedException"
    assert message.startswith("Invalid session for the user")


def test_a_refresh_token_brings_new_tokens_but_no_new_refresh_token(keyward):
    person = keyward.new_person()
    tokens = keyward.sign_in(person)

    renewed = keyward.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"])

    renewed = renewed["AuthenticationResult"]
    assert "RefreshToken" not in renewed
    assert renewed["AccessToken"] != tokens["AccessToken"]
    assert keyward.cognito.get_user(AccessToken=renewed["AccessToken"])


def test_a_refresh_token_that_nobody_gave_is_refused(keyward):
    refusal = raised_by(lambda: keyward.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN="x" * 64))

    assert refusal == ("NotAuthorizedException", "Invalid Refresh Token.")


def test_a_one_time_code_is_asked_for_once_an_application_is_enrolled(keyward):
    person = keyward.new_person()
    authenticator = keyward.enrol_totp(person)

    challenge = keyward.start_sign_in(person)
    assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    answer = keyward.respond(
        challenge, USERNAME=person.username, SOFTWARE_TOKEN_MFA_CODE=authenticator.code()
    )

    user = keyward.cognito.get_user(AccessToken=answer["AuthenticationResult"]["AccessToken"])
    assert user["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]
    assert user["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"


def test_a_wrong_one_time_code_is_refused(keyward):
    person = keyward.new_person()
    authenticator = keyward.enrol_totp(person)
    wrong = f"{(int(authenticator.code()) + 1) % 1_000_000:06}"

    code, _ = raised_by(lambda: keyward.respond(keyward.start_sign_in(person), SOFTWARE_TOKEN_MFA_CODE=wrong))

    assert code == "CodeMismatchException"


def test_a_one_time_code_is_good_once(keyward):
    person = keyward.new_person()
    used = keyward.enrol_totp(person).code()
    keyward.respond(keyward.start_sign_in(person), SOFTWARE_TOKEN_MFA_CODE=used)

    refusal = raised_by(lambda: keyward.respond(keyward.start_sign_in(person), SOFTWARE_TOKEN_MFA_CODE=used))

    assert refusal == ("ExpiredCodeException", "Your software token has already been used once.")


def test_enrolling_needs_a_code_of_the_shared_secret(keyward):
    access_token = keyward.sign_in(keyward.new_person())["AccessToken"]
    secret = keyward.cognito.associate_software_token(AccessToken=access_token)["SecretCode"]
    assert len(secret) >= 32

    code, _ = raised_by(
        lambda: keyward.cognito.verify_software_token(AccessToken=access_token, UserCode="000000")
    )

    assert code == "EnableSoftwareTokenMFAException"


def test_a_global_sign_out_ends_every_session_at_once(keyward):
    person = keyward.new_person()
    one, other = keyward.sign_in(person), keyward.sign_in(person)

    keyward.cognito.global_sign_out(AccessToken=one["AccessToken"])

    for tokens in (one, other):
        code, _ = raised_by(lambda tokens=tokens: keyward.cognito.get_user(AccessToken=tokens["AccessToken"]))
        assert code == "NotAuthorizedException"
        code, _ = raised_by(
            lambda tokens=tokens: keyward.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"])
        )
        assert code == "NotAuthorizedException"
    assert keyward.sign_in(person)


def test_a_revoked_refresh_token_takes_its_access_tokens_along_but_no_other_session(keyward):
    person = keyward.new_person()
    revoked, other = keyward.sign_in(person), keyward.sign_in(person)

    keyward.cognito.revoke_token(Token=revoked["RefreshToken"], ClientId=keyward.client_id)

    code, message = raised_by(
        lambda: keyward.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=revoked["RefreshToken"])
    )
    assert (code, message) == ("NotAuthorizedException", "Refresh Token has been revoked")
    refusal = raised_by(lambda: keyward.cognito.get_user(AccessToken=revoked["AccessToken"]))
    assert refusal == ("NotAuthorizedException", "Access Token has been revoked")
    assert keyward.cognito.get_user(AccessToken=other["AccessToken"])


def test_tokens_are_renewed_by_the_operation_made_for_it(keyward):
    person = keyward.new_person()
    tokens = keyward.sign_in(person)

    def renew(token: str) -> dict:
        return keyward.cognito.get_tokens_from_refresh_token(ClientId=keyward.client_id, RefreshToken=token)

    renewed = renew(tokens["RefreshToken"])["AuthenticationResult"]
    assert keyward.cognito.get_user(AccessToken=renewed["AccessToken"])["Username"] == person.username
    assert "RefreshToken" not in renewed
    assert raised_by(lambda: renew("x" * 64)) == ("NotAuthorizedException", "Invalid Refresh Token.")
    keyward.cognito.revoke_token(Token=tokens["RefreshToken"], ClientId=keyward.client_id)
    assert raised_by(lambda: renew(tokens["RefreshToken"])) == (
        "NotAuthorizedException",
        "Refresh Token has been revoked",
    )


def test_what_is_no_refresh_token_is_not_revoked(keyward):
    token = keyward.sign_in(keyward.new_person())["AccessToken"]

    code, _ = raised_by(lambda: keyward.cognito.revoke_token(Token=token, ClientId=keyward.client_id))

    assert code == "UnsupportedTokenTypeException"


def test_a_disabled_user_is_refused_at_once_with_every_token(keyward):
    person = keyward.new_person()
    tokens = keyward.sign_in(person)

    keyward.admin.patch(f"/users/{person.username}", {"enabled": False})

    for call in (
        lambda: keyward.cognito.get_user(AccessToken=tokens["AccessToken"]),
        lambda: keyward.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"]),
        lambda: keyward.start_sign_in(person),
    ):
        code, _ = raised_by(call)
        assert code == "NotAuthorizedException"
    keyward.api(f"Bearer {tokens['AccessToken']}").get("/me", status=401)


def test_a_token_that_was_changed_is_refused(keyward):
    token = keyward.sign_in(keyward.new_person())["AccessToken"]
    header, claims, signature = token.split(".")
    changed = ".".join((header, claims, ("A" if signature[0] != "A" else "B") + signature[1:]))

    code, _ = raised_by(lambda: keyward.cognito.get_user(AccessToken=changed))

    assert code == "NotAuthorizedException"
