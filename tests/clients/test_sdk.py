"""The AWS SDK for JavaScript, version 3, signs in."""

import pytest
from keyward_api import Authenticator, Person, new_password, nobody, raised_by
from srp import Srp

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


@pytest.fixture
def initiate(keyward, sdk):
    def initiate(flow: str, **parameters: str) -> dict:
        return sdk("InitiateAuth", AuthFlow=flow, ClientId=keyward.client_id, AuthParameters=parameters)

    return initiate


@pytest.fixture
def start(initiate):
    def start(person: Person) -> dict:
        return initiate("USER_PASSWORD_AUTH", USERNAME=person.username, PASSWORD=person.password)

    return start


@pytest.fixture
def respond(keyward, sdk):
    def respond(challenge: dict, **responses: str) -> dict:
        return sdk(
            "RespondToAuthChallenge",
            ClientId=keyward.client_id,
            ChallengeName=challenge["ChallengeName"],
            ChallengeResponses=responses,
            **({"Session": challenge["Session"]} if "Session" in challenge else {}),
        )

    return respond


def test_a_new_user_sets_a_password(keyward, sdk, start, respond):
    person = keyward.new_user()
    challenge = start(person)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    answer = respond(challenge, USERNAME=person.username, NEW_PASSWORD=new_password())

    user = sdk("GetUser", AccessToken=answer["AuthenticationResult"]["AccessToken"])
    assert {"Name": "email", "Value": person.username} in user["UserAttributes"]


def test_it_carries_srp(keyward, initiate, respond):
    person = keyward.new_person()

    def sign_in(attempt: Srp) -> dict:
        challenge = initiate("USER_SRP_AUTH", **attempt.parameters)
        assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
        return respond(challenge, **attempt.responses(challenge))

    assert sign_in(Srp(keyward, person))["AuthenticationResult"]["ExpiresIn"] == 3600
    for wrong in (Person(person.username, new_password()), nobody()):
        assert raised_by(lambda wrong=wrong: sign_in(Srp(keyward, wrong))) == WRONG_PASSWORD


def test_it_enrols_an_authenticator_and_shows_its_codes(keyward, sdk, start, respond):
    person = keyward.new_person()
    token = start(person)["AuthenticationResult"]["AccessToken"]

    authenticator = Authenticator(sdk("AssociateSoftwareToken", AccessToken=token)["SecretCode"])
    verified = sdk("VerifySoftwareToken", AccessToken=token, UserCode=authenticator.code())
    sdk(
        "SetUserMFAPreference",
        AccessToken=token,
        SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True},
    )

    assert verified["Status"] == "SUCCESS"
    code = authenticator.code()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    refusal = raised_by(lambda: respond(start(person), SOFTWARE_TOKEN_MFA_CODE=wrong))
    assert refusal == ("CodeMismatchException", "Invalid code received for user")
    answer = respond(start(person), SOFTWARE_TOKEN_MFA_CODE=code)
    user = sdk("GetUser", AccessToken=answer["AuthenticationResult"]["AccessToken"])
    assert user["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"
    assert raised_by(lambda: respond(start(person), SOFTWARE_TOKEN_MFA_CODE=code)) == (
        "ExpiredCodeException",
        "Your software token has already been used once.",
    )


def test_it_renews_tokens_and_takes_them_back(keyward, sdk, initiate, start):
    person = keyward.new_person()
    tokens = start(person)["AuthenticationResult"]

    def refresh() -> dict:
        return initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"])

    renewed = refresh()["AuthenticationResult"]["AccessToken"]
    sdk("RevokeToken", Token=tokens["RefreshToken"], ClientId=keyward.client_id)

    assert raised_by(refresh) == ("NotAuthorizedException", "Refresh Token has been revoked")
    assert raised_by(lambda: sdk("GetUser", AccessToken=renewed)) == (
        "NotAuthorizedException",
        "Access Token has been revoked",
    )


def test_a_global_sign_out_ends_every_session(keyward, sdk, initiate, start):
    person = keyward.new_person()
    one, other = (start(person)["AuthenticationResult"] for _ in range(2))

    sdk("GlobalSignOut", AccessToken=one["AccessToken"])

    for tokens in (one, other):
        for call in (
            lambda tokens=tokens: sdk("GetUser", AccessToken=tokens["AccessToken"]),
            lambda tokens=tokens: initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"]),
        ):
            assert raised_by(call)[0] == "NotAuthorizedException"


def test_what_is_wrong_is_refused_in_the_words_of_aws(keyward, sdk, start, respond):
    person = keyward.new_person()
    challenge = start(keyward.new_user())
    forged = {**challenge, "Session": "A" * len(challenge["Session"])}

    assert raised_by(lambda: start(Person(person.username, new_password()))) == WRONG_PASSWORD
    assert raised_by(lambda: start(nobody())) == WRONG_PASSWORD
    assert raised_by(lambda: respond(forged, NEW_PASSWORD=new_password()))[0] == "NotAuthorizedException"
    assert respond(challenge, NEW_PASSWORD=new_password())["AuthenticationResult"]
    code, message = raised_by(lambda: respond(challenge, NEW_PASSWORD=new_password()))
    assert (code, message.split(",")[0]) == ("NotAuthorizedException", "Invalid session for the user")
    assert raised_by(lambda: sdk("GetUser", AccessToken="x.y.z"))[0] == "NotAuthorizedException"
    assert raised_by(
        lambda: sdk(
            "InitiateAuth",
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId="0123456789abcdefghijklmnop",
            AuthParameters={"USERNAME": "a", "PASSWORD": "b"},
        )
    ) == ("ResourceNotFoundException", "User pool client 0123456789abcdefghijklmnop does not exist.")


def test_it_signs_what_an_administrator_asks(keyward, sdk):
    access_key = keyward.new_access_key(keyward.new_program_user(keyward.new_role("view:users")))
    wanted = {"UserPoolId": keyward.pool_id, "Username": keyward.admin_person.username}

    user = sdk.signing(access_key)("AdminGetUser", **wanted)

    assert (user["Username"], user["Enabled"]) == (keyward.admin_person.username, True)
    wrong = sdk.signing({**access_key, "secret": access_key["secret"][::-1]})
    assert raised_by(lambda: wrong("AdminGetUser", **wanted))[0] == "InvalidSignatureException"
