//! Drives the parser: over a text that is all there, borrowing from it, or over a stream, event by event.

use quick_xml::Reader as Parser;
use quick_xml::errors::{Error as ParserError, IllFormedError, SyntaxError};
use quick_xml::events::Event;

use super::attributes;
use super::build::{Builder, Halt, Traits};
use super::feed::{Cut, Feed};
use super::position::{Lines, Places};
use crate::error::{Error, Result};
use crate::model::finding::{Code, Finding, Findings};
use crate::model::tree::At;

/// The whole text and its lines.
struct Whole<'t> {
    text: &'t str,
    lines: &'t mut Lines,
}

impl Places for Whole<'_> {
    fn here(&mut self) -> At {
        self.lines.at(self.text, self.lines.offset)
    }

    fn offset(&self) -> u64 {
        self.lines.offset as u64
    }
}

/// A place that is known.
struct Here(At);

impl Places for Here {
    fn here(&mut self) -> At {
        self.0
    }

    fn offset(&self) -> u64 {
        self.0.offset
    }
}

fn configure<R>(parser: &mut Parser<R>) {
    let config = parser.config_mut();
    config.check_end_names = true;
    config.check_comments = true;
}

/// Gives one event to the builder; false at the end of the text.
fn give(
    event: &Event<'_>,
    builder: &mut Builder,
    places: &mut impl Places,
    findings: &mut Findings,
) -> Result<bool, Halt> {
    match event {
        Event::Start(tag) => builder.start(tag, false, places, findings)?,
        Event::Empty(tag) => builder.start(tag, true, places, findings)?,
        Event::End(_) => builder.end(places.offset(), findings)?,
        Event::Text(text) => builder.text(text, places)?,
        Event::CData(text) => builder.section(text, places)?,
        Event::GeneralRef(name) => builder.reference(name, places)?,
        Event::Decl(text) => builder.declaration(text, places)?,
        Event::PI(text) => builder.instruction(text, places)?,
        Event::DocType(_) => return Err(doctype(builder, places.here())),
        Event::Comment(_) => {}
        Event::Eof => return Ok(false),
    }
    Ok(true)
}

fn doctype(builder: &Builder, at: At) -> Halt {
    Box::new(Finding::error(Code::DoctypeRefused, builder.place(at)))
}

/// Reads a text that is all there. `cut` says why it ends before the bytes do.
pub(super) fn whole(
    text: &str,
    mut cut: Option<Cut>,
    builder: &mut Builder,
    lines: &mut Lines,
    findings: &mut Findings,
) {
    let mut text = text;
    if let Some(bad) = attributes::illegal(text) {
        let (before, behind) = text.split_at_checked(bad).unwrap_or((text, ""));
        cut = behind.chars().next().map(Cut::Character);
        text = before;
    }
    builder.traits = Traits {
        returns: memchr::memchr(b'\r', text.as_bytes()).is_some(),
        section_ends: memchr::memmem::find(text.as_bytes(), b"]]>").is_some(),
    };
    lines.begin(text);
    let mut parser = Parser::from_str(text);
    configure(&mut parser);
    loop {
        lines.offset = usize::try_from(parser.buffer_position()).unwrap_or(usize::MAX);
        let event = parser.read_event();
        let mut places = Whole { text, lines };
        let halt = match event {
            Ok(event) => match give(&event, builder, &mut places, findings) {
                Ok(true) => continue,
                Ok(false) => end(builder, cut, places.lines.at(text, text.len())),
                Err(halt) => Some(halt),
            },
            Err(error) => {
                let start = places.here();
                Some(complaint(&error, builder, cut, start, places.lines.at(text, text.len())))
            }
        };
        if let Some(halt) = halt {
            findings.push(*halt);
        }
        return;
    }
}

/// A parser over a stream.
pub(super) struct Streaming {
    parser: Parser<Feed>,
    buffer: Vec<u8>,
}

