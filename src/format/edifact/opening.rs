//! How an interchange opens: its encoding, UNA or the defaults, and the dialect that UNB settles; and what a segment's tag is.

use super::repertoire::Repertoire;
use super::text::{self, Text};
use crate::error::Result;
use crate::format::segment::dialect::{Dialect, Service};
use crate::format::segment::lexer::{Lexer, Segment, Spot};
use crate::format::{Hint, Limits, Source};
use crate::model::finding::{Code, Finding, Findings, Place};

/// A lexer over a source, and what is known of its characters before UNB.
pub(super) fn lexer_of(source: Source, hint: &Hint, limits: &Limits) -> Result<(Lexer, Text)> {
    let (source, origin) = text::open(source)?;
    let longest = limits.token_bytes.min(16 << 20);
    let lexer = Lexer::new(source, Dialect::new(Service::default()), longest);
    Ok((lexer, Text::new(origin, hint.charset.as_deref())))
}

/// Takes UNA, or the defaults of what UNB looks like. Says whether there was a UNA; none when nothing can be read.
pub(super) fn start(lexer: &mut Lexer, findings: &mut Findings) -> Result<Option<bool>> {
    lexer.skip_blank()?;
    let spot = lexer.spot();
    let head = lexer.peek(9)?;
    if head.is_empty() {
        findings.push(Finding::error(Code::Empty, Place::default()));
        return Ok(None);
    }
    let una = head.starts_with(b"UNA");
    let service = match head {
        [b'U', b'N', b'A', advice @ ..] => {
            let Ok(advice) = <[u8; 6]>::try_from(advice) else {
                findings.push(Finding::error(Code::Truncated, place_of(spot)).expected("UNA, UNB"));
                return Ok(None);
            };
            lexer.skip(9);
            Service::from_una(advice)
        }
        [b'U', b'N', b'B', 0x1d, ..] => Service::LEVEL_B,
        _ => Service::default(),
    };
    if let Some(fault) = service.fault() {
        let mut place = place_of(spot);
        place.path = Some("/UNA".to_owned());
        findings.push(Finding::error(Code::Syntax, place).found(format!("{fault:?} cannot be a service character")));
        return Ok(None);
    }
    lexer.set_dialect(Dialect::new(service));
    Ok(Some(una))
}

/// The dialect behind UNB. The repetition separator is one from version 4 on, `*` without UNA; before it UNA 5 is
/// reserved.
pub(super) fn dialect_of(service: Service, una: bool, repertoire: Repertoire, version: u8) -> Dialect {
    let repetition = match (version, service.repetition) {
        (4, Some(byte)) => Some(byte),
        (4, None) if !una && service == Service::default() => Some(b'*'),
        _ => None,
    };
    Dialect::with_repertoire(Service { repetition, ..service }, |byte| repertoire.has_ascii(byte, version))
}

/// The place of a spot outside of messages.
pub(super) fn place_of(spot: Spot) -> Place {
    Place { line: Some(spot.line), column: Some(spot.column), ..Place::default() }
}

/// The tag of a segment, and whether something stands there that is none: all of it, or lines in front of the tag.
pub(super) fn tag_of(segment: &Segment<'_>) -> (Option<[u8; 3]>, bool) {
    let is_tag = |tag: &[u8]| {
        let tag = <[u8; 3]>::try_from(tag).ok()?;
        let [first, rest @ ..] = &tag;
        let good = first.is_ascii_uppercase() && rest.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        good.then_some(tag)
    };
    let Some(value) = segment.values.first() else { return (None, true) };
    let raw = segment.raw(value);
    if let Some(tag) = is_tag(raw).or_else(|| is_tag(&segment.bytes_of(value))) {
        return (Some(tag), false);
    }
    let last = raw.rsplit(|&byte| byte == b'\n').next().unwrap_or(raw);
    (is_tag(last), true)
}
