"""A Keyward of their own for the tests: the built binary, on a free port, with a fresh data folder."""

import contextlib
import functools
import os
from pathlib import Path

import pytest
from aws_cli import AwsCli
from certificates import new_certificates
from keyward_api import Keyward, Person, new_password
from keyward_server import ROOT, Server
from messages import Mailbox
from node_client import Node, Sdk
from pools import Pool
from vams_client import VamsClient

BINARY = Path(os.environ.get("KEYWARD_BINARY", ROOT / "target" / "debug" / "keyward"))


@pytest.fixture(scope="session", autouse=True)
def no_aws_settings(tmp_path_factory):
    """Clients must find Keyward by what a test tells them, and need no AWS credentials for it."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "KEYWARD_", "COGNITO_"))]:
        del os.environ[name]
    empty = tmp_path_factory.mktemp("home")
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(empty / "none")
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


@contextlib.contextmanager
def running(folder: Path, environment: dict[str, str] | None = None, **settings: str):
    """A Keyward that is stopped in the end, and then searched for every secret that went over its wire."""
    if not BINARY.exists():
        pytest.fail(f"{BINARY} isn't built: run `make test`")
    admin = Person("admin@example.com", new_password())
    first = {"admin_email": admin.username, "admin_password": admin.password}
    server = Server(BINARY, folder / "data", environment, **first, **settings).start()
    keyward = None
    try:
        keyward = Keyward(server, admin)
        yield keyward
    finally:
        code = server.stop()
        (folder / "server.log").write_bytes(server.output)
    assert code == 0, server.output.decode()
    assert len(keyward.secrets.values) > 3
    for file in [folder / "server.log", *(path for path in server.data_dir.rglob("*") if path.is_file())]:
        assert keyward.secrets.found_in(file.read_bytes()) == [], f"a secret lies in {file}"


@contextlib.contextmanager
def running_with_tls(folder: Path, **settings: str):
    """A Keyward with a certificate, also for Amazon's name, which every client is told to trust."""
    certificates = new_certificates(folder, "127.0.0.1", "cognito-idp.us-east-1.amazonaws.com")
    files = {"tls_cert": str(certificates.certificate), "tls_key": str(certificates.key)}
    with pytest.MonkeyPatch.context() as environment:
        # Where boto3 and AWS's command line, requests, urllib and Node look.
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
            environment.setenv(name, str(certificates.authority))
        with running(folder, **files, **settings) as it:
            yield it


@pytest.fixture(scope="session")
def mailbox():
    """Where the messages of the Keyward that most tests share arrive."""
    with Mailbox() as it:
        yield it


@pytest.fixture(scope="session")
def keyward(tmp_path_factory, no_aws_settings, mailbox):
    """The Keyward that most tests share; each makes users, roles and keys of its own."""
    with running(tmp_path_factory.mktemp("keyward"), **mailbox.settings) as it:
        yield it


@pytest.fixture
def fresh_keyward(tmp_path, no_aws_settings):
    """A Keyward for one test alone."""
    with running(tmp_path) as it:
        yield it


@pytest.fixture
def vams(keyward):
    """VAMS's client, set up and signed in as the administrator."""
    client = VamsClient(keyward.url, keyward.secrets)
    client.setup()
    client.login(keyward.admin_person.username, keyward.admin_person.password)
    return client


@pytest.fixture
def aws(keyward):
    """AWS's command line, without credentials."""
    return AwsCli(keyward)


@pytest.fixture(scope="session")
def sdk(keyward):
    """The AWS SDK for JavaScript, without credentials."""
    with Node("sdk", keyward) as node:
        yield Sdk(node)


@pytest.fixture(scope="session")
def root(keyward):
    """boto3, signing as the administrator."""
    return keyward.root


@pytest.fixture(scope="session")
def new_pool(keyward):
    """Makes a user pool with these options."""
    return functools.partial(Pool, keyward)
