"""pycognito signs in by SRP, its default: the password itself never goes over the wire."""

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from keyward_api import Authenticator, Person, new_password, nobody
from pycognito import Cognito
from pycognito.exceptions import ForceChangePasswordException, SoftwareTokenMFAChallengeException


@pytest.fixture
def client_of(keyward):
    def client_of(person: Person) -> Cognito:
        # It checks the signature, the issuer and the audience of every token that it gets.
        client = Cognito(
            keyward.pool_id,
            keyward.client_id,
            user_pool_region=keyward.region,
            username=person.username,
            botocore_config=Config(signature_version=UNSIGNED),
            boto3_client_kwargs={"endpoint_url": keyward.url},
        )
        client.client.meta.events.register(
            "after-call.cognito-idp", lambda parsed, **_: keyward.secrets.watch(parsed)
        )
        return client

    return client_of


def test_it_signs_in(keyward, client_of):
    person = keyward.new_person()
    client = client_of(person)

    client.authenticate(person.password)

    assert client.access_claims["token_use"] == "access"
    assert client.get_user().email == person.username


def test_a_wrong_password_and_an_unknown_user_look_the_same(keyward, client_of):
    person = keyward.new_person()

    with pytest.raises(ClientError) as wrong:
        client_of(person).authenticate(new_password())
    with pytest.raises(ClientError) as unknown:
        client_of(nobody()).authenticate(new_password())

    assert wrong.value.response["Error"]["Code"] == "NotAuthorizedException"
    assert wrong.value.response["Error"]["Message"] == "Incorrect username or password."
    assert unknown.value.response["Error"] == wrong.value.response["Error"]


def test_a_new_user_sets_a_password(keyward, client_of):
    person = keyward.new_user()
    client = client_of(person)
    with pytest.raises(ForceChangePasswordException):
        client.authenticate(person.password)
    chosen = new_password()

    client.new_password_challenge(person.password, chosen)

    assert client.access_token
    client_of(person).authenticate(chosen)


def test_a_one_time_code_is_asked_for_after_the_password(keyward, client_of):
    person = keyward.new_person()
    client = client_of(person)
    client.authenticate(person.password)
    authenticator = Authenticator(client.associate_software_token())
    assert client.verify_software_token(authenticator.code())
    client.set_user_mfa_preference(sms_mfa=False, software_token_mfa=True, preferred="SOFTWARE_TOKEN")

    again = client_of(person)
    with pytest.raises(SoftwareTokenMFAChallengeException):
        again.authenticate(person.password)
    again.respond_to_software_token_mfa_challenge(authenticator.code())

    assert again.get_user().email == person.username


def test_a_wrong_password_is_refused_before_a_one_time_code_is_asked_for(keyward, client_of):
    person = keyward.new_person()
    keyward.enrol_totp(person)

    with pytest.raises(ClientError) as refusal:
        client_of(person).authenticate(new_password())

    assert refusal.value.response["Error"]["Message"] == "Incorrect username or password."


def test_it_renews_its_tokens_and_signs_out(keyward, client_of):
    person = keyward.new_person()
    client = client_of(person)
    client.authenticate(person.password)
    first = client.access_token

    client.renew_access_token()
    renewed = client.access_token
    client.logout()

    assert renewed != first
    for token in (first, renewed):
        client.access_token = token
        with pytest.raises(ClientError) as refusal:
            client.get_user()
        assert refusal.value.response["Error"]["Code"] == "NotAuthorizedException"
