#!/usr/bin/env bash
# Asks Keyward about somebody's credential. KEYWARD_URL, SERVICE_KEY (a key whose user has the role SERVICE)
# and CREDENTIAL come from the environment; curl reads both secrets from pipes, so that no list of processes
# shows them.
set -euo pipefail

# Keyward's answer to the question on the input. Anything but an answer fails: then refuse.
ask() {
    curl --silent --show-error --fail --max-time 2 \
        --header @<(echo "Authorization: $SERVICE_KEY") --json @- "$KEYWARD_URL/api/v1/$1"
}

# Who is this?
ask verify <<<"{\"credential\": \"$CREDENTIAL\"}" |
    jq -r 'if .allowed then "allowed: \(.caller.username)" else "refused: \(.reason)" end'

# May they do this?
permissions='["read:database", "write:database"]'
ask authorize <<<"{\"credential\": \"$CREDENTIAL\", \"permissions\": $permissions}" |
    jq -r '.results[] | .permission + if .allowed then " yes" else " no" end'
