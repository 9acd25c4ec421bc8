"""Hostile XML becomes a small tree of values, or is refused. A security boundary.

lxml reads it: kept well, and with the only schema validator at hand. It is told to resolve and to fetch
nothing, and is not asked before the document is known to be small, UTF-8 and without a DOCTYPE. So there is
no entity that could grow (CWE-776) or point outside (CWE-611).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from lxml import etree

from controller.cap.refusal import CapRefused, Refusal

NS_12 = "urn:oasis:names:tc:emergency:cap:1.2"
NS_11 = "urn:oasis:names:tc:emergency:cap:1.1"
NS_SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
_OLD = re.compile(r"(urn:oasis:names:tc:emergency:cap:|http://www\.incident\.com/cap/)1\.[01]$")

MAX_BYTES = 2**20
MAX_DEPTH = 64
MAX_ELEMENTS = 10_000
"""More than an alert with 50 infos and 200 areas needs. The validator notes every single mistake: a hundred
thousand of them take it 14 s."""

_DECLARED = re.compile(r"^<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([^\"']*)[\"']", re.DOTALL)
_NAMED = re.compile(r"^\{([^}]*)\}(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Node:
    """One element."""

    namespace: str
    name: str
    text: str
    """What stands directly in it before its first child, without blanks around it."""
    children: tuple["Node", ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()

    def all(self, name: str) -> Iterator["Node"]:
        """Yield its children of a name, of its own namespace."""
        return (each for each in self.children if each.name == name and each.namespace == self.namespace)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of its children of a name."""
        return tuple(each.text for each in self.all(name))

    def first(self, name: str) -> str | None:
        """Return the text of its first child of a name; None if there is none or it is empty."""
        return next((each.text for each in self.all(name) if each.text), None)


def parse(raw: bytes) -> etree._Element:
    """Return the root element of a document that is harmless to look at.

    Raises:
        CapRefused: It is too large, not UTF-8, has a DOCTYPE, or is not XML.
    """
    if len(raw) > MAX_BYTES:
        raise CapRefused(Refusal.TOO_LARGE, f"over {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CapRefused(Refusal.NOT_UTF8, str(error)) from error
    declared = _DECLARED.match(text)
    if declared is not None and declared[1].lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise CapRefused(Refusal.NOT_UTF8, f"declares {declared[1]}")
    if "<!doctype" in text.lower() or "<!entity" in text.lower():
        raise CapRefused(Refusal.DOCTYPE)
    try:
        root = etree.fromstring(text.encode(), _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise CapRefused(Refusal.NOT_XML, str(error)) from error
    if root is None:
        raise CapRefused(Refusal.NOT_XML, "no element")
    if root.getroottree().docinfo.internalDTD is not None:
        raise CapRefused(Refusal.DOCTYPE)
    return root


def read_alert(root: etree._Element, *, allow_11: bool) -> Node:
    """Return an alert as values, once it holds to the schema of its version.

    Raises:
        CapRefused: It is something else, of another version, or does not hold to its schema.
    """
    namespace, name = _split(root.tag)
    if name != "alert" or namespace not in {NS_12, NS_11}:
        old = _OLD.match(namespace) is not None
        raise CapRefused(Refusal.OLD_VERSION if old else Refusal.FOREIGN, f"{namespace} {name}")
    if namespace == NS_11 and not allow_11:
        raise CapRefused(Refusal.OLD_VERSION, "1.1")
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        raise CapRefused(Refusal.TOO_MANY, "elements")
    try:
        _schema(namespace).assertValid(root)
    except etree.DocumentInvalid as error:
        raise CapRefused(Refusal.SCHEMA, str(error)) from error
    return to_node(root)


def to_node(element: etree._Element, depth: int = 0) -> Node:
    """Return an element and all in it as values.

    Raises:
        CapRefused: It is nested too deep.
    """
    if depth > MAX_DEPTH:
        raise CapRefused(Refusal.NOT_XML, "nested too deep")
    namespace, name = _split(element.tag)
    return Node(
        namespace,
        name,
        _text_of(element),
        tuple(to_node(child, depth + 1) for child in element if isinstance(child.tag, str)),
        tuple((str(key), str(value)) for key, value in element.attrib.items()),
    )


def to_bytes(node: Node) -> bytes:
    """Return a tree as a document in UTF-8."""
    return etree.tostring(_element(node), xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _element(node: Node) -> etree._Element:
    element = etree.Element(f"{{{node.namespace}}}{node.name}", nsmap={None: node.namespace})  # type: ignore[dict-item]
    element.text = "".join(letter for letter in node.text if letter.isprintable() or letter == "\n") or None
    for key, value in node.attributes:
        element.set(key, value)
    element.extend([_element(child) for child in node.children])
    return element


def has_signature(root: etree._Element) -> bool:
    """Whether the document claims to be signed."""
    return any(child.tag == f"{{{NS_SIGNATURE}}}Signature" for child in root)


def _text_of(element: etree._Element) -> str:
    """Return its own text: a comment or an instruction in the middle does not cut it short."""
    parts = [element.text or ""]
    parts += [child.tail or "" for child in element if not isinstance(child.tag, str)]
    return "".join(str(part) for part in parts).strip()


def _split(tag: object) -> tuple[str, str]:
    match = _NAMED.match(str(tag))
    return (match[1], match[2]) if match else ("", str(tag))


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )


@cache
def _schema(namespace: str) -> etree.XMLSchema:
    # Of what 1.1 says otherwise nothing concerns us: the same elements in the same order.
    text = resources.files("controller.cap").joinpath("cap12.xsd").read_text(encoding="utf-8")
    return etree.XMLSchema(etree.fromstring(text.replace(NS_12, namespace).encode()))
