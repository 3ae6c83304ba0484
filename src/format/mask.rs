//! Bytes with the secrets masked that their format has a place for: cXML `SharedSecret`, X12 ISA04, EDIFACT UNB S005 0022
//! and UNG 0058. For people who did not send them. Works piece by piece and never refuses: bytes that are no good keep
//! their form, as far as they can be followed.

/// What stands in place of a secret.
const STARS: &[u8] = b"***";
/// Longest name of an element that is compared, units.
const LONGEST_NAME: usize = 80;
/// White space before the first segment or element that is passed over, bytes.
const LONGEST_START: usize = 4096;
/// Longest element of ISA that is held back, bytes.
const LONGEST_ISA: usize = 64;

/// Masks one payload.
#[derive(Default)]
pub struct Mask {
    start: Vec<u8>,
    kind: Option<Kind>,
}

enum Kind {
    Edifact(Segments),
    X12(Isa),
    Xml(Xml),
}

impl Mask {
    /// The next piece, masked; it may hold a few bytes back.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 16);
        match &mut self.kind {
            Some(kind) => kind.push(bytes, &mut out),
            None => {
                self.start.extend_from_slice(bytes);
                if let Some(kind) = recognise(&self.start) {
                    let start = std::mem::take(&mut self.start);
                    self.kind.insert(kind).push(&start, &mut out);
                }
            }
        }
        out
    }

    /// What was held back.
    pub fn finish(mut self) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.kind {
            Some(Kind::X12(isa)) => isa.release(&mut out),
            Some(_) => {}
            None => out = std::mem::take(&mut self.start),
        }
        out
    }
}

/// A whole payload, masked.
pub fn mask(bytes: &[u8]) -> Vec<u8> {
    let mut mask = Mask::default();
    let mut out = mask.push(bytes);
    out.append(&mut mask.finish());
    out
}

/// By the first letters; what is not segments is searched for elements.
fn recognise(start: &[u8]) -> Option<Kind> {
    let skipped =
        start.iter().take_while(|byte| byte.is_ascii_whitespace() || [0xEF, 0xBB, 0xBF].contains(*byte)).count();
    let first = start.get(skipped..).unwrap_or(&[]);
    if first.len() < 3 && skipped < LONGEST_START {
        return None;
    }
    Some(match first {
        [b'U', b'N', b'A' | b'B', ..] => Kind::Edifact(Segments::default()),
        [b'I', b'S', b'A', ..] => Kind::X12(Isa::default()),
        _ => Kind::Xml(Xml::of(start)),
    })
}

impl Kind {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Kind::Edifact(segments) => bytes.iter().for_each(|&byte| segments.take(byte, out)),
            Kind::X12(isa) => bytes.iter().for_each(|&byte| isa.take(byte, out)),
            Kind::Xml(xml) => xml.push(bytes, out),
        }
    }
}

/// EDIFACT segments (ISO 9735), with the service characters of UNA or the usual ones.
struct Segments {
    component: u8,
    element: u8,
    release: u8,
    terminator: u8,
    tag: Vec<u8>,
    elements: u32,
    components: u32,
    released: bool,
    masked: bool,
    /// Characters of UNA that were read; none outside of it.
    una: Option<u8>,
}

impl Default for Segments {
    fn default() -> Segments {
        Segments {
            component: b':',
            element: b'+',
            release: b'?',
            terminator: b'\'',
            tag: Vec::with_capacity(3),
            elements: 0,
            components: 0,
            released: false,
            masked: false,
            una: None,
        }
    }
}

impl Segments {
    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        if let Some(read) = self.una {
            match read {
                0 => self.component = byte,
                1 => self.element = byte,
                3 => self.release = byte,
                5 => self.terminator = byte,
                _ => {}
            }
            self.una = (read < 5).then_some(read + 1);
            if read == 5 {
                self.tag.clear();
            }
            return out.push(byte);
        }
        let text = std::mem::take(&mut self.released);
        if !text && byte == self.terminator {
            self.tag.clear();
            (self.elements, self.components, self.masked) = (0, 0, false);
        } else if !text && byte == self.element {
            (self.elements, self.components, self.masked) = (self.elements.saturating_add(1), 0, false);
        } else if !text && byte == self.component {
            (self.components, self.masked) = (self.components.saturating_add(1), false);
        } else {
            self.released = !text && byte == self.release && self.release != b' ';
            if self.elements == 0 {
                let between = self.tag.is_empty() && (byte.is_ascii_whitespace() || !byte.is_ascii());
                if !between && self.tag.len() <= 3 {
                    self.tag.push(byte);
                }
                if self.tag == b"UNA" {
                    self.una = Some(0);
                }
            } else if self.is_secret() {
                if !std::mem::replace(&mut self.masked, true) {
                    out.extend_from_slice(STARS);
                }
                return;
            }
        }
        out.push(byte);
    }

    fn is_secret(&self) -> bool {
        let place = (self.tag.as_slice(), self.elements, self.components);
        matches!(place, (b"UNB", 6, 0) | (b"UNG", 8, 0))
    }
}

