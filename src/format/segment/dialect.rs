//! The service characters of a segment format, and the class of every byte under them.
//!
//! ISO 9735 UNA and its defaults for syntax versions 1 to 4, level B's information separators included; X12 has no
//! release character and is another set of the same. All service characters are single bytes below 0x80, which no
//! repertoire of ours uses inside of a longer character, so text is cut before it is decoded.

use crate::model::envelope::Syntax;

/// What a byte means to the lexer.
pub(super) mod class {
    /// A character of the repertoire, below 0x80.
    pub(crate) const PLAIN: u8 = 0;
    /// 0x80 and above: part of a character that must be decoded.
    pub(crate) const HIGH: u8 = 1;
    /// Below 0x80, but not in the repertoire.
    pub(crate) const ODD: u8 = 2;
    /// CR or LF.
    pub(crate) const BREAK: u8 = 3;
    /// The next character is data.
    pub(crate) const RELEASE: u8 = 4;
    /// Next component.
    pub(crate) const COMPONENT: u8 = 5;
    /// Next element.
    pub(crate) const ELEMENT: u8 = 6;
    /// The same element again.
    pub(crate) const REPETITION: u8 = 7;
    /// End of the segment.
    pub(crate) const TERMINATOR: u8 = 8;
}

/// Service characters. All below 0x80.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Service {
    /// Between components of a composite.
    pub component: u8,
    /// Between elements.
    pub element: u8,
    /// Decimal mark.
    pub decimal: u8,
    /// Makes the next character data.
    pub release: Option<u8>,
    /// Between repetitions of an element.
    pub repetition: Option<u8>,
    /// Ends a segment.
    pub terminator: u8,
}

impl Default for Service {
    /// Those of an interchange without UNA: `: + . ? '` (ISO 9735, level A).
    fn default() -> Service {
        Service {
            component: b':',
            element: b'+',
            decimal: b'.',
            release: Some(b'?'),
            repetition: None,
            terminator: b'\'',
        }
    }
}

impl Service {
    /// Level B's own set: IS1, IS3 and IS4 (ISO 9735:1988, 5.2), which need no release character.
    pub const LEVEL_B: Service =
        Service { component: 0x1f, element: 0x1d, decimal: b'.', release: None, repetition: None, terminator: 0x1c };

    /// From the six characters behind `UNA`. A space means that the character is not used.
    pub fn from_una(una: [u8; 6]) -> Service {
        let used = |byte: u8| (byte != b' ').then_some(byte);
        Service {
            component: una[0],
            element: una[1],
            decimal: una[2],
            release: used(una[3]),
            repetition: used(una[4]),
            terminator: una[5],
        }
    }

    /// The six characters behind `UNA`.
    pub fn una(&self) -> [u8; 6] {
        [
            self.component,
            self.element,
            self.decimal,
            self.release.unwrap_or(b' '),
            self.repetition.unwrap_or(b' '),
            self.terminator,
        ]
    }

    /// From what an envelope says of its sender's syntax. None if one of the characters cannot be used.
    pub fn from_syntax(syntax: &Syntax) -> Option<Service> {
        let byte = |c: char| u8::try_from(c).ok().filter(u8::is_ascii);
        let una = [
            byte(syntax.component)?,
            byte(syntax.element)?,
            byte(syntax.decimal)?,
            byte(syntax.release)?,
            byte(syntax.repetition)?,
            byte(syntax.terminator)?,
        ];
        let service = Service::from_una(una);
        service.fault().is_none().then_some(service)
    }

    /// What an envelope says of it.
    pub fn to_syntax(self, repertoire: &str, version: u8) -> Syntax {
        Syntax {
            repertoire: repertoire.to_owned(),
            version,
            component: char::from(self.component),
            element: char::from(self.element),
            decimal: char::from(self.decimal),
            release: self.release.map_or(' ', char::from),
            repetition: self.repetition.map_or(' ', char::from),
            terminator: char::from(self.terminator),
        }
    }

