//! Every mail of the standards folder is read without a panic, and its attachments are found: names and sizes as another
//! parser's results beside some of them say, with our decoding of names where that one could not decode them.

use std::collections::BTreeMap;
use std::path::Path;

use dure::transport::mail::letter::{self, Letter};
use dure::transport::mail::parts::Limits;
use serde_json::Value;

use crate::{files_below, standards};

fn mails() -> Vec<(String, Vec<u8>)> {
    let folder = standards().join("email/samples");
    let is_mail = |path: &Path| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
        matches!(ending, "eml" | "raw" | "txt") && !path.to_string_lossy().contains("LICENCE-OF-SOURCE")
    };
    let files = files_below(&folder);
    let named = |path: &Path| path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
    files.iter().filter(|path| is_mail(path)).map(|path| (named(path), std::fs::read(path).unwrap())).collect()
}

/// Names and sizes of all files that were found, decoration included.
fn files(letter: &Letter) -> Vec<(&str, usize)> {
    let documents = letter.documents.iter().map(|file| (file.name.as_str(), file.body.len()));
    documents.chain(letter.left_out.iter().map(|left| (left.name.as_str(), left.size_bytes))).collect()
}

/// Names and sizes (none for text, whose bytes are not told) of the named parts in another parser's result.
fn expected(message: &Value, out: &mut Vec<(String, Option<usize>)>) {
    for part in message["parts"].as_array().unwrap() {
        let mut name = None;
        for header in part["headers"].as_array().unwrap() {
            let attributes = header["value"]["ContentType"]["attributes"].as_array();
            let wanted = if header["name"] == "content_disposition" { "filename" } else { "name" };
            for attribute in attributes.into_iter().flatten().filter(|attribute| attribute["name"] == wanted) {
                let found = attribute["value"].as_str().unwrap().to_owned();
                if wanted == "filename" || name.is_none() {
                    name = Some(found);
                }
            }
        }
        let body = &part["body"];
        if let Some(inner) = body.get("Message") {
            expected(inner, out);
        } else if let Some(name) = name {
            let bytes = body.get("Binary").or_else(|| body.get("InlineBinary"));
            out.push((name, bytes.map(|bytes| bytes.as_array().unwrap().len())));
        }
    }
}

#[test]
fn attachments_are_found_as_another_parser_finds_them() {
    let (mut compared, mut wrong) = (0, Vec::new());
    let folder = standards().join("email/samples");
    for (name, raw) in mails() {
        let Ok(json) = std::fs::read(folder.join(&name).with_extension("json")) else { continue };
        let letter = letter::read(&raw, false, &Limits::default());
        let mut found = files(&letter);
        let mut named = Vec::new();
        expected(&serde_json::from_slice(&json).unwrap(), &mut named);
        for (file, size) in named {
            compared += 1;
            // A name that other parser could not decode, or took backslashes out of, is known by its size alone.
            let plain = |text: &str| text.rsplit(['/', '\\']).next().unwrap_or(text).replace(':', "");
            let same =
                |ours: &str| plain(&file).ends_with(&plain(ours)) && !ours.is_empty() || file.contains('\u{fffd}');
            match found.iter().position(|(ours, bytes)| same(ours) && size.is_none_or(|size| size == *bytes)) {
                Some(at) => drop(found.remove(at)),
                None => wrong.push(format!("{name}: {file} of {size:?} bytes is not among {found:?}")),
            }
        }
    }
    assert!(compared > 40, "only {compared} attachments were compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_mail_panics_and_the_telling_ones_are_understood() {
    let mails: BTreeMap<String, Vec<u8>> = mails().into_iter().collect();
    assert!(mails.len() > 140, "only {} mails were found", mails.len());
    let (mut files_found, mut bounces, mut senders) = (0, 0, 0);
    for raw in mails.values() {
        let letter = letter::read(raw, false, &Limits::default());
        files_found += files(&letter).len();
        bounces += usize::from(letter.automatic == Some(letter::Automatic::Bounce));
        senders += usize::from(!letter.from.is_empty());
        // Cut anywhere and with a byte turned over: still no panic.
        for at in [raw.len() / 3, raw.len() / 2, raw.len().saturating_sub(3)] {
            let mut broken = raw.get(..at).unwrap().to_vec();
            letter::read(&broken, false, &Limits::default());
            if let Some(byte) = broken.get_mut(at / 2) {
                *byte ^= 0xff;
            }
            letter::read(&broken, true, &Limits::default());
        }
    }
    assert!(
        files_found > 150 && bounces > 8 && senders > 100,
        "{files_found} files, {bounces} bounces, {senders} senders"
    );
    let check = |name: &str, expected: &str| {
        let letter = letter::read(&mails[name], false, &Limits::default());
        let found = files(&letter);
        assert!(found.iter().any(|(file, _)| *file == expected), "{name}: {found:?}");
    };
    check("mikel-mail/attachment_emails/attachment_nonascii_filename.eml", "ciële.txt");
    check("mikel-mail/attachment_emails/attachment_with_quoted_filename.eml", "Eelanalüüsi päring.jpg");
}
