#!/usr/bin/env python3
"""Derives schemas/ubl/2.1/ from the official UBL 2.1 XSDs: which element follows which, how often, of what type.

    DURE_STANDARDS=… tests/tools/derive_ubl.py [--check]

Reads $DURE_STANDARDS/ubl/schemas/ubl-2.1-os and writes our notation (docs/schemas.md). Facts only: no documentation, no
text of the schemas. What the seven document types reach goes to common.toml; the elements that only an extension could
hold (any other element of UBL's libraries, signatures) to extensions.toml and signature.toml. --check writes nothing and
fails when a file would change.
"""

import os
import sys
import textwrap
import xml.etree.ElementTree as ET
from pathlib import Path

XS = "{http://www.w3.org/2001/XMLSchema}"
URN = "urn:oasis:names:specification:ubl:schema:xsd:"
PREFIXES = {
    "cac": URN + "CommonAggregateComponents-2",
    "cbc": URN + "CommonBasicComponents-2",
    "ext": URN + "CommonExtensionComponents-2",
    "sig": URN + "CommonSignatureComponents-2",
    "sac": URN + "SignatureAggregateComponents-2",
    "sbc": URN + "SignatureBasicComponents-2",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "xades": "http://uri.etsi.org/01903/v1.3.2#",
    "xades141": "http://uri.etsi.org/01903/v1.4.1#",
    "udt": URN + "UnqualifiedDataTypes-2",
    "cct": "urn:un:unece:uncefact:data:specification:CoreComponentTypeSchemaModule:2",
    "xs": XS[1:-1],
}
SHORT = {uri: prefix for prefix, uri in PREFIXES.items()}
# Document types, and where a large one is cut.
ROOTS = {
    "ApplicationResponse": None,
    "Catalogue": "cac:CatalogueLine",
    "DespatchAdvice": None,
    "Order": None,
    "OrderResponse": None,
    "OrderResponseSimple": None,
    "Statement": "cac:StatementLine",
}
# Types whose name is ours alone; those of the signature schemas keep their prefix.
OWN_NAMES = ("cac", "ext", "udt", "cct")


class Schemas:
    """All global definitions by (prefix, name)."""

    def __init__(self, folder):
        self.types, self.elements = {}, {}
        for path in sorted((folder / "common").glob("*.xsd")):
            self.read(path)
        for root in ROOTS:
            self.read(folder / "maindoc" / f"UBL-{root}-2.1.xsd", root)

    def read(self, path, root=""):
        scopes = {}
        for event, value in ET.iterparse(path, ("start-ns", "start")):
            if event == "start-ns":
                scopes[value[0]] = value[1]
        schema = ET.parse(path).getroot()
        target = schema.get("targetNamespace")
        prefix = root or SHORT.get(target)
        if prefix is None:
            return

        def qname(text):
            before, _, local = text.rpartition(":")
            uri = scopes.get(before, "")
            if uri == target:
                return prefix, local
            return SHORT[uri], local

        for node in schema:
            key = (prefix, node.get("name"))
            if node.tag in (XS + "complexType", XS + "simpleType"):
                self.types[key] = (node, qname)
            elif node.tag == XS + "element":
                self.elements[key] = qname(node.get("type"))