/// X12 segments (X12.5): the separator follows the first tag, the terminator the last component of ISA.
#[derive(Default)]
struct Isa {
    element: Option<u8>,
    terminator: Option<u8>,
    tag: Vec<u8>,
    elements: u32,
    /// Bytes of the element so far, as far as they are held back or counted.
    held: Vec<u8>,
    length: usize,
}

impl Isa {
    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.element.is_none() && self.tag == b"ISA" {
            self.element = Some(byte);
        }
        if self.terminator.is_none() && self.tag == b"ISA" && self.elements == 16 && self.length == 1 {
            self.terminator = Some(byte);
        }
        if Some(byte) == self.terminator {
            self.release(out);
            self.tag.clear();
            (self.elements, self.length) = (0, 0);
        } else if Some(byte) == self.element {
            self.release(out);
            (self.elements, self.length) = (self.elements.saturating_add(1), 0);
        } else {
            self.length = self.length.saturating_add(1);
            if self.elements == 0 {
                let between = self.tag.is_empty() && (byte.is_ascii_whitespace() || !byte.is_ascii());
                if !between && self.tag.len() <= 3 {
                    self.tag.push(byte);
                }
            } else if self.elements == 4 && self.tag == b"ISA" {
                if self.held.len() < LONGEST_ISA {
                    self.held.push(byte);
                }
                return;
            }
        }
        out.push(byte);
    }

    /// Lets go of ISA04. It keeps its width, so that the header stays readable; blanks are no secret.
    fn release(&mut self, out: &mut Vec<u8>) {
        let blank = self.held.iter().all(|byte| *byte == b' ');
        let shown = self.held.drain(..).map(|byte| if blank { byte } else { b'x' });
        out.extend(shown);
    }
}

/// How many bytes a unit of the text has, and their order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    One,
    TwoBig,
    TwoLittle,
}

enum At {
    Text,
    Name(Vec<u16>),
    Tag { secret: bool, slash: bool, quote: Option<u16> },
    Secret,
    Closing(Vec<u16>),
}

/// Elements called `SharedSecret` in any namespace, in UTF-8, UTF-16 and whatever keeps ASCII.
struct Xml {
    width: Width,
    half: Option<u8>,
    at: At,
}

impl Xml {
    fn of(start: &[u8]) -> Xml {
        let width = match start {
            [0xFE, 0xFF, ..] | [0, b'<', ..] => Width::TwoBig,
            [0xFF, 0xFE, ..] | [b'<', 0, ..] => Width::TwoLittle,
            _ => Width::One,
        };
        Xml { width, half: None, at: At::Text }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            let unit = match (self.width, self.half.take()) {
                (Width::One, _) => u16::from(byte),
                (_, None) => {
                    self.half = Some(byte);
                    continue;
                }
                (Width::TwoBig, Some(first)) => u16::from_be_bytes([first, byte]),
                (Width::TwoLittle, Some(first)) => u16::from_le_bytes([first, byte]),
            };
            self.take(unit, out);
        }
    }

    fn emit(width: Width, unit: u16, out: &mut Vec<u8>) {
        match width {
            Width::One => out.push(unit.to_le_bytes()[0]),
            Width::TwoBig => out.extend(unit.to_be_bytes()),
            Width::TwoLittle => out.extend(unit.to_le_bytes()),
        }
    }

    fn take(&mut self, unit: u16, out: &mut Vec<u8>) {
        let width = self.width;
        let is = |letter: u8| unit == u16::from(letter);
        let ends_name = is(b'>') || is(b' ') || is(b'\t') || is(b'\r') || is(b'\n');
        self.at = match std::mem::replace(&mut self.at, At::Text) {
            At::Secret if is(b'<') => At::Closing(Vec::new()),
            At::Secret => At::Secret,
            At::Closing(_) if is(b'<') => At::Closing(Vec::new()),
            At::Closing(name) if ends_name => {
                let closes = name.first() == Some(&u16::from(b'/')) && is_secret(name.get(1..).unwrap_or(&[]));
                if !closes {
                    At::Secret
                } else {
                    Xml::emit(width, u16::from(b'<'), out);
                    name.iter().for_each(|letter| Xml::emit(width, *letter, out));
                    Xml::emit(width, unit, out);
                    At::Text
                }
            }
            At::Closing(name) if name.len() >= LONGEST_NAME => At::Secret,
            At::Closing(mut name) => {
                name.push(unit);
                At::Closing(name)
            }
            at => {
                Xml::emit(width, unit, out);
                let next = following(at, unit, ends_name);
                if matches!(next, At::Secret) {
                    STARS.iter().for_each(|star| Xml::emit(width, u16::from(*star), out));
                }
                next
            }
        };
    }
}

