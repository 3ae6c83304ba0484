//! The Standard Business Document Header (UN/CEFACT SBDH 1.3): sender, receiver and instance identifier of the message
//! behind it. Manifest and scopes are checked, not carried.

use std::sync::Arc;

use crate::format::WriteOptions;
use crate::model::envelope::Envelope;
use crate::model::finding::{Findings, Place};
use crate::model::message::MessageType;
use crate::model::party_id::PartyId;
use crate::model::tree::{NodeId, Tree};
use crate::schema::grammar::Grammar;
use crate::schema::library;

/// Its namespace.
pub(super) const NAMESPACE: &str = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader";

/// Its table.
pub(super) fn grammar() -> Option<Arc<Grammar>> {
    library().message(&MessageType::new("sbdh", "1.3", "StandardBusinessDocument"))
}

fn child(tree: &Tree, id: NodeId, name: &str) -> Option<NodeId> {
    tree.children(id).find(|child| tree.name_text(*child) == name)
}

/// What the header says.
pub(super) fn envelope(tree: &Tree) -> Envelope {
    let header = tree.root().and_then(|root| child(tree, root, "sh:StandardBusinessDocumentHeader"));
    let identifier = |name| child(tree, child(tree, header?, name)?, "sh:Identifier");
    let party = |name| {
        let identifier = identifier(name)?;
        let authority = child(tree, identifier, "@Authority").map_or("", |authority| tree.value(authority));
        Some(party_id(authority, tree.value(identifier)))
    };
    let reference = header
        .and_then(|header| child(tree, header, "sh:DocumentIdentification"))
        .and_then(|identification| child(tree, identification, "sh:InstanceIdentifier"))
        .map(|reference| tree.value(reference).trim().to_owned());
    Envelope {
        sender: party("sh:Sender"),
        sender_place: identifier("sh:Sender").map_or_else(Place::default, |id| tree.place(id)),
        receiver: party("sh:Receiver"),
        control_reference: reference.filter(|reference| !reference.is_empty()),
        ..Envelope::default()
    }
}

/// Peppol writes the scheme into the value (`0088:8801234500012` under `iso6523-actorid-upis`), others into Authority.
fn party_id(authority: &str, value: &str) -> PartyId {
    match value.trim().split_once(':') {
        Some((scheme, value)) if authority.is_empty() || authority.trim().starts_with("iso6523-actorid") => {
            PartyId::new(scheme, value)
        }
        _ => PartyId::new(authority, value),
    }
}

/// Writes a header for a message, up to where the message stands.
pub(super) fn write_header(out: &mut Vec<u8>, tree: &Tree, grammar: &Grammar, options: &WriteOptions) {
    let text = |value: &str| value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut line = |depth: usize, words: &str| {
        out.extend_from_slice("  ".repeat(depth).as_bytes());
        out.extend_from_slice(words.as_bytes());
        out.push(b'\n');
    };
    line(0, &format!("<StandardBusinessDocument xmlns=\"{NAMESPACE}\">"));
    line(1, "<StandardBusinessDocumentHeader>");
    line(2, "<HeaderVersion>1.0</HeaderVersion>");
    for (element, party) in [("Sender", &options.envelope.sender), ("Receiver", &options.envelope.receiver)] {
        let party = party.clone().unwrap_or_default();
        let (authority, value) = (text(&party.scheme.to_uppercase()).replace('"', "&quot;"), text(&party.value));
        line(2, &format!("<{element}>"));
        line(3, &format!("<Identifier Authority=\"{authority}\">{value}</Identifier>"));
        line(2, &format!("</{element}>"));
    }
    let version = tree.root().and_then(|root| child(tree, root, "cbc:UBLVersionID")).map(|id| tree.value(id).trim());
    let created = chrono::DateTime::from_timestamp_millis(options.prepared_at_ms).unwrap_or_default();
    line(2, "<DocumentIdentification>");
    line(3, &format!("<Standard>{}</Standard>", text(&grammar.namespace)));
    line(3, &format!("<TypeVersion>{}</TypeVersion>", text(version.unwrap_or(&grammar.message_type.version))));
    let instance = options.envelope.control_reference.as_deref().unwrap_or_default();
    line(3, &format!("<InstanceIdentifier>{}</InstanceIdentifier>", text(instance)));
    line(3, &format!("<Type>{}</Type>", text(grammar.root_name.as_str())));
    line(3, &format!("<CreationDateAndTime>{}</CreationDateAndTime>", created.format("%Y-%m-%dT%H:%M:%SZ")));
    line(2, "</DocumentIdentification>");
    line(1, "</StandardBusinessDocumentHeader>");
}

/// Checks the header by its table.
pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    if let Some(grammar) = grammar() {
        crate::schema::check::Checker::new(grammar).whole(tree, findings);
    }
}
