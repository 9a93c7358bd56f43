"""Every operation's input is held against the service model as botocore holds it, and further."""

import base64
import json
import random
import re
import sys
from collections.abc import Iterable

import botocore.session
import pytest
import requests
from botocore.validate import ParamValidator
from conftest import running
from keyward_server import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import cognito_model

MODEL = botocore.session.get_session().get_service_model("cognito-idp")
INPUTS_OF_EACH = 8
# Texts of which one or another fits nearly every shape.
TEXTS = [
    *("", "a", "12", "123456", "two words", "ann@example.com", "us-east-1_0123456789", "x" * 24, "x" * 40),
    *("import-1", "terms-of-use", "https://example.com", "tkn0123456789abcdefghijklmno", "code {####}"),
    *("arn:aws:iam::123456789012:role/x", "7f9c4b5e-1d2a-4c3b-8a4d-5e6f7a8b9c0d", "Level1", "a/b", "ü"),
]
NULL = re.compile(r"Value null at '(.*?)' failed to satisfy constraint: Member must not be null")
SHORT = re.compile(r"at '([^']*)' failed to satisfy constraint: Member must have \w+ greater than or equal")


def test_the_table_is_what_the_generator_writes_from_the_pinned_model():
    model = cognito_model.Loader().load_service_model("cognito-idp", "service-2")

    assert cognito_model.TABLE.read_text() == cognito_model.table(model)


def test_the_generator_stops_at_what_it_knows_nothing_of():
    shape = {"type": "string", "min": 1, "divisibleBy": 7}

    with pytest.raises(SystemExit, match="divisibleBy"):
        list(cognito_model.parts(shape))


def test_an_operation_that_is_not_offered_raises_what_its_documentation_lists(keyward):
    client = keyward.cognito

    with pytest.raises(client.exceptions.OperationNotEnabledException, match="doesn't offer ForgetDevice"):
        client.forget_device(DeviceKey="us-east-1_0a")
    with pytest.raises(client.exceptions.InvalidParameterException, match="offer GetProvisionedLimit"):
        client.get_provisioned_limit(LimitDefinition={"LimitClass": "API_CATEGORY", "Attributes": {}})


@pytest.fixture
def unsigned_keyward(tmp_path, no_aws_settings):
    """One that asks for no signature, which would come before the input."""
    with running(tmp_path, dev="true") as it:
        yield it


def test_what_botocore_would_not_send_is_refused_and_what_it_misses_is_missed(unsigned_keyward):
    chance = random.Random(141)
    missed = short = taken = 0
    with requests.Session() as session:
        for name in MODEL.operation_names:
            shape = MODEL.operation_model(name).input_shape
            for _ in range(INPUTS_OF_EACH):
                members = any_input(shape, chance)
                complaints = ParamValidator().validate(members, shape).generate_report()
                answer = ask(session, unsigned_keyward.url, name, members)
                about = f"{name} {members}: {complaints} / {answer}"
                message = answer.get("message", "")
                if "Invalid type" in complaints:
                    assert answer["__type"] == "SerializationException", about
                    continue
                assert answer.get("__type") != "SerializationException", about
                is_told_whole = message.count(" failed to satisfy constraint: ") < 16
                assert not is_told_whole or places(NULL.findall(message)) == missing(complaints), about
                # It says of a text in a list what we say of the list, and doesn't count what is in a map.
                assert places(SHORT.findall(message)) - {"links"} <= too_short(complaints), about
                # It knows of nothing but what is missing and what is too short or too small.
                is_short = "greater than or equal to" in message or "must not be null" in message
                assert is_short or not complaints or not is_told_whole, about
                missed += "Missing" in complaints
                short += "Invalid" in complaints
                taken += not complaints
    assert min(missed, short, taken) > 100, (missed, short, taken)


def ask(session: requests.Session, url: str, operation: str, members: dict) -> dict:
    headers = {"X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}"}
    body = json.dumps(members, default=lambda blob: base64.b64encode(blob).decode())
    answer = session.post(f"{url}/", data=body, headers=headers, timeout=60)
    assert answer.status_code in (200, 400), answer.text
    return answer.json()


def missing(complaints: str) -> set[str]:
    """Where botocore misses a member."""
    found = re.findall(r'Missing required parameter in (.*): "(.*)"', complaints)
    return places(name if place == "input" else f"{place}.{name}" for place, name in found)


def too_short(complaints: str) -> set[str]:
    """Where something is shorter or smaller than botocore allows."""
    return places(re.findall(r"Invalid (?:length|value) for parameter (.*?), value: ", complaints))


def places(paths: Iterable[str]) -> set[str]:
    """botocore's `UserAttributes[0].Name` and AWS's `userAttributes.1.member.name`, in one form."""
    numbered = (re.sub(r"\[(\d+)\]", lambda match: f".{int(match[1]) + 1}", path) for path in paths)
    return {path.replace(".member", "").lower() for path in numbered}


def any_input(shape, chance: random.Random):
    """A value that the shape may allow or not; of another type now and then."""
    if chance.random() < 0.01:
        return chance.choice([text for text in ([], {}, "x", 1.5) if not is_of(shape, text)])
    match shape.type_name:
        case "structure" if shape.is_document_type:
            return {"a": [1]}
        case "structure":
            required = 0.85 if chance.random() < 0.5 else 1
            return {
                name: any_input(member, chance)
                for name, member in shape.members.items()
                if chance.random() < (required if name in shape.required_members else 0.3)
            }
        case "list":
            return [any_input(shape.member, chance) for _ in range(chance.choice([0, 1, 1, 2]))]
        case "map":
            keys = [any_text(shape.key, chance) for _ in range(chance.choice([0, 1, 1, 2]))]
            return {key: any_input(shape.value, chance) for key in keys}
        case "string":
            return any_text(shape, chance)
        case "integer":
            return chance.choice([0, 1, 10, 61, -1, shape.metadata.get("min", 5)])
        case "boolean":
            return chance.choice([True, False])
        case "blob":
            return chance.randbytes(chance.choice([0, 1, 100]))


def any_text(shape, chance: random.Random) -> str:
    return chance.choice(TEXTS + getattr(shape, "enum", []) * 5)


def is_of(shape, value: object) -> bool:
    kinds = {"structure": dict, "list": list, "map": dict, "string": str, "blob": (bytes, str)}
    return isinstance(value, kinds.get(shape.type_name, ()))
