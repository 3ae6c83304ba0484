//! Which format bytes are in. (Interim: the format colleague's file replaces this one; on a conflict take theirs.)

use super::edifact::EdifactReader;
use super::json::JsonReader;
use super::{Hint, Limits, Reader, Source, xml};
use crate::error::Result;

/// Opens a reader.
pub fn open(source: Source, hint: &Hint, limits: Limits) -> Result<Box<dyn Reader>> {
    let Source::Bytes(bytes) = source else { return xml::open(source, hint, limits) };
    let first = bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    Ok(match first {
        Some(b'{' | b'[') => Box::new(JsonReader::new(Source::Bytes(bytes), hint, &limits)?),
        Some(b'U') => Box::new(EdifactReader::new(Source::Bytes(bytes), hint, &limits)?),
        _ => xml::open(Source::Bytes(bytes), hint, limits)?,
    })
}