class Writer:
    def __init__(self, schemas):
        self.schemas = schemas
        # Reached so far: complex types, elements with their type, simple types.
        self.complex, self.elements, self.simple = {}, {}, {}

    def type_name(self, key):
        """Our name of a type, written down when it is first met."""
        prefix, name = key
        if prefix == "xs":
            if name == "anyType":
                self.complex["AnyType"] = {"content": "<any lax>*", "mixed": True, "any_attributes": True}
                return "AnyType"
            return name
        short = name.removesuffix("Type")
        ours = short if prefix in OWN_NAMES or prefix in ROOTS else f"{prefix}:{short}"
        node, qname = self.schemas.types[key]
        content = node.find(XS + "simpleContent")
        if node.tag == XS + "simpleType" or content is not None:
            return self.simple_name(key, ours)
        if ours not in self.complex:
            self.complex[ours] = None
            self.complex[ours] = self.complex_type(prefix, node, qname)
        return ours

    def simple_name(self, key, ours):
        """Types that add nothing to their base are their base."""
        node, qname = self.schemas.types[key]
        inner = self.inner(node)
        step = next(child for child in inner if child.tag in (XS + "extension", XS + "restriction"))
        facets = [child for child in step if child.tag != XS + "annotation"]
        if not facets:
            return self.type_name(qname(step.get("base")))
        if ours not in self.simple:
            base, attributes, enumeration = self.flatten(key)
            self.simple[ours] = {"base": base, "attributes": " ".join(attributes.values()), "enumeration": enumeration}
        return ours

    def flatten(self, key):
        """Built-in base, attributes and values of a simple type, its bases included."""
        if key[0] == "xs":
            return key[1], {}, []
        node, qname = self.schemas.types[key]
        inner = self.inner(node)
        step = next(child for child in inner if child.tag in (XS + "extension", XS + "restriction"))
        base, attributes, enumeration = self.flatten(qname(step.get("base")))
        for child in step:
            if child.tag == XS + "attribute":
                attributes[child.get("name")] = self.attribute(child, qname)
            elif child.tag == XS + "enumeration":
                enumeration = enumeration + [child.get("value")]
            elif child.tag != XS + "annotation":
                sys.exit(f"{key}: {child.tag} is not understood")
        return base, attributes, enumeration

    def attribute(self, node, qname):
        if node.get("fixed") or node.get("default") or node.get("ref"):
            sys.exit("fixed, default and ref attributes are not understood")
        type_name = self.type_name(qname(node.get("type")))
        shown = "" if type_name == "string" else f"={type_name}"
        return f"{node.get('name')}{shown}{'' if node.get('use') == 'required' else '?'}"

    def complex_type(self, prefix, node, qname):
        content = node.find(XS + "complexContent")
        if content is not None:
            # Restrictions say all of their content again; there are no extensions.
            node = content.find(XS + "restriction")
        parts, attributes = [], []
        for child in node:
            if child.tag in (XS + "sequence", XS + "choice"):
                parts.append(self.model(prefix, child, qname, top=True))
            elif child.tag == XS + "attribute":
                attributes.append(self.attribute(child, qname))
            elif child.tag == XS + "anyAttribute":
                pass  # strict, and no attribute is declared globally
            elif child.tag != XS + "annotation":
                sys.exit(f"{child.tag} is not understood")
        return {"content": " ".join(parts), "attributes": " ".join(attributes), "mixed": node.get("mixed") == "true"}

    def model(self, prefix, node, qname, top=False):
        quantity = self.quantity(node)
        if node.tag == XS + "any":
            process = node.get("processContents", "strict")
            which = "any" if node.get("namespace") == "##any" else f"not {prefix}"
            return f"<{which} {process}>{quantity}"
        if node.tag == XS + "element":
            return self.element(prefix, node, qname) + quantity
        parts = [self.model(prefix, child, qname) for child in node if child.tag != XS + "annotation"]
        if node.tag == XS + "choice":
            return f"({' | '.join(parts)}){quantity}"
        inside = " ".join(parts)
        return inside if top and not quantity else f"({inside}){quantity}"

    def element(self, prefix, node, qname):
        if node.get("ref"):
            key = qname(node.get("ref"))
            self.reach(key)
            return ":".join(key)
        # A local element: with a type of its own unless that is the one everybody would take.
        key = (prefix, node.get("name"))
        type_name = self.type_name(qname(node.get("type")) if node.get("type") else ("xs", "anyType"))
        if key in self.schemas.elements and self.type_name(self.schemas.elements[key]) == type_name:
            self.reach(key)
            return ":".join(key)
        return f"{prefix}:{node.get('name')}={type_name}"

    def reach(self, key):
        name = ":".join(key)
        if name not in self.elements:
            self.elements[name] = None
            self.elements[name] = self.type_name(self.schemas.elements[key])

    @staticmethod
    def inner(node):
        content = node.find(XS + "simpleContent")
        return node if content is None else content

    @staticmethod
    def quantity(node):
        least, most = int(node.get("minOccurs", 1)), node.get("maxOccurs", "1")
        return {(1, "1"): "", (0, "1"): "?", (0, "unbounded"): "*", (1, "unbounded"): "+"}[least, most]

    def taken(self):
        """Everything written down since the last time."""
        found = self.complex, self.elements, self.simple
        self.complex, self.elements, self.simple = Remembered(self.complex), Remembered(self.elements), Remembered(self.simple)
        return found


