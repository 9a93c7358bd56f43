#!/usr/bin/env python3
"""Holds every dependency against deny.toml: its licence, the banned crates, where it comes from.

Asks Cargo alone, so it runs wherever Cargo does. It knows nothing of advisories and says so.
Where cargo-deny is installed, that runs as well.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# How cargo writes that a package comes from a registry, not from a repository or a path.
REGISTRY = "registry+"


def main() -> int:
    policy = tomllib.loads((ROOT / "deny.toml").read_text())
    packages = dependencies()
    problems = [problem for package in packages for problem in faults(package, policy)]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    print(f"licences: {len(packages)} crates held against deny.toml, {len(problems)} problem(s)")

    if shutil.which("cargo-deny"):
        checks = ["licenses", "bans", "sources"]
        problems += [1] * subprocess.run(["cargo", "deny", "--locked", "check", *checks], cwd=ROOT).returncode
    print(
        "licences: the advisory database was NOT consulted (`cargo deny check advisories` does that, online)"
    )
    return 1 if problems else 0


def dependencies() -> list[dict]:
    """What a build of this workspace with all features can use, on any platform; our own crates left out."""
    # `cargo metadata` alone also lists what only a weak feature (`ring?/alloc`) names and nothing builds;
    # `cargo tree` resolves those, but doesn't say where a package comes from. Together they say it all.
    tree = ["tree", "--workspace", "--target", "all", "--edges", "normal,build,dev", "--prefix", "none"]
    used = {tuple(line.split()[:2]) for line in cargo(*tree, "--format", "{p}").splitlines() if line}
    metadata = json.loads(cargo("metadata", "--format-version", "1"))
    ours = set(metadata["workspace_members"])
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    wanted_by: dict[str, set[str]] = {}
    for node in metadata["resolve"]["nodes"]:
        for wanted in node["dependencies"]:
            wanted_by.setdefault(wanted, set()).add(names[node["id"]])
    return [
        package | {"wanted_by": wanted_by.get(package["id"], set())}
        for package in metadata["packages"]
        if (package["name"], f"v{package['version']}") in used and package["id"] not in ours
    ]


def cargo(*arguments: str) -> str:
    """What `cargo` prints, for the locked versions and every feature."""
    command = ["cargo", *arguments, "--locked", "--all-features"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def faults(package: dict, policy: dict) -> list[str]:
    """What is wrong with `package`, as sentences."""
    name = f"{package['name']} {package['version']}"
    found = []
    if not (package["source"] or "").startswith(REGISTRY):
        found.append(f"{name} comes from {package['source'] or 'a path'}; only the registry is allowed")
    for ban in policy["bans"]["deny"]:
        # What only its `wrappers` depend on is let through, as cargo-deny does.
        is_wrapped = "wrappers" in ban and package["wanted_by"] <= set(ban["wrappers"])
        if ban["crate"] == package["name"] and not is_wrapped:
            found.append(f"{name} is banned: {ban['reason']}")
    if not package["license"]:
        found.append(f"{name} names no licence")
    elif not allows(package["license"], set(policy["licenses"]["allow"])):
        found.append(f"{name} is under {package['license']}, which deny.toml doesn't allow")
    return found


def allows(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met with the `allowed` licences; Cargo's old `/` means OR."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    position = 0

    def take() -> str:
        nonlocal position
        position += 1
        return tokens[position - 1]

    def peek() -> str | None:
        return tokens[position] if position < len(tokens) else None

    def either() -> bool:
        met = both()
        while peek() == "OR":
            take()
            met = both() or met
        return met

    def both() -> bool:
        met = one()
        while peek() == "AND":
            take()
            met = one() and met
        return met

    def one() -> bool:
        name = take()
        if name == "(":
            met = either()
            if take() != ")":
                raise ValueError(f"not an SPDX expression: {expression}")
            return met
        if peek() == "WITH":
            take()
            name = f"{name} WITH {take()}"
        return name in allowed

    met = either()
    if peek() is not None:
        raise ValueError(f"not an SPDX expression: {expression}")
    return met


if __name__ == "__main__":
    sys.exit(main())
