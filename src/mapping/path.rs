//! Paths of a mapping: `cac:OrderLine/cac:LineItem/cbc:ID`, `SG2[BY]/NAD/C082/3039`, `lines.item.name`.
//!
//! A step of the partner's side is a name with at most one test in brackets and, behind it, a `*` when what hangs below
//! may be spread over several nodes of that name:
//! `[BY]` or `[BY|OB]` the qualifier of the segment or group, `[7143=IN|BP]` a value below, `[?3055]` something there,
//! `[!3055]` nothing there, `[*]` all that no other row names. `.` alone is the text of the node itself.

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) test: Option<Test>,
    /// `*`: what is below may be spread over several of them.
    pub(super) spread: bool,
    /// Byte offset in the path, for messages.
    pub(super) offset: usize,
}

/// A test as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Test {
    /// The qualifier is one of these; the first is written.
    Qualifier(Vec<String>),
    /// The value at a path below is one of these; the first is written.
    Is(Vec<String>, Vec<String>),
    /// There is a value at the path below.
    Present(Vec<String>),
    /// There is none.
    Absent(Vec<String>),
    /// Whatever no other test takes.
    Other,
}

/// What is wrong with a path, and at which byte of it.
pub(super) type Wrong = (usize, String);

/// Steps of one path; more have no sense.
const MOST_STEPS: usize = 12;

/// Reads a path of the partner's side; `.` is no step at all.
pub(super) fn parse(text: &str) -> Result<Vec<Step>, Wrong> {
    if text == "." {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    let mut at = 0;
    loop {
        if steps.len() == MOST_STEPS {
            return Err((at, format!("more than {MOST_STEPS} steps")));
        }
        let rest = text.get(at..).unwrap_or("");
        let name_end = rest.find(['/', '[', '*']).unwrap_or(rest.len());
        let name = rest.get(..name_end).unwrap_or("");
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err((at, "a name was expected".to_owned()));
        }
        let mut step = Step { name: name.to_owned(), test: None, spread: false, offset: at };
        at += name_end;
        if text.get(at..).is_some_and(|rest| rest.starts_with('[')) {
            let rest = text.get(at + 1..).unwrap_or("");
            let Some(end) = rest.find(']') else { return Err((at, "[ without its ]".to_owned())) };
            step.test = Some(test(rest.get(..end).unwrap_or("")).map_err(|message| (at, message))?);
            at += end + 2;
        }
        if text.get(at..).is_some_and(|rest| rest.starts_with('*')) {
            step.spread = true;
            at += 1;
        }
        steps.push(step);
        match text.get(at..).and_then(|rest| rest.chars().next()) {
            None => return Ok(steps),
            Some('/') => at += 1,
            Some(c) => return Err((at, format!("{c} was not expected here"))),
        }
    }
}

fn test(text: &str) -> Result<Test, String> {
    let words = |text: &str, separator: char| -> Result<Vec<String>, String> {
        let words: Vec<String> = text.split(separator).map(str::to_owned).collect();
        if words.iter().any(String::is_empty) { Err("an empty test".to_owned()) } else { Ok(words) }
    };
    if text == "*" {
        return Ok(Test::Other);
    }
    if let Some(path) = text.strip_prefix('?') {
        return Ok(Test::Present(words(path, '/')?));
    }
    if let Some(path) = text.strip_prefix('!') {
        return Ok(Test::Absent(words(path, '/')?));
    }
    match text.split_once('=') {
        Some((path, values)) => Ok(Test::Is(words(path, '/')?, words(values, '|')?)),
        None => Ok(Test::Qualifier(words(text, '|')?)),
    }
}

/// Reads a path of our side: field names with dots between; `.` is the value itself.
pub(super) fn ours(text: &str) -> Result<Vec<&str>, Wrong> {
    if text == "." {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = text.split('.').collect();
    let good = |name: &&str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    match names.iter().position(|name| !good(name)) {
        None if names.len() <= MOST_STEPS => Ok(names),
        None => Err((0, format!("more than {MOST_STEPS} steps"))),
        Some(_) => Err((0, format!("{text} is no path of field names"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(steps: &[Step]) -> String {
        let words: Vec<String> = steps
            .iter()
            .map(|step| {
                let test = match &step.test {
                    None => String::new(),
                    Some(Test::Qualifier(values)) => format!("[{}]", values.join("|")),
                    Some(Test::Is(path, values)) => format!("[{}={}]", path.join("/"), values.join("|")),
                    Some(Test::Present(path)) => format!("[?{}]", path.join("/")),
                    Some(Test::Absent(path)) => format!("[!{}]", path.join("/")),
                    Some(Test::Other) => "[*]".to_owned(),
                };
                format!("{}{test}{}", step.name, if step.spread { "*" } else { "" })
            })
            .collect();
        words.join("/")
    }

    fn check(text: &str, expected: &str) {
        let found = match parse(text) {
            Ok(steps) => spell(&steps),
            Err((at, message)) => format!("{at}: {message}"),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "cbc:ID",
            "cac:Party/cbc:EndpointID/@schemeID",
            "SG2[BY|OB]/NAD/C082[?3055]/3039",
            "PIA[5]*/C212[7143=IN|BP]/7140",
            "SG2[*]",
            "C082[!3055]",
            "SG10[NAD/3035=BY]",
        ] {
            check(text, text);
        }
        check(".", "");
    }

    #[test]
    fn refuses_with_the_place() {
        check("", "0: a name was expected");
        check("a//b", "2: a name was expected");
        check("a[b", "1: [ without its ]");
        check("a[]", "1: an empty test");
        check("a[b]c", "4: c was not expected here");
        check(&["a"; 13].join("/"), "24: more than 12 steps");
    }

    #[test]
    fn our_side_is_field_names() {
        assert_eq!(ours("item.buyers_item_id").unwrap(), ["item", "buyers_item_id"]);
        assert!(ours(".").unwrap().is_empty());
        assert!(ours("Item..id").is_err());
    }
}
