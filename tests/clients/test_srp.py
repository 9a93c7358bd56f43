"""SRP with what a client that means harm sends."""

import base64

import pytest
from keyward_api import nobody, raised_by
from pycognito.aws_srp import N_HEX
from srp import Srp


@pytest.fixture
def begin(keyward):
    def begin(attempt: Srp) -> dict:
        return keyward.initiate("USER_SRP_AUTH", **attempt.parameters)

    return begin


@pytest.fixture
def prove(keyward):
    """Answers as pycognito does: without a session, for all that must be known is in the secret block."""

    def prove(responses: dict, client_id: str | None = None) -> dict:
        return keyward.cognito.respond_to_auth_challenge(
            ClientId=client_id or keyward.client_id,
            ChallengeName="PASSWORD_VERIFIER",
            ChallengeResponses=responses,
        )

    return prove


def test_the_password_is_proved_and_never_sent(keyward, begin, prove):
    person = keyward.new_person()
    attempt = Srp(keyward, person)
    challenge = begin(attempt)
    assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
    assert {"USERNAME", "USER_ID_FOR_SRP", "SALT", "SRP_B", "SECRET_BLOCK"} <= challenge[
        "ChallengeParameters"
    ].keys()

    tokens = prove(attempt.responses(challenge))["AuthenticationResult"]

    assert {"AccessToken", "IdToken", "RefreshToken"} <= tokens.keys()


@pytest.mark.parametrize("multiple", [0, 1, 2])
def test_a_public_value_that_makes_every_password_right_is_refused(keyward, multiple):
    srp_a = f"{multiple * int(N_HEX, 16):x}"

    code, _ = raised_by(
        lambda: keyward.initiate("USER_SRP_AUTH", USERNAME=keyward.new_person().username, SRP_A=srp_a)
    )

    assert code in ("NotAuthorizedException", "InvalidParameterException")


@pytest.mark.parametrize("srp_a", ["", "not hexadecimal", "ab" * 5000])
def test_a_public_value_that_is_none_is_refused(keyward, srp_a):
    code, _ = raised_by(
        lambda: keyward.initiate("USER_SRP_AUTH", USERNAME=keyward.new_person().username, SRP_A=srp_a)
    )

    assert code in ("NotAuthorizedException", "InvalidParameterException")


@pytest.mark.parametrize("member", ["PASSWORD_CLAIM_SIGNATURE", "PASSWORD_CLAIM_SECRET_BLOCK"])
def test_a_proof_that_was_changed_is_refused(keyward, begin, prove, member):
    attempt = Srp(keyward, keyward.new_person())
    responses = attempt.responses(begin(attempt))
    changed = bytearray(base64.b64decode(responses[member]))
    changed[0] ^= 1

    code, _ = raised_by(lambda: prove({**responses, member: base64.b64encode(changed).decode()}))

    assert code == "NotAuthorizedException"


def test_a_proof_holds_for_its_time_and_user_alone(keyward, begin, prove):
    attempt = Srp(keyward, keyward.new_person())
    responses = attempt.responses(begin(attempt))
    other = keyward.new_person().username

    for changed in ({"TIMESTAMP": "Thu Jan 1 00:00:00 UTC 1970"}, {"USERNAME": other}):
        code, _ = raised_by(lambda changed=changed: prove({**responses, **changed}))
        assert code == "NotAuthorizedException"


def test_a_proof_is_good_once(keyward, begin, prove):
    attempt = Srp(keyward, keyward.new_person())
    responses = attempt.responses(begin(attempt))
    assert prove(responses)["AuthenticationResult"]

    assert raised_by(lambda: prove(responses))[0] == "NotAuthorizedException"


def test_an_unknown_user_is_asked_the_same_each_time(keyward, begin):
    """A salt that changed would tell that nobody has the name."""
    person = nobody()

    first, second = (begin(Srp(keyward, person))["ChallengeParameters"] for _ in range(2))

    assert (first["SALT"], first["USER_ID_FOR_SRP"]) == (second["SALT"], second["USER_ID_FOR_SRP"])
    assert first["SRP_B"] != second["SRP_B"]
