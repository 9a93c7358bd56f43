"""boto3 signs in where a pool asks for a second factor."""

import pytest
from keyward_api import Authenticator, new_name, raised_by


@pytest.fixture(scope="module")
def mfa_pool(new_pool, root):
    """A pool in which everybody needs a second factor."""
    pool = new_pool()
    root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        MfaConfiguration="ON",
    )
    return pool


def test_whoever_needs_a_second_factor_sets_it_up_on_the_way_in(mfa_pool):
    pool = mfa_pool
    person = pool.new_person()
    challenge = pool.start_sign_in(person)
    assert challenge["ChallengeName"] == "MFA_SETUP"
    assert "SOFTWARE_TOKEN_MFA" in challenge["ChallengeParameters"]["MFAS_CAN_SETUP"]

    associated = pool.cognito.associate_software_token(Session=challenge["Session"])
    authenticator = Authenticator(associated["SecretCode"])
    verified = pool.cognito.verify_software_token(
        Session=associated["Session"], UserCode=authenticator.code()
    )
    assert verified["Status"] == "SUCCESS"
    answer = pool.respond({**challenge, "Session": verified["Session"]}, USERNAME=person.username)
    assert answer["AuthenticationResult"]["AccessToken"]

    again = pool.start_sign_in(person)
    assert again["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    answer = pool.respond(again, USERNAME=person.username, SOFTWARE_TOKEN_MFA_CODE=authenticator.code())
    assert answer["AuthenticationResult"]["AccessToken"]


def test_setting_up_can_not_be_left_out(mfa_pool):
    pool = mfa_pool
    person = pool.new_person()
    challenge = pool.start_sign_in(person)

    assert raised_by(lambda: pool.respond(challenge, USERNAME=person.username))[0] in (
        "NotAuthorizedException",
        "InvalidParameterException",
        "SoftwareTokenMFANotFoundException",
    )
    session = pool.start_sign_in(person)["Session"]
    associated = pool.cognito.associate_software_token(Session=session)
    code, _ = raised_by(
        lambda: pool.cognito.verify_software_token(Session=associated["Session"], UserCode="000000")
    )
    assert code == "EnableSoftwareTokenMFAException"


def test_a_code_by_sms_is_a_second_factor(new_pool, mailbox):
    pool = new_pool()
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id,
        SmsMfaConfiguration={
            "SmsAuthenticationMessage": "Your code is {####}",
            "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"},
        },
        MfaConfiguration="OPTIONAL",
    )
    number = f"+4930{abs(hash(pool.pool_id)) % 10**8:08}"
    person = pool.new_person(phone_number=number, phone_number_verified="true")
    pool.cognito.set_user_mfa_preference(
        AccessToken=pool.sign_in(person)["AccessToken"],
        SMSMfaSettings={"Enabled": True, "PreferredMfa": True},
    )

    challenge = pool.start_sign_in(person)
    assert challenge["ChallengeName"] == "SMS_MFA"
    assert challenge["ChallengeParameters"]["CODE_DELIVERY_DELIVERY_MEDIUM"] == "SMS"
    answer = pool.respond(challenge, USERNAME=person.username, SMS_MFA_CODE=mailbox.code(number))

    assert answer["AuthenticationResult"]["AccessToken"]


def test_a_user_with_two_second_factors_picks_one(new_pool, mailbox):
    pool = new_pool()
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        SmsMfaConfiguration={"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"}},
        MfaConfiguration="OPTIONAL",
    )
    number = f"+4940{abs(hash(pool.pool_id)) % 10**8:08}"
    person = pool.new_person(phone_number=number, phone_number_verified="true")
    authenticator = pool.enrol_totp(person)
    pool.root.admin_set_user_mfa_preference(
        UserPoolId=pool.pool_id,
        Username=person.username,
        SMSMfaSettings={"Enabled": True, "PreferredMfa": False},
        SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": False},
    )

    offered = pool.start_sign_in(person)
    assert offered["ChallengeName"] == "SELECT_MFA_TYPE"
    challenge = pool.respond(offered, USERNAME=person.username, ANSWER="SOFTWARE_TOKEN_MFA")
    assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    answer = pool.respond(challenge, USERNAME=person.username, SOFTWARE_TOKEN_MFA_CODE=authenticator.code())

    assert answer["AuthenticationResult"]["AccessToken"]


def test_a_code_by_mail_is_a_second_factor_through_a_back_end_too(new_pool, mailbox):
    pool = new_pool()
    pool.root.set_user_pool_mfa_config(
        UserPoolId=pool.pool_id,
        EmailMfaConfiguration={"Subject": "Code", "Message": "Your code is {####}"},
        MfaConfiguration="ON",
    )
    name = new_name("user")
    person = pool.new_person(name, email=f"{name}@example.com", email_verified="true")
    client = {"UserPoolId": pool.pool_id, "ClientId": pool.client_id}

    challenge = pool.root.admin_initiate_auth(
        **client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": person.username, "PASSWORD": person.password},
    )
    assert challenge["ChallengeName"] == "EMAIL_OTP"
    assert challenge["ChallengeParameters"]["CODE_DELIVERY_DELIVERY_MEDIUM"] == "EMAIL"
    code = mailbox.code(f"{name}@example.com")
    answer = pool.root.admin_respond_to_auth_challenge(
        **client,
        ChallengeName="EMAIL_OTP",
        Session=challenge["Session"],
        ChallengeResponses={"USERNAME": person.username, "EMAIL_OTP_CODE": code},
    )

    assert answer["AuthenticationResult"]["AccessToken"]
