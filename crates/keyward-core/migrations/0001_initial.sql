-- One set of migrations for SQLite and PostgreSQL: TEXT, BIGINT (times in milliseconds since the epoch, UTC,
-- names end in _ms), BOOLEAN; JSON as text. A released migration is never edited.

-- What there is one of: the home pool's id, switches.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Counts up in every transaction that changes what anybody may do; caches of rights ask for it.
CREATE TABLE revision (
    id BIGINT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO revision (id, value) VALUES (1, 0);

CREATE TABLE user_pools (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    settings TEXT NOT NULL, -- JSON object
    mfa TEXT NOT NULL DEFAULT 'OFF', -- of the settings: OFF, OPTIONAL, ON
    software_token_mfa BOOLEAN NOT NULL DEFAULT FALSE, -- of the settings
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE app_clients (
    id TEXT PRIMARY KEY,
    pool_id TEXT NOT NULL REFERENCES user_pools (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    settings TEXT NOT NULL, -- JSON object
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX app_clients_by_pool ON app_clients (pool_id, created_at_ms, id);

-- The secrets of an app client, two at most: it takes them, not their hashes, to check a SECRET_HASH.
CREATE TABLE app_client_secrets (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES app_clients (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX app_client_secrets_by_client ON app_client_secrets (client_id);

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    pool_id TEXT NOT NULL REFERENCES user_pools (id) ON DELETE CASCADE,
    token_use TEXT NOT NULL, -- id, access
    sealed TEXT NOT NULL, -- the private key, under the master key
    created_at_ms BIGINT NOT NULL,
    UNIQUE (pool_id, token_use)
);

CREATE TABLE users (
    id TEXT PRIMARY KEY, -- sub
    pool_id TEXT NOT NULL REFERENCES user_pools (id) ON DELETE CASCADE,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL, -- lower case where two names that differ in case alone are one
    kind TEXT NOT NULL, -- account, program
    status TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    email TEXT,
    email_key TEXT, -- lower case
    email_verified BOOLEAN NOT NULL,
    phone TEXT,
    phone_verified BOOLEAN NOT NULL,
    attributes TEXT NOT NULL, -- JSON object
    is_test BOOLEAN NOT NULL DEFAULT FALSE, -- one of the operator's, to try an application with
    password_hash TEXT,
    own_permissions TEXT, -- JSON list: all that the user may do, whatever the roles allow; NULL for most
    temporary_until_ms BIGINT,
    srp_verifier TEXT, -- with its salt, sealed
    totp_secret TEXT, -- sealed
    totp_pending TEXT, -- sealed; replaces the one in use once a code of it was shown
    totp_enabled BOOLEAN NOT NULL,
    totp_last_step BIGINT NOT NULL,
    mfa_preference TEXT, -- JSON object: the other second factors that are on, and which is preferred
    -- These five are about users of a directory kept elsewhere, whose rows mirror what it says.
    remote_name TEXT, -- what the directory calls them
    not_before_ms BIGINT, -- who signed in earlier is signed out
    kept_session TEXT, -- the sign-in (origin_jti) that goes on though it was earlier
    mfa_since_ms BIGINT, -- who signed in earlier has shown no second factor; NULL as long as none is on
    gone_at_ms BIGINT, -- the directory says that there is no such user any more
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL,
    UNIQUE (pool_id, username_key)
);
CREATE INDEX users_by_status ON users (pool_id, status, username_key);
CREATE INDEX users_by_enabled ON users (pool_id, enabled, username_key);

-- The passwords that users had before, as many as their pool remembers.
CREATE TABLE past_passwords (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    version BIGINT NOT NULL, -- the user's, when it was replaced
    hash TEXT NOT NULL,
    PRIMARY KEY (user_id, version)
);

-- What users are found by beside their names. The value is lower case where names are, in hexadecimal digits
-- of UTF-8: they sort alike on every database, so that what begins with a text is a range.
CREATE TABLE user_attributes (
    pool_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value_key TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (pool_id, name, value_key, user_id)
);
CREATE INDEX user_attributes_by_user ON user_attributes (user_id);

-- Roles of the home pool. The groups of other pools are kept here too; they allow nothing.
CREATE TABLE roles (
    id TEXT PRIMARY KEY,
    pool_id TEXT NOT NULL REFERENCES user_pools (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    permissions TEXT NOT NULL, -- JSON list
    mfa_required BOOLEAN NOT NULL,
    source TEXT,
    source_identifier TEXT,
    precedence BIGINT, -- as a group: the lowest one's IAM role is preferred
    iam_role TEXT, -- as a group: an ARN
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL,
    UNIQUE (pool_id, name)
);

CREATE TABLE assignments (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    created_by TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX assignments_by_role ON assignments (role_id, user_id);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_by TEXT NOT NULL,
    expires_at TEXT, -- as it was written
    expires_at_ms BIGINT, -- what it means
    active BOOLEAN NOT NULL,
    scope TEXT, -- JSON list; NULL narrows nothing
    allowed_addresses TEXT NOT NULL, -- JSON list of CIDR blocks; empty means any
    owner TEXT,
    review_at TEXT,
    imported BOOLEAN NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX api_keys_by_user ON api_keys (user_id);

-- The live secrets of a key: the current one, and the one before it while a rotation's overlap lasts.
CREATE TABLE api_key_secrets (
    hash TEXT PRIMARY KEY, -- of the whole key with its prefix, 64 hexadecimal digits
    algorithm TEXT NOT NULL, -- sha256
    key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    public_id TEXT NOT NULL,
    valid_until_ms BIGINT, -- NULL for the current one
    created_at_ms BIGINT NOT NULL,
    last_used_at_ms BIGINT,
    last_used_address TEXT,
    last_used_agent TEXT
);
CREATE INDEX api_key_secrets_by_key ON api_key_secrets (key_id);

-- What AWS' own clients sign their requests with.
CREATE TABLE access_keys (
    id TEXT PRIMARY KEY, -- no secret
    sealed TEXT NOT NULL, -- the secret, which it takes to check a signature
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_by TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    last_used_at_ms BIGINT,
    last_used_address TEXT,
    last_used_agent TEXT
);
CREATE INDEX access_keys_by_user ON access_keys (user_id);

-- A sign-in and all tokens that come of it; id is the tokens' origin_jti.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES app_clients (id) ON DELETE CASCADE,
    refresh_family TEXT NOT NULL UNIQUE, -- of what all refresh tokens of it begin with, hashed
    refresh_hash TEXT NOT NULL, -- of the newest one
    refresh_rotated TEXT, -- those before it that may be shown once more: JSON list of hash and end
    mfa BOOLEAN NOT NULL,
    amr TEXT NOT NULL, -- what was shown, in the words of RFC 8176, with spaces between
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- What users sign in with in place of a password.
CREATE TABLE passkeys (
    id TEXT NOT NULL, -- the credential's, base64url
    pool_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    relying_party_id TEXT NOT NULL,
    attachment TEXT, -- platform, cross-platform
    transports TEXT NOT NULL, -- JSON list
    credential TEXT NOT NULL, -- the public key and what is known of it, JSON object
    counter BIGINT NOT NULL, -- how often it has signed, where its device counts
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (pool_id, id)
);
CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at_ms, id);

-- The registration of a passkey that a user has begun, one for each.
CREATE TABLE passkey_ceremonies (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    state TEXT NOT NULL, -- the challenge and what was asked for, JSON object; no secret
    expires_at_ms BIGINT NOT NULL
);

-- What may be used once: challenge sessions by their id.
CREATE TABLE used_once (
    id TEXT PRIMARY KEY,
    expires_at_ms BIGINT NOT NULL
);

-- One-time codes that were sent, one for each owner and purpose; and how many were sent lately.
CREATE TABLE codes (
    pool_id TEXT NOT NULL REFERENCES user_pools (id) ON DELETE CASCADE,
    owner TEXT NOT NULL, -- a user's id, or the fingerprint of a name that nobody has, or of an address
    purpose TEXT NOT NULL, -- sign_up, password, email, phone, sign_in_by_email, sign_in_by_sms, second_factor
    channel TEXT NOT NULL, -- email, sms
    destination TEXT NOT NULL, -- the address that it proves
    replaces TEXT NOT NULL, -- the address that the user has until then, most often the same
    fingerprint TEXT NOT NULL, -- of the code and all of the above; empty when it was used
    tries BIGINT NOT NULL,
    sent BIGINT NOT NULL, -- since counted_since_ms
    counted_since_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (pool_id, owner, purpose)
);

-- Failed attempts at a name's password (whether or not anybody has the name) or at a user's second factor.
CREATE TABLE sign_in_failures (
    pool_id TEXT NOT NULL,
    counter TEXT NOT NULL, -- a fingerprint: what stands in a name's field may be a password
    failures BIGINT NOT NULL,
    failed_at_ms BIGINT NOT NULL,
    locked_until_ms BIGINT NOT NULL,
    PRIMARY KEY (pool_id, counter)
);

CREATE TABLE audit_events (
    id TEXT PRIMARY KEY, -- a UUID that sorts by time
    at_ms BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    credential TEXT,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id TEXT,
    target_name TEXT,
    outcome TEXT NOT NULL, -- done, refused, failed
    detail TEXT NOT NULL, -- JSON object
    request_id TEXT NOT NULL,
    address TEXT
);
CREATE INDEX audit_events_by_target ON audit_events (target_id, action, id);

-- Changes in a directory kept elsewhere that were begun; gone when it is known what became of them.
CREATE TABLE intents (
    id TEXT PRIMARY KEY,
    pool_id TEXT NOT NULL REFERENCES user_pools (id) ON DELETE CASCADE,
    node TEXT NOT NULL, -- the process that has begun it
    subject TEXT NOT NULL, -- whom it is about: a user's id, or the name of one to be made
    plan TEXT NOT NULL, -- JSON object: what is to be done, and its audit event; no secret in clear
    at_ms BIGINT NOT NULL
);
CREATE INDEX intents_by_pool ON intents (pool_id, at_ms);

-- Codes and invitations that wait to be sent.
CREATE TABLE messages (
    id TEXT PRIMARY KEY, -- a UUID that sorts by time
    pool_id TEXT NOT NULL REFERENCES user_pools (id) ON DELETE CASCADE,
    channel TEXT NOT NULL, -- email, sms, nowhere
    event_id TEXT NOT NULL, -- the audit event of the change that it tells of
    sealed TEXT NOT NULL, -- to whom, subject and body: codes and passwords stand in them
    created_at_ms BIGINT NOT NULL,
    due_at_ms BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX messages_by_time ON messages (due_at_ms);

-- The answers to requests with an Idempotency-Key, sealed, for ten minutes.
CREATE TABLE replies (
    id TEXT PRIMARY KEY, -- who asked, and their key, hashed
    fingerprint TEXT NOT NULL, -- of what was asked
    sealed TEXT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