class Remembered(dict):
    """A table that knows what earlier files hold, and holds only what is new."""

    def __init__(self, earlier):
        super().__init__()
        self.earlier = earlier

    def __contains__(self, key):
        return super().__contains__(key) or key in self.earlier


def key(name):
    return name if all(c.isalnum() or c in "_-" for c in name) else f'"{name}"'


def string(text):
    if len(text) < 100:
        return f'"{text}"'
    lines = textwrap.wrap(text, 116, break_long_words=False, break_on_hyphens=False)
    return "'''\n" + "\n".join(lines) + "'''"


def type_line(name, definition):
    content = string(definition["content"])
    more = []
    if definition.get("attributes"):
        more.append(f"attributes = {string(definition['attributes'])}")
    more += [f"{flag} = true" for flag in ("any_attributes", "mixed") if definition.get(flag)]
    if not more:
        return f"{key(name)} = {content}"
    return f"{key(name)} = {{ {', '.join([f'content = {content}'] + more)} }}"


def simple_line(name, definition):
    parts = [f'base = "{definition["base"]}"']
    if definition["attributes"]:
        parts.append(f"attributes = {string(definition['attributes'])}")
    if definition["enumeration"]:
        parts.append("enumeration = [" + ", ".join(f'"{word}"' for word in definition["enumeration"]) + "]")
    return f"{key(name)} = {{ {', '.join(parts)} }}"


def write(path, head, prefixes, complex_types, elements, simple_types):
    lines = [f"# {line}" for line in head[0]] + head[1]
    if prefixes:
        lines += ["", "[prefixes]"] + [f'{prefix} = "{PREFIXES[prefix]}"' for prefix in prefixes]
    if complex_types:
        lines += ["", "[types]"] + [type_line(*item) for item in sorted(complex_types.items())]
    if elements:
        lines += ["", "[elements]"] + [f'{key(name)} = "{of}"' for name, of in sorted(elements.items())]
    if simple_types:
        lines += ["", "[simple]"] + [simple_line(*item) for item in sorted(simple_types.items())]
    text = "\n".join(lines) + "\n"
    if "--check" not in sys.argv:
        path.write_text(text, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        sys.exit(f"{path.name} would change")


def main():
    standards = os.environ.get("DURE_STANDARDS")
    if not standards:
        sys.exit("DURE_STANDARDS names the folder of the official schemas")
    schemas = Schemas(Path(standards) / "ubl" / "schemas" / "ubl-2.1-os")
    out = Path(__file__).resolve().parents[2] / "schemas" / "ubl" / "2.1"
    out.mkdir(parents=True, exist_ok=True)
    writer = Writer(schemas)
    note = ["Derived from the UBL 2.1 OASIS Standard by tests/tools/derive_ubl.py; change that, not this."]
    for root in ROOTS:
        writer.type_name(schemas.elements[root, root])
    complex_types, elements, simple_types = writer.taken()
    for root, cut in ROOTS.items():
        head = [f'namespace = "{URN}{root}-2"', 'include = ["ubl/2.1/common", "ubl/2.1/extensions", "ubl/2.1/signature"]']
        head += [f'cut = "{cut}"'] if cut else []
        write(out / f"{root}.toml", (note, head), [], {root: complex_types.pop(root)}, {}, {})
    write(out / "common.toml", (note, []), ["cac", "cbc", "ext"], complex_types, elements, simple_types)
    for prefix, name in schemas.elements:
        if prefix in ("cac", "cbc", "ext"):
            writer.reach((prefix, name))
    more = note + ["What the document types do not reach but an extension may hold."]
    write(out / "extensions.toml", (more, []), [], *writer.taken())
    for prefix, name in schemas.elements:
        if prefix in ("sig", "sac", "sbc", "ds", "xades", "xades141"):
            writer.reach((prefix, name))
    more = note + ["Signatures in extensions: UBL's own elements around XML Signature and XAdES."]
    write(out / "signature.toml", (more, []), ["sig", "sac", "sbc", "ds", "xades", "xades141"], *writer.taken())


main()
