"""boto3 does what users do for themselves: forget a password, change what is theirs, leave."""

from keyward_api import Person, new_password, nobody, raised_by

WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")
WRONG_CODE = (
    "CodeMismatchException",
    "Invalid verification code provided, please try again or request a code again.",
)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


def test_a_forgotten_password_is_set_anew_with_a_code(keyward, mailbox):
    person = keyward.new_person()
    old = Person(person.username, person.password)
    answer = keyward.cognito.forgot_password(ClientId=keyward.client_id, Username=person.username)
    assert answer["CodeDeliveryDetails"]["Destination"] == "u***@e***"
    code = mailbox.code(person.username)
    person.password = new_password()

    def confirm(code: str, password: str) -> dict:
        return keyward.cognito.confirm_forgot_password(
            ClientId=keyward.client_id, Username=person.username, ConfirmationCode=code, Password=password
        )

    assert raised_by(lambda: confirm(wrong(code), person.password)) == WRONG_CODE
    assert raised_by(lambda: confirm(code, "too-weak"))[0] == "InvalidPasswordException"
    confirm(code, person.password)

    assert keyward.sign_in(person)
    assert raised_by(lambda: keyward.start_sign_in(old)) == WRONG_PASSWORD
    assert raised_by(lambda: confirm(code, new_password())) == WRONG_CODE


def test_a_name_that_nobody_has_is_told_the_same_when_it_forgets_its_password(keyward, mailbox):
    name = nobody().username

    answer = keyward.cognito.forgot_password(ClientId=keyward.client_id, Username=name)

    assert answer["CodeDeliveryDetails"]["DeliveryMedium"] == "EMAIL"
    refusal = raised_by(
        lambda: keyward.cognito.confirm_forgot_password(
            ClientId=keyward.client_id, Username=name, ConfirmationCode="123456", Password=new_password()
        )
    )
    assert refusal == WRONG_CODE


def test_a_code_is_not_tried_for_ever(keyward, mailbox):
    person = keyward.new_person()
    keyward.cognito.forgot_password(ClientId=keyward.client_id, Username=person.username)
    code = mailbox.code(person.username)

    def confirm(code: str) -> str:
        return raised_by(
            lambda: keyward.cognito.confirm_forgot_password(
                ClientId=keyward.client_id,
                Username=person.username,
                ConfirmationCode=code,
                Password=new_password(),
            )
        )[0]

    answers = [confirm(wrong(code)) for _ in range(20)]

    # That the code is void by now is told to nobody, for it would tell that there was one.
    assert set(answers) == {"CodeMismatchException"}
    assert confirm(code) == "CodeMismatchException"


def test_a_password_is_changed_with_the_old_one(keyward):
    person = keyward.new_person()
    token = keyward.sign_in(person)["AccessToken"]

    def change(old: str, new: str) -> dict:
        return keyward.cognito.change_password(AccessToken=token, PreviousPassword=old, ProposedPassword=new)

    chosen = new_password()
    assert raised_by(lambda: change(new_password(), chosen)) == WRONG_PASSWORD
    assert raised_by(lambda: change(person.password, "too-weak"))[0] == "InvalidPasswordException"
    change(person.password, chosen)

    assert raised_by(lambda: keyward.start_sign_in(person)) == WRONG_PASSWORD
    assert keyward.sign_in(Person(person.username, chosen))


def test_a_user_leaves(keyward):
    person = keyward.new_person()
    tokens = keyward.sign_in(person)

    keyward.cognito.delete_user(AccessToken=tokens["AccessToken"])

    assert raised_by(lambda: keyward.start_sign_in(person)) == WRONG_PASSWORD
    code, _ = raised_by(lambda: keyward.cognito.get_user(AccessToken=tokens["AccessToken"]))
    assert code in ("NotAuthorizedException", "UserNotFoundException")
    assert raised_by(lambda: keyward.user(person)) == ("UserNotFoundException", "User does not exist.")
