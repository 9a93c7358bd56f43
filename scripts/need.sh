#!/usr/bin/env bash
# Makes sure that the tools named as arguments are here: installs Debian's packages where it may, else says
# what to install and fails. Known tools: cc, curl, jq, node, postgresql, python, wrk.
set -euo pipefail

is_here() {
    case $1 in
        postgresql) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null ;;
        python) python3 -c 'import ensurepip, tomllib, venv' 2>/dev/null ;;
        node) command -v node >/dev/null && command -v npm >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

packages_of() {
    case $1 in
        cc) echo build-essential ;;
        node) echo nodejs npm ;;
        python) echo python3 python3-venv ;;
        *) echo "$1" ;;
    esac
}

if ! command -v cargo >/dev/null; then
    echo "error: cargo isn't here: install Rust 1.95 or later, from https://rustup.rs" >&2
    exit 1
fi

packages=()
for tool in "$@"; do
    if ! is_here "$tool"; then
        read -ra of_tool <<<"$(packages_of "$tool")"
        packages+=("${of_tool[@]}")
    fi
done
((${#packages[@]})) || exit 0

as_root=()
if [[ $(id -u) != 0 ]]; then
    as_root=(sudo -n)
fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
    echo "error: missing here, and only root may install it: apt-get install ${packages[*]}" >&2
    exit 1
fi
echo "need: installing ${packages[*]}" >&2
{
    "${as_root[@]}" apt-get update --quiet
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet --no-install-recommends "${packages[@]}"
} >&2
