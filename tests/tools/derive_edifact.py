#!/usr/bin/env python3
"""Writes schemas/edifact/ and schemas/codes/edifact/ from the published directories.

usage: DURE_STANDARDS=... tests/tools/derive_edifact.py [--check]

Reads the directory archive of UNECE (edifact/schemas/unece-zips) for D.96A: message tables (TRMD), segments (TRSD),
composites (TRCD), elements (TRED), code lists (UNCL). Service segments and CONTRL are not in it; they come from
edifact/schemas/php-edifact-mapping/Service_V3 and Service_V4. What that second rendering says of D.96A is compared with
the first, and every difference is printed. Only facts are carried over: order, status, repeats, representation, code
values. --check writes nothing and fails when a file would change.
"""

import io
import os
import re
import sys
import textwrap
import xml.etree.ElementTree as xml
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.normpath(os.path.join(HERE, "..", "..", "schemas"))
MESSAGES = ["ORDERS", "ORDRSP", "DESADV"]
DIRECTORY = "d96a"


# ---- the archive of UNECE ----

def archive(path):
    """Every text in an archive of archives, by its upper case name."""
    texts = {}
    outer = zipfile.ZipFile(path)
    for name in outer.namelist():
        data = outer.read(name)
        if name.upper().endswith(".ZIP"):
            inner = zipfile.ZipFile(io.BytesIO(data))
            for part in inner.namelist():
                texts[os.path.basename(part).upper()] = inner.read(part).decode("cp437").replace("\r\n", "\n")
        else:
            texts[os.path.basename(name).upper()] = data.decode("cp437").replace("\r\n", "\n")
    return texts


def message_table(text):
    """The tree of a message: [(tag or SGn, minimum, maximum, children or None)]."""
    text = text[text.index("4.3.1  Segment table"):]
    root = []
    open_groups = [root]
    group = re.compile(r"^\d{4}.{3}\s*─+ Segment group (\d+)\s*─+ ([MC])\s+(\d+)(.*)$")
    segment = re.compile(r"^\d{4}.{2,3}([A-Z]{3}) .{40,44}?([MC])\s+(\d+)(.*)$")
    for line in text.splitlines():
        found = group.match(line)
        if found:
            number, status, repeats, tail = found.groups()
            children = []
            open_groups[-1].append(("SG" + number, status == "M", int(repeats), children))
            open_groups.append(children)
            closed = tail.count("┘") + tail.count("┴")
        else:
            found = segment.match(line)
            if not found:
                continue
            tag, status, repeats, tail = found.groups()
            open_groups[-1].append((tag, status == "M", int(repeats), None))
            closed = tail.count("┘") + tail.count("┴")
        for _ in range(closed):
            open_groups.pop()
    assert len(open_groups) == 1, "a group of the segment table is not closed"
    return root


# Change marks of the directory: + * # | - X stand in front of what they are about.

def blocks(text):
    return re.split(r"─{20,}", text)


def definitions(text, width):
    """Segments or composites: name -> [(name, mandatory, representation or None, parts)]."""
    out = {}
    top = re.compile(r"^\d{3}.{3}(C?\d{3,4})\s+\S.*?\s([MC])\s*(a|n|an)?(\.*\d+)?\s*$")
    part = re.compile(r"^.{6}(\d{4})\s+\S.*?\s([MC])\s+(a|n|an)(\.*\d+)\s*$")
    for block in blocks(text):
        head = re.search(r"^[ +*#|X\-]{1,8}([A-Z0-9]{%d}) {2,}\S" % width, block, re.M)
        if not head:
            continue
        items = []
        lines = block[head.end():].splitlines()
        joined = []
        for line in lines:
            # A name that runs over one line: its status stands on the next.
            if joined and re.match(r"^\s{12,}\S.*\s[MC]\s", line) and not re.search(r"\s[MC](\s|$)", joined[-1][12:]):
                joined[-1] += " " + line.strip()
            else:
                joined.append(line)
        for line in joined:
            found = top.match(line)
            if found:
                name, status, kind, length = found.groups()
                items.append((name, status == "M", (kind or "") + (length or "") or None, []))
                continue
            found = part.match(line)
            if found and items:
                name, status, kind, length = found.groups()
                items[-1][3].append((name, status == "M", kind + length))
        if items:
            out[head.group(1)] = items
    return out


def representations(text):
    out = {}
    for block in blocks(text):
        head = re.search(r"^[ +*#|X\-]{1,4}(\d{4}) {2,}\S", block, re.M)
        form = re.search(r"Repr:\s*(an|a|n)(\.*\d+)", block)
        if head and form:
            out[head.group(1)] = form.group(1) + form.group(2)
    return out