impl Streaming {
    pub(super) fn new(feed: Feed) -> Streaming {
        let mut parser = Parser::from_reader(feed);
        configure(&mut parser);
        Streaming { parser, buffer: Vec::new() }
    }

    /// Reads one event; false when there is nothing more to read.
    pub(super) fn step(&mut self, builder: &mut Builder, findings: &mut Findings) -> Result<bool> {
        self.buffer.clear();
        self.parser.get_mut().event();
        let start = self.parser.get_ref().place;
        let event = self.parser.read_event_into(&mut self.buffer);
        let halt = match event {
            Ok(event) => match give(&event, builder, &mut Here(start), findings) {
                Ok(true) => return Ok(true),
                Ok(false) => {
                    let feed = self.parser.get_ref();
                    end(builder, feed.cut, feed.place)
                }
                Err(halt) => Some(halt),
            },
            Err(ParserError::Io(error)) if !self.parser.get_ref().overrun => {
                return Err(Error::from(std::io::Error::new(error.kind(), error.to_string())));
            }
            Err(error) => {
                let feed = self.parser.get_ref();
                Some(complaint(&error, builder, feed.cut, start, feed.place))
            }
        };
        if let Some(halt) = halt {
            findings.push(*halt);
        }
        Ok(false)
    }
}

/// What is wrong at the end of the text, if anything is.
fn end(builder: &Builder, cut: Option<Cut>, at: At) -> Option<Halt> {
    match cut {
        Some(cut) => Some(cut_short(builder, cut, at)),
        None => builder.finish(at).err(),
    }
}

fn cut_short(builder: &Builder, cut: Cut, at: At) -> Halt {
    let place = builder.place(at);
    Box::new(match cut {
        Cut::Malformed(stop) => Finding::error(Code::Encoding, place)
            .found(format!("byte {}", stop.offset_bytes))
            .expected(stop.charset.name()),
        Cut::Character(c) => {
            Finding::error(Code::Syntax, place).found(format!("the character U+{:04X} is not allowed", u32::from(c)))
        }
    })
}

/// The parser's complaint in our words.
fn complaint(error: &ParserError, builder: &Builder, cut: Option<Cut>, start: At, end: At) -> Halt {
    let syntax = |found: String| Box::new(Finding::error(Code::Syntax, builder.place(start)).found(found));
    let truncated = |expected: &str| match cut {
        Some(cut) => cut_short(builder, cut, end),
        None => Box::new(Finding::error(Code::Truncated, builder.place(end)).expected(expected)),
    };
    match error {
        ParserError::Syntax(SyntaxError::UnclosedDoctype)
        | ParserError::IllFormed(IllFormedError::MissingDoctypeName) => doctype(builder, start),
        ParserError::Syntax(SyntaxError::InvalidBangMarkup) => syntax("<! is followed by nothing known".to_owned()),
        ParserError::Syntax(SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl) => truncated("?>"),
        ParserError::Syntax(SyntaxError::UnclosedComment) => truncated("-->"),
        ParserError::Syntax(SyntaxError::UnclosedCData) => truncated("]]>"),
        ParserError::Syntax(SyntaxError::UnclosedTag) => truncated(">"),
        ParserError::Syntax(SyntaxError::UnclosedSingleQuotedAttributeValue) => truncated("'"),
        ParserError::Syntax(SyntaxError::UnclosedDoubleQuotedAttributeValue) => truncated("\""),
        ParserError::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
            syntax(format!("</{found}> does not close <{expected}>"))
        }
        ParserError::IllFormed(IllFormedError::UnmatchedEndTag(found)) => syntax(format!("</{found}> closes nothing")),
        ParserError::IllFormed(IllFormedError::UnclosedReference) => syntax("& without its ;".to_owned()),
        ParserError::IllFormed(IllFormedError::DoubleHyphenInComment) => {
            syntax("-- is not allowed in a comment".to_owned())
        }
        ParserError::Io(_) => builder.token_too_large(start, end.offset.saturating_sub(start.offset)),
        other => syntax(other.to_string()),
    }
}
