//! What a mail corrects: it stands in the thread of an answer of ours to the same sender, so it says of itself that it is a
//! revision (rules.md 1).

use crate::error::Result;
use crate::model::disposition::Disposition;
use crate::store::documents::{self, Document};
use crate::store::interchanges::Interchange;
use crate::store::mails::{self, Mail, Part};
use crate::store::{Tx, deliveries, interchanges};

/// What was sent before and is corrected now.
pub(in crate::pipeline) struct Earlier {
    /// The interchange.
    pub(in crate::pipeline) interchange_id: i64,
    documents: Vec<Document>,
}

/// The interchange that one in a mail corrects, if the mail answers ours.
pub(in crate::pipeline) fn earlier(tx: &mut Tx<'_>, mail: &Mail, interchange: &Interchange) -> Result<Option<Earlier>> {
    let Some(delivery) = mail.answers_delivery_id else { return Ok(None) };
    let Some(answer) = deliveries::get(tx, delivery)? else { return Ok(None) };
    if answer.kind != "notice" || answer.organisation_id != interchange.organisation_id {
        return Ok(None);
    }
    // The answer was to a whole mail; it hangs on the interchange that was settled last.
    let settled = interchanges::get(tx, answer.interchange_id)?;
    let settled = settled.filter(|row| row.organisation_id == interchange.organisation_id);
    let Some(first) = settled.and_then(|row| row.mail_id).filter(|id| *id != mail.id) else { return Ok(None) };
    let parts = mails::parts(tx, first)?;
    let Some(part) = same_file(&parts, &interchange.file_name) else { return Ok(None) };
    let interchange_id = part.interchange_id;
    Ok(Some(Earlier { interchange_id, documents: documents::of_interchange(tx, interchange_id)? }))
}

/// The file that comes again: that of the same name, else the only one that was not accepted, else the only one.
fn same_file<'p>(parts: &'p [Part], name: &str) -> Option<&'p Part> {
    let wanted = stem(name);
    let mut named = parts.iter().filter(|part| stem(&part.file_name) == wanted);
    if let (Some(only), None) = (named.next(), named.next()) {
        return Some(only);
    }
    let open = |part: &&Part| {
        let disposition = part.disposition.as_deref().and_then(Disposition::from_word);
        !matches!(disposition, Some(Disposition::Accepted | Disposition::Duplicate))
    };
    let mut open = parts.iter().filter(open);
    if let (Some(only), None) = (open.next(), open.next()) {
        return Some(only);
    }
    if let [only] = parts { Some(only) } else { None }
}

/// A file name without its ending and without what programs put behind it: `order (1).xlsx` is `order`.
fn stem(name: &str) -> String {
    let lower = name.to_lowercase();
    let stem = lower.rsplit_once('.').map_or(lower.as_str(), |(stem, _)| stem).trim_end();
    let plain = stem.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    let counted = plain.filter(|(_, count)| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()));
    counted.map_or(stem, |(name, _)| name).trim_end().to_owned()
}

impl Earlier {
    /// The document that one of that type and number corrects: of the same number, else the only one of its type.
    pub(in crate::pipeline) fn document(&self, document_type: &str, number: &str) -> Option<&Document> {
        let mut of_type = self.documents.iter().filter(|row| row.document_type == document_type);
        let numbered = of_type.clone().find(|row| row.number == number && !number.is_empty());
        numbered.or_else(|| of_type.next().filter(|_| of_type.next().is_none()))
    }

    /// Whether it has that document.
    pub(in crate::pipeline) fn has(&self, document_id: i64) -> bool {
        self.documents.iter().any(|row| row.id == document_id)
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn files_are_known_by_their_stems() {
        for (name, expected) in
            [("발주 (2).XLSX", "발주"), ("order(1).xlsx", "order"), ("a(b).csv", "a(b)"), ("x", "x")]
        {
            assert_eq!(stem(name), expected);
        }
    }
}