def code_values(text):
    out = {}
    for block in blocks(text):
        head = re.search(r"^[ +*#|X\-]{1,4}(\d{4}) {2,}\S", block, re.M)
        if not head:
            continue
        form = re.search(r"Repr:.*", block)
        if not form:
            continue
        values = []
        for line in block[form.end():].splitlines():
            found = re.match(r"^[+*#|X\- ]{2} {1,8}([A-Z0-9]{1,6}) +\S", line)
            if found:
                values.append(found.group(1))
        if values:
            out[head.group(1)] = values
    return out


# ---- the second rendering ----

def php_form(element):
    length, most = element.get("length"), element.get("maxlength")
    return element.get("type") + (length if length else ".." + most)


def php_segments(path):
    segments, composites, forms = {}, {}, {}
    for segment in xml.parse(path).getroot():
        items = []
        for item in segment:
            name, must = item.get("id"), item.get("required") == "true"
            if item.tag == "composite_data_element":
                parts = [(part.get("id"), part.get("required") == "true") for part in item]
                composites[name] = parts
                forms.update((part.get("id"), php_form(part)) for part in item)
            else:
                forms[name] = php_form(item)
            items.append((name, must))
        segments[segment.get("id")] = items
    return segments, composites, forms


def php_message(path):
    def level(parent):
        out = []
        for item in parent:
            if item.tag == "segment":
                out.append((item.get("id"), item.get("required") == "true", int(item.get("maxrepeat")), None))
            elif item.tag == "group":
                out.append((item.get("id"), item.get("required") == "true", int(item.get("maxrepeat")), level(item)))
        return out
    return level(xml.parse(path).getroot())


# ---- our notation ----

def times(least, most):
    if (least, most) == (1, 1):
        return ""
    if (least, most) == (0, 1):
        return "?"
    return "{%d,%d}" % (least, most)


def folded(items):
    """Neighbours of one name are one item that repeats."""
    out = []
    for name, must in items:
        if out and out[-1][0] == name:
            out[-1][1] += must
            out[-1][2] += 1
        else:
            out.append([name, int(must), 1])
    return " ".join(name + times(least, most) for name, least, most in out)


def content(items):
    return " ".join(name + times(int(must), most) for name, must, most, _ in items)


def groups(items):
    for name, _, _, children in items:
        if children is not None:
            yield name, children
            yield from groups(children)


def tags(items):
    for name, _, _, children in items:
        if children is None:
            yield name
        else:
            yield from tags(children)


def entry(name, text):
    line = '%s = "%s"' % (name, text)
    if len(line) <= 118:
        return line
    return "%s = '''\n%s'''" % (name, textwrap.fill(text, 116, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False))


def message_file(name, items, title, include):
    lines = ["# " + title, "include = [%s]" % ", ".join('"%s"' % file for file in include), 'root = "%s"' % name, "",
             "[types]", entry(name, content(items))]
    lines += [entry(group, content(children)) for group, children in groups(items)]
    return "\n".join(lines) + "\n"


def segment_file(segments, composites, forms, title, coded=()):
    def value(name):
        if name in coded:
            return '%s = { base = "%s", codes = "edifact/%s/%s" }' % (name, forms[name], DIRECTORY, name)
        return '%s = "%s"' % (name, forms[name])

    reached_composites = sorted({name for items in segments.values() for name, _ in items if name in composites})
    elements = {name for items in segments.values() for name, _ in items if name not in composites}
    elements |= {name for composite in reached_composites for name, _ in composites[composite]}
    lines = ["# " + title, "", "[types]"]
    lines += [entry(tag, folded(segments[tag])) for tag in sorted(segments)]
    lines.append("")
    lines += [entry(name, folded(composites[name])) for name in reached_composites]
    lines += ["", "[simple]"]
    lines += [value(name) for name in sorted(elements)]
    return "\n".join(lines) + "\n", elements


def code_file(name, values):
    lines = ["# Values of data element %s in directory D.96A. Partners agree on further ones, so the list is open." % name,
             "open = true", ""]
    lines.append("codes = '''\n%s\n'''" % textwrap.fill(" ".join(values), 116, break_on_hyphens=False, break_long_words=False))
    return "\n".join(lines) + "\n"


