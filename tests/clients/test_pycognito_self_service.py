"""pycognito does what users do for themselves, also with a client that has a secret."""

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from keyward_api import Authenticator, Person, new_name, new_password
from pycognito import Cognito
from pycognito.exceptions import SMSMFAChallengeException, SoftwareTokenMFAChallengeException


@pytest.fixture(scope="module")
def pool(new_pool):
    return new_pool(AutoVerifiedAttributes=["email"])


@pytest.fixture(scope="module", params=["without a secret", "with a secret"])
def app(request, pool):
    return pool.new_client(GenerateSecret=request.param == "with a secret")


@pytest.fixture
def client_of(pool, app):
    def client_of(person: Person) -> Cognito:
        return Cognito(
            pool.pool_id,
            app["ClientId"],
            client_secret=app.get("ClientSecret"),
            user_pool_region=pool.region,
            username=person.username,
            botocore_config=Config(signature_version=UNSIGNED),
            boto3_client_kwargs={"endpoint_url": pool.url},
        )

    return client_of


@pytest.fixture
def person(pool):
    name = new_name("user")
    return pool.new_person(name, email=f"{name}@example.com", email_verified="true")


def test_a_new_user_sets_a_password(pool, client_of):
    person = pool.new_user()
    client = client_of(person)
    chosen = new_password()

    client.new_password_challenge(person.password, chosen)

    client_of(person).authenticate(chosen)
    assert client.access_token


def test_a_forgotten_password_is_set_anew(client_of, mailbox, person):
    client = client_of(person)
    client.initiate_forgot_password()
    chosen = new_password()

    client.confirm_forgot_password(mailbox.code(f"{person.username}@example.com"), chosen)
    client.authenticate(chosen)

    assert client.access_token


def test_tokens_are_renewed_and_revoked(client_of, person):
    client = client_of(person)
    client.authenticate(person.password)
    first = client.access_token

    client.renew_access_token()
    assert client.access_token != first
    client.logout()

    assert client.access_token is None


def test_a_one_time_code_is_asked_for_after_the_password(pool, client_of, person):
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
    )
    client = client_of(person)
    client.authenticate(person.password)
    authenticator = Authenticator(client.associate_software_token())
    assert client.verify_software_token(authenticator.code())
    client.set_user_mfa_preference(sms_mfa=False, software_token_mfa=True, preferred="SOFTWARE_TOKEN")

    again = client_of(person)
    with pytest.raises(SoftwareTokenMFAChallengeException):
        again.authenticate(person.password)
    again.respond_to_software_token_mfa_challenge(authenticator.code())

    assert again.access_token


def test_a_code_by_sms_is_asked_for_after_the_password(pool, client_of, mailbox):
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id,
        SmsMfaConfiguration={"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"}},
        MfaConfiguration="OPTIONAL",
    )
    name = new_name("user")
    number = f"+4950{abs(hash(name)) % 10**8:08}"
    person = pool.new_person(name, phone_number=number, phone_number_verified="true")
    pool.root.admin_set_user_mfa_preference(
        UserPoolId=pool.pool_id, Username=name, SMSMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    client = client_of(person)
    with pytest.raises(SMSMFAChallengeException):
        client.authenticate(person.password)

    client.respond_to_sms_mfa_challenge(mailbox.code(number))

    assert client.access_token
