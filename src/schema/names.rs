//! Names of XML (XML 1.0 fifth edition 2.3, Namespaces in XML 1.0), shared by the simple types and the XML reader.

/// The start of a name.
fn is_name_start(c: char) -> bool {
    c == ':' || is_ncname_start(c)
}

fn is_ncname_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// Any further character of a name.
pub fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// A Name.
pub fn is_name(value: &str) -> bool {
    value.starts_with(is_name_start) && value.chars().all(is_name_char)
}

/// An NCName: a Name without a colon.
pub fn is_ncname(value: &str) -> bool {
    value.starts_with(is_ncname_start) && value.chars().all(|c| c != ':' && is_name_char(c))
}

/// A QName: one or two NCNames with a colon between.
pub fn is_qname(value: &str) -> bool {
    match value.split_once(':') {
        Some((prefix, local)) => is_ncname(prefix) && is_ncname(local),
        None => is_ncname(value),
    }
}

/// An NMTOKEN.
pub fn is_nmtoken(value: &str) -> bool {
    !value.is_empty() && value.chars().all(is_name_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "_a-b.c1", "주문"] {
            assert!(is_ncname(good) && is_name(good) && is_qname(good) && is_nmtoken(good), "{good}");
        }
        for bad in ["", "1a", "a:b", "-a", "a b"] {
            assert!(!is_ncname(bad), "{bad}");
        }
        assert!(is_qname("a:b") && is_nmtoken("1a"));
        for bad in [":a", "a:", "a:b:c"] {
            assert!(!is_qname(bad), "{bad}");
        }
    }
}