def main():
    standards = os.path.join(os.environ["DURE_STANDARDS"], "edifact", "schemas")
    php = os.path.join(standards, "php-edifact-mapping")
    check = "--check" in sys.argv
    texts = archive(os.path.join(standards, "unece-zips", DIRECTORY + ".zip"))
    segments = definitions(texts["TRSD.96A"], 3)
    composites = {name: [(part, must) for part, must, _, _ in items]
                  for name, items in definitions(texts["TRCD.96A"], 4).items()}
    forms = representations(texts["TRED.96A"])
    codes = code_values(texts["UNCL-1.96A"])
    codes.update(code_values(texts["UNCL-2.96A"]))
    tables = {name: message_table(texts[name + "_D.96A"]) for name in MESSAGES}
    simple_segments = {tag: [(name, must) for name, must, _, _ in items] for tag, items in segments.items()}

    differences = []
    php_seg, php_comp, php_forms = php_segments(os.path.join(php, "D96A", "segments.xml"))
    php_codes = {element.get("id"): [code.get("id") for code in element]
                 for element in xml.parse(os.path.join(php, "D96A", "codes.xml")).getroot()}
    for name in MESSAGES:
        other = php_message(os.path.join(php, "D96A", "messages", name.lower() + ".xml"))
        if other != tables[name]:
            differences.append("message %s\n  UNECE  %s\n  second %s" % (name, tables[name], other))
    service3 = php_segments(os.path.join(php, "Service_V3", "segments.xml"))
    service4 = php_segments(os.path.join(php, "Service_V4", "segments.xml"))
    # ISO 9735-1:2002 has S017 between S016 and S018, which the rendering lacks, and up to 99 repetitions of S020.
    service4[0]["UNH"].insert(-1, ("S017", False))
    service4[1]["S017"] = [("0121", True), ("0122", False), ("0124", False), ("0051", False)]
    service4[2].update({"0121": "an..14", "0122": "an..3", "0124": "an..3"})
    used = sorted({tag for name in MESSAGES for tag in tags(tables[name])} - {"UNH", "UNS", "UNT"})
    d96a = {tag: simple_segments[tag] for tag in used}
    for tag in used:
        if php_seg.get(tag) != d96a[tag]:
            differences.append("segment %s\n  UNECE  %s\n  second %s" % (tag, d96a[tag], php_seg.get(tag)))
        for name, must, form, parts in segments[tag]:
            if name in composites:
                if [(part, m) for part, m, _ in parts] != composites[name]:
                    differences.append("composite %s in %s: %s, in its own table %s" % (name, tag, parts, composites[name]))
                for part, _, part_form in parts:
                    if forms[part] != part_form:
                        differences.append("element %s in %s: %s, in its own table %s" % (part, tag, part_form, forms[part]))
                if php_comp.get(name) != composites[name]:
                    differences.append("composite %s\n  UNECE  %s\n  second %s" % (name, composites[name], php_comp.get(name)))
            elif forms[name] != form:
                differences.append("element %s in %s: %s, in its own table %s" % (name, tag, form, forms[name]))

    files = {}
    for name in MESSAGES:
        title = "UN/EDIFACT directory D.96A, message %s. Derived by tests/tools/derive_edifact.py from the UNECE directory." % name
        files["edifact/d96a/%s.toml" % name] = message_file(
            name, tables[name], title, ["edifact/d96a/segments", "edifact/4/segments"])
    text, elements = segment_file(
        d96a, composites, forms,
        "UN/EDIFACT directory D.96A: segments, composites and elements of our messages. Derived by tests/tools/derive_edifact.py.",
        coded=codes)
    files["edifact/d96a/segments.toml"] = text
    for name in sorted(elements):
        if php_forms.get(name) != forms[name]:
            differences.append("element %s: UNECE %s, second %s" % (name, forms[name], php_forms.get(name)))
        if name in codes:
            if sorted(codes[name]) != sorted(php_codes.get(name, [])):
                differences.append("codes of %s: only UNECE %s, only second %s" % (
                    name, sorted(set(codes[name]) - set(php_codes.get(name, []))), sorted(set(php_codes.get(name, [])) - set(codes[name]))))
            files["codes/edifact/d96a/%s.toml" % name] = code_file(name, codes[name])
        elif name in php_codes:
            differences.append("codes of %s: only in the second rendering" % name)
    for version, (seg, comp, form) in (("3", service3), ("4", service4)):
        table = php_message(os.path.join(php, "Service_V" + version, "messages", "contrl.xml"))
        mine = {tag: seg[tag] for tag in set(tags(table)) | {"UNH", "UNS", "UNT"}}
        title = "ISO 9735 service directory of syntax version %s. Derived by tests/tools/derive_edifact.py." % version
        files["edifact/%s/segments.toml" % version] = segment_file(mine, comp, form, title)[0]
        title = "ISO 9735 syntax and service report, CONTRL of syntax version %s. Derived by tests/tools/derive_edifact.py." % version
        files["edifact/%s/CONTRL.toml" % version] = message_file("CONTRL", table, title, ["edifact/%s/segments" % version])

    for difference in differences:
        print(difference)
    changed = []
    for path, text in files.items():
        full = os.path.join(OUT, path)
        before = open(full, encoding="utf-8").read() if os.path.exists(full) else None
        if before != text:
            changed.append(path)
            if not check:
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
    print("%d files, %d %s" % (len(files), len(changed), "would change" if check else "written"))
    if check and changed:
        sys.exit("\n".join(changed))


if __name__ == "__main__":
    main()
