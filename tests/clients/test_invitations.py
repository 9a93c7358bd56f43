"""boto3 invites people: the temporary password goes by mail."""

import html

import pytest
from keyward_api import Person, new_name, raised_by
from pools import as_list

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


@pytest.fixture(scope="module")
def pool(new_pool):
    return new_pool()


def test_an_invitation_is_sent_with_the_temporary_password(pool, mailbox):
    person = Person(new_name("guest"), "")
    address = f"{person.username}@example.com"
    invited = {
        "UserPoolId": pool.pool_id,
        "Username": person.username,
        "DesiredDeliveryMediums": ["EMAIL"],
    }
    pool.root.admin_create_user(**invited, UserAttributes=as_list({"email": address}))
    text = mailbox.next(address)
    assert person.username in text
    person.password = text.partition("temporary password is ")[2].strip().removesuffix(".")

    assert pool.start_sign_in(person)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    pool.root.admin_create_user(**invited, MessageAction="RESEND")
    again = mailbox.next(address)
    assert again != text
    assert raised_by(lambda: pool.start_sign_in(person)) == WRONG_PASSWORD


def test_a_pools_own_words_are_sent(new_pool, mailbox):
    pool = new_pool(
        AdminCreateUserConfig={
            "InviteMessageTemplate": {
                "EmailSubject": "Welcome",
                "EmailMessage": "<p>Dear {username}, begin with <b>{####}</b></p>",
                "SMSMessage": "{username}: {####}",
            }
        }
    )
    person = Person(new_name("guest"), "")
    invited = {"UserPoolId": pool.pool_id, "Username": person.username}
    contacts = {"email": f"{person.username}@example.com", "phone_number": "+4930765432"}

    pool.root.admin_create_user(
        **invited, DesiredDeliveryMediums=["EMAIL", "SMS"], UserAttributes=as_list(contacts)
    )

    mail, sms = html.unescape(mailbox.next(contacts["email"]).strip()), mailbox.next(contacts["phone_number"])
    person.password = sms.removeprefix(f"{person.username}: ")
    assert mail == f"<p>Dear {person.username}, begin with <b>{person.password}</b></p>"
    assert pool.start_sign_in(person)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


def test_nobody_is_told_who_is_not_to_be(new_pool, mailbox):
    pool = new_pool()
    address = f"{new_name('quiet')}@example.com"

    pool.new_user(email=address)
    pool.root.admin_create_user(
        UserPoolId=pool.pool_id,
        Username=new_name("loud"),
        DesiredDeliveryMediums=["EMAIL"],
        UserAttributes=as_list({"email": address}),
    )

    assert "loud" in mailbox.next(address)
    assert mailbox.is_empty(address)