/// Where the text is after a unit outside of a secret.
fn following(at: At, unit: u16, ends_name: bool) -> At {
    let is = |letter: u8| unit == u16::from(letter);
    match at {
        _ if is(b'<') => At::Name(Vec::new()),
        At::Name(name) if ends_name || (is(b'/') && !name.is_empty()) => {
            let secret = is_secret(&name);
            match (is(b'>'), secret) {
                (true, true) => At::Secret,
                (true, false) => At::Text,
                (false, _) => At::Tag { secret, slash: is(b'/'), quote: None },
            }
        }
        At::Name(name) if name.len() >= LONGEST_NAME => At::Text,
        At::Name(mut name) => {
            name.push(unit);
            At::Name(name)
        }
        // Only in the tag that matters are quotes followed: an apostrophe elsewhere must not hide a secret.
        At::Tag { secret: true, quote: Some(open), .. } => {
            At::Tag { secret: true, slash: false, quote: (unit != open).then_some(open) }
        }
        At::Tag { secret, slash, .. } if is(b'>') => {
            if secret && !slash {
                At::Secret
            } else {
                At::Text
            }
        }
        At::Tag { secret, .. } => {
            let quote = (is(b'"') || is(b'\'')).then_some(unit);
            At::Tag { secret, slash: is(b'/'), quote }
        }
        at => at,
    }
}

/// Whether an element's name, with or without a prefix, is that of a secret.
fn is_secret(name: &[u16]) -> bool {
    let local = name.rsplit(|unit| *unit == u16::from(b':')).next().unwrap_or(&[]);
    local.iter().copied().eq(b"SharedSecret".iter().map(|&byte| u16::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expected: &[u8]) {
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(show(&mask(input)), show(expected));
        // In any pieces the same.
        for size in [1, 2, 3, 7] {
            let mut mask = Mask::default();
            let mut out: Vec<u8> = input.chunks(size).flat_map(|piece| mask.push(piece)).collect();
            out.append(&mut mask.finish());
            assert_eq!(show(&out), show(expected), "in pieces of {size}");
        }
    }

    fn same(input: &[u8]) {
        check(input, input);
    }

    #[test]
    fn shared_secrets() {
        check(
            b"<cXML><Sender><SharedSecret>hush</SharedSecret><UserAgent>x</UserAgent></Sender></cXML>",
            b"<cXML><Sender><SharedSecret>***</SharedSecret><UserAgent>x</UserAgent></Sender></cXML>",
        );
        check(
            b"<c:SharedSecret a='>'>x<![CDATA[y<]]></c:SharedSecret >z",
            b"<c:SharedSecret a='>'>***</c:SharedSecret >z",
        );
        check(
            b"<!-- don't --><SharedSecret>a</Other></SharedSecret>",
            b"<!-- don't --><SharedSecret>***</SharedSecret>",
        );
        check(b"<SharedSecret>cut off", b"<SharedSecret>***");
        same(b"<SharedSecret/><a>SharedSecret</a><NotSharedSecret>b</NotSharedSecret>");
        same(b"<a b='SharedSecret'>x</a>");
    }

    #[test]
    fn in_utf_16() {
        let wide = |text: &str, big: bool| -> Vec<u8> {
            let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
            units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        for big in [true, false] {
            let input = wide("<a><SharedSecret>비밀 x</SharedSecret>한글</a>", big);
            assert_eq!(mask(&input), wide("<a><SharedSecret>***</SharedSecret>한글</a>", big));
        }
    }

    #[test]
    fn edifact_passwords() {
        check(
            b"UNB+UNOC:3+A:14+B:14+261124:0900+1+hu?+sh:AA+ORDERS'UNH+1+x+1+2+3+4+5'",
            b"UNB+UNOC:3+A:14+B:14+261124:0900+1+***:AA+ORDERS'UNH+1+x+1+2+3+4+5'",
        );
        check(b"UNA;*.? ~\r\nUNB*UNOC;3*A*B*1;2*1*pw~", b"UNA;*.? ~\r\nUNB*UNOC;3*A*B*1;2*1****~");
        check(b"UNB+1+2+3+4+5'\nUNG+1+2+3+4+5+6+7+pw'", b"UNB+1+2+3+4+5'\nUNG+1+2+3+4+5+6+7+***'");
        same(b"UNB+UNOC:3+A+B+1:2+1'UNH+1+2+3+4+5+6+7'");
        same(b"UNB+UNOC:3+A+B+1:2+1++ORDERS'");
    }

    #[test]
    fn x12_passwords() {
        let isa = |secret: &str| {
            format!(
                "ISA*00*          *01*{secret}*ZZ*A              *ZZ*B              *261124*0900*U*00401*000000001*0*P*>~GS*PO*A*B~ISA*1*2*3*{secret}*5~"
            )
        };
        check(isa("hush      ").as_bytes(), isa("xxxxxxxxxx").as_bytes());
        same(isa("          ").as_bytes());
        check(b"ISA*00**01*pw", b"ISA*00**01*xx");
    }

    #[test]
    fn anything_else_stays() {
        for input in
            [&b""[..], b"U", b"UN", b"{\"a\":1}", b"a,b\n1,2\n", b"   ", b"\xff\xfe", b"<", b"</", b"ISA", b"UNA"]
        {
            same(input);
        }
    }
}
