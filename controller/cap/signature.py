"""XML signatures of alerts, against a certificate that was pinned beforehand; never the one inside."""

from dataclasses import replace
from datetime import datetime

from cryptography import x509
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from controller.cap.refusal import CapRefused, Refusal
from controller.cap.xml import NS_SIGNATURE, Node, parse, to_node

METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})


def signed_part(root: etree._Element, certificate_pem: str, now: datetime) -> etree._Element:
    """Return what a signature covers: this is what was said, and nothing else of the document.

    Args:
        root: An alert with a signature as its child.
        certificate_pem: The only certificate that counts.
        now: At which it has to be valid.

    Raises:
        CapRefused: The signature is not by this certificate, does not fit the document, uses a method that
            is broken, or covers only a part of it.
    """
    wanted = SignatureConfiguration(
        require_x509=True,
        location="./",
        expect_references=1,
        signature_methods=METHODS,
        digest_algorithms=DIGESTS,
        ignore_ambiguous_key_info=True,
        verification_time=now,
    )
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
        found = XMLVerifier().verify(root, x509_cert=certificate, expect_config=wanted)
        covered = parse(found.signed_data)  # type: ignore[union-attr]
    except CapRefused:
        raise
    except Exception as error:  # whatever a forger brings the library to: it is not signed
        raise CapRefused(Refusal.BAD_SIGNATURE, str(error)) from error
    if _told(covered) != _told(root):
        # An alert hidden within the signature itself could carry it, and say something else.
        raise CapRefused(Refusal.BAD_SIGNATURE, "something else is signed")
    return covered


def _told(root: etree._Element) -> Node:
    """Return a document as values, without its signature."""
    node = to_node(root)
    return replace(node, children=tuple(child for child in node.children if child.namespace != NS_SIGNATURE))
