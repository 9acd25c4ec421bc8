"""XML signatures of alerts: those of others against a certificate that was pinned beforehand, and our own."""

from dataclasses import replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.signer import XMLSigner
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


def with_signature(document: bytes, key: RSAPrivateKey, certificate: x509.Certificate) -> bytes:
    """Return an alert of ours with its signature as the last child (CAP 1.2 §3.3.2.1).

    RSA with PKCS #1 v1.5 gives the same document the same bytes each time: an alert that differs whenever
    it is asked for would look forged. The exclusive canonical form is the one that every library knows.
    """
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=SignatureMethod.RSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(parse(document), key=key, cert=[certificate])
    return etree.tostring(signed, xml_declaration=True, encoding="UTF-8")


def _told(root: etree._Element) -> Node:
    """Return a document as values, without its signature."""
    node = to_node(root)
    return replace(node, children=tuple(child for child in node.children if child.namespace != NS_SIGNATURE))
