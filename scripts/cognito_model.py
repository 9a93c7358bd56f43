#!/usr/bin/env python3
"""Writes the table of Cognito's operations and the shapes of their inputs, out of botocore's service model.

    .cache/venv/bin/python scripts/cognito_model.py

botocore is pinned in tests/clients/requirements.txt; `make test` holds the table against it.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import botocore
from botocore.loaders import Loader

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "crates/keyward/src/cognito/model/table.rs"
WIDTH = 110
HEAD = f"""\
//! The operations of Cognito user pools and the shapes of their inputs.
//!
//! Written by `scripts/cognito_model.py`; don't change it by hand. Source: botocore {botocore.__version__},
//! `data/cognito-idp/2016-04-18/service-2.json`, Copyright Amazon.com, Inc. or its affiliates, Apache-2.0.

use super::{{
    Operation, Pattern, Shape, blob, boolean, document, integer, list, map, one_of, optional, required,
    signed, structure, text, unsigned,
}};
"""
# What says that an operation isn't to be had here, in the words of an operation that has them.
NOT_ENABLED = "OperationNotEnabledException"
# What is asked of a shape or a member. Anything else in the model is news, and somebody has to look at it.
KNOWN = {
    *("type", "members", "required", "member", "key", "value", "min", "max", "pattern", "enum", "sensitive"),
    *("document", "box", "shape", "documentation"),
}


def table(model: dict) -> str:
    """The Rust file for a service model."""
    shapes = {name: model["shapes"][name] for name in sorted(inputs(model))}
    patterns: dict[str, str] = {}
    for name, shape in shapes.items():
        if "pattern" in shape:
            patterns.setdefault(shape["pattern"], f"{constant(name)}_PATTERN")
    assert len({constant(name) for name in shapes}) == len(shapes), "two shapes of one name"

    operations = model["operations"]
    blocks = [
        HEAD,
        f"pub(super) static OPERATIONS: [Operation; {len(operations)}] = [\n"
        + "".join(f"    {operation(name, operations[name])},\n" for name in sorted(operations))
        + "];\n",
        "".join(
            static(name, "Pattern", f'Pattern::new(r"{pattern}")') for pattern, name in patterns.items()
        ),
        "".join(
            static(constant(name), "Shape", expression(shape, patterns)) for name, shape in shapes.items()
        ),
    ]
    return "\n".join(blocks)


def inputs(model: dict) -> set[str]:
    """The names of all shapes that an input can have in it."""
    found: set[str] = set()
    ahead = [operation["input"]["shape"] for operation in model["operations"].values()]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(part["shape"] for part in parts(model["shapes"][name]))
    return found


def parts(shape: dict) -> Iterator[dict]:
    """What a shape is made of, each checked to say nothing that we know nothing of."""
    known_only(shape)
    elements = [shape[key] for key in ("member", "key", "value") if key in shape]
    for part in [*shape.get("members", {}).values(), *elements]:
        known_only(part)
        yield part


def known_only(description: dict) -> None:
    if news := description.keys() - KNOWN:
        sys.exit(f"error: the model has {sorted(news)}, which {Path(__file__).name} knows nothing of")


def operation(name: str, description: dict) -> str:
    function = "unsigned" if description.get("authtype") == "none" else "signed"
    is_modelled = NOT_ENABLED in {error["shape"] for error in description["errors"]}
    exception = "" if is_modelled else ".without_not_enabled()"
    return f"{function}({quoted(name)}, {reference(description['input'])}){exception}"


def expression(shape: dict, patterns: dict[str, str]) -> str:
    """A shape as Rust makes it."""
    words = {"min": "from", "max": "to"}
    bounds = "".join(f".{word}({shape[key]:_})" for key, word in words.items() if key in shape)
    sensitive = ".sensitive()" if shape.get("sensitive") else ""
    match shape["type"]:
        case "structure" if shape.get("document"):
            made = "document()"
        case "structure":
            made = f"structure(&[{', '.join(members(shape))}])"
        case "list":
            made = f"list({reference(shape['member'])}){bounds}"
        case "map":
            made = f"map({reference(shape['key'])}, {reference(shape['value'])}){bounds}"
        case "string" if "enum" in shape:
            assert not bounds and "pattern" not in shape, "an enumeration with further constraints"
            made = f"one_of(&[{', '.join(quoted(word) for word in shape['enum'])}])"
        case "string":
            pattern = f".matching(&{patterns[shape['pattern']]})" if "pattern" in shape else ""
            made = f"text(){bounds}{pattern}"
        case "integer" | "blob":
            made = f"{shape['type']}(){bounds}"
        case "boolean":
            made = "boolean()"
        case other:
            sys.exit(f"error: the model has a shape of the type {other}, which nothing checks yet")
    return made + sensitive


def members(shape: dict) -> list[str]:
    named = shape.get("required", [])
    return [
        f"{'required' if name in named else 'optional'}({quoted(name)}, {reference(member)})"
        for name, member in shape["members"].items()
    ]


def static(name: str, kind: str, value: str) -> str:
    """A Rust static, in as few lines as it takes."""
    line = f"static {name}: {kind} = {value};"
    if len(line) <= WIDTH:
        return f"{line}\n"
    if "&[" not in line:
        return line.replace(" = ", " =\n    ", 1) + "\n"
    head, items = line.split("&[")
    items, tail = items.split("]")
    # Lines end between items alone: the blanks within one are none to textwrap.
    items = items.replace(", &", ",\u00a0&") + ","
    lines = textwrap.wrap(items, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    items = "".join(f"    {line}\n" for line in lines).replace("\u00a0", " ")
    return f"{head}&[\n{items}]{tail}\n"


def reference(part: dict) -> str:
    return f"&{constant(part['shape'])}"


def quoted(word: str) -> str:
    return f'"{word}"'


def constant(name: str) -> str:
    """`SMSMfaSettingsType` as `SMS_MFA_SETTINGS_TYPE`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).upper()


if __name__ == "__main__":
    TABLE.write_text(table(Loader().load_service_model("cognito-idp", "service-2")))