    /// The first service character that cannot be one: a letter, a digit, a high byte, a space, or one used twice.
    /// CR and LF are taken for a terminator only.
    pub fn fault(&self) -> Option<char> {
        let separators =
            [Some(self.component), Some(self.element), self.release, self.repetition, Some(self.terminator)];
        for (index, &byte) in separators.iter().enumerate() {
            let Some(byte) = byte else { continue };
            let line_break = matches!(byte, b'\r' | b'\n') && index != separators.len() - 1;
            let twice = separators.iter().filter(|&&other| other == Some(byte)).count() > 1;
            if byte.is_ascii_alphanumeric() || !byte.is_ascii() || byte == b' ' || byte == 0 || line_break || twice {
                return Some(char::from(byte));
            }
        }
        let mark = self.decimal;
        (!matches!(mark, b'.' | b',' | b' ')).then_some(char::from(mark))
    }

    /// Whether that byte must be released inside of data.
    pub fn is_service(&self, byte: u8) -> bool {
        byte == self.component
            || byte == self.element
            || byte == self.terminator
            || self.release == Some(byte)
            || self.repetition == Some(byte)
    }
}

/// Service characters with the class of every byte.
#[derive(Clone)]
pub struct Dialect {
    service: Service,
    pub(super) classes: [u8; 256],
}

impl Dialect {
    /// With all printable characters in the repertoire.
    pub fn new(service: Service) -> Dialect {
        Dialect::with_repertoire(service, |byte| (0x20..0x7f).contains(&byte))
    }

    /// With a repertoire: which bytes below 0x80 are data. CR and LF are never data.
    pub fn with_repertoire(service: Service, allowed: impl Fn(u8) -> bool) -> Dialect {
        let mut classes = [class::HIGH; 256];
        for (byte, slot) in (0u8..0x80).zip(classes.iter_mut()) {
            *slot = if allowed(byte) { class::PLAIN } else { class::ODD };
        }
        let mut set = |byte: u8, class: u8| {
            if let Some(slot) = classes.get_mut(usize::from(byte)) {
                *slot = class;
            }
        };
        set(b'\r', class::BREAK);
        set(b'\n', class::BREAK);
        set(service.component, class::COMPONENT);
        set(service.element, class::ELEMENT);
        if let Some(byte) = service.release {
            set(byte, class::RELEASE);
        }
        if let Some(byte) = service.repetition {
            set(byte, class::REPETITION);
        }
        set(service.terminator, class::TERMINATOR);
        Dialect { service, classes }
    }

    /// Its service characters.
    pub fn service(&self) -> Service {
        self.service
    }
}

#[cfg(test)]
mod tests {
    use super::Service;

    fn fault(una: &[u8; 6]) -> Option<char> {
        Service::from_una(*una).fault()
    }

    #[test]
    fn service_characters_are_distinct_and_no_letters() {
        assert_eq!(fault(b":+.? '"), None);
        assert_eq!(fault(b":+,?*'"), None);
        assert_eq!(fault(b":+.  \n"), None);
        assert_eq!(fault(b":+.??'"), Some('?'));
        assert_eq!(fault(b"::.? '"), Some(':'));
        assert_eq!(fault(b":A.? '"), Some('A'));
        assert_eq!(fault(b":+x? '"), Some('x'));
        assert_eq!(fault(b"\n+.? '"), Some('\n'));
        assert_eq!(Service::LEVEL_B.fault(), None);
    }

    #[test]
    fn una_comes_back() {
        assert_eq!(Service::from_una(*b":+,?*'").una(), *b":+,?*'");
        let syntax = Service::default().to_syntax("UNOC", 3);
        assert_eq!(syntax, crate::model::envelope::Syntax::default());
        assert_eq!(Service::from_syntax(&syntax), Some(Service::default()));
    }
}
