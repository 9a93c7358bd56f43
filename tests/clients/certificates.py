"""A certificate authority of the tests' own, and a certificate that it gives a server."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass
class Certificates:
    """PEM files: what clients must trust, and what the server shows."""

    authority: Path
    certificate: Path
    key: Path


def new_certificates(folder: Path, address: str, host: str) -> Certificates:
    """Writes them into the folder, for a server at this address that goes by this name."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names = [x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName(host)]
    authority = certificate("Keyward's tests", authority_key, authority_key)
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    server = certificate(host, key, authority_key)
    server = server.add_extension(x509.SubjectAlternativeName(names), critical=False)

    files = Certificates(*(folder / name for name in ("authority.pem", "certificate.pem", "key.pem")))
    for file, unsigned in ((files.authority, authority), (files.certificate, server)):
        file.write_bytes(unsigned.sign(authority_key, hashes.SHA256()).public_bytes(Encoding.PEM))
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def certificate(subject: str, key, authority_key) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    authority_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named("Keyward's tests"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id), critical=False
        )
    )


def named(subject: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
