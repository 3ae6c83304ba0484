//! What documents made of the tables: the ids each gave, and two stores compared table by table. For the proof that every
//! change is a document (`dure verify --rebuild`): a scratch store into which all documents were folded again must hold
//! the same rows.
//!
//! Tables are walked in windows of the id that owns their rows, so that a large store is compared in steps. Rows of
//! catalogues have ids of their own in every store and are compared in their order instead.

use std::collections::BTreeMap;

use super::Store;
use super::engine::{Param, Row, Tx, Value};
use crate::error::Result;
use crate::params;

/// Owners whose rows are compared at once.
const AT_ONCE: usize = 500;

/// A table that documents make.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    columns: &'static [&'static str],
    owners: &'static str,
    rows: &'static str,
}

macro_rules! tables {
    ($( $name:literal $alias:literal by $owner:literal $(where $only:literal)? : $( $column:literal )+ ; )+) => {
        /// Every table that documents make and nothing else.
        pub const TABLES: &[Table] = &[ $( Table {
            name: $name,
            columns: &[$owner, $( $column ),+],
            owners: concat!("SELECT ", $alias, ".", $owner, " FROM ", $name, " ", $alias, " WHERE ", $alias, ".", $owner,
                " > ?1", $( " AND ", $only, )? " GROUP BY ", $alias, ".", $owner, " ORDER BY ", $alias, ".", $owner, " LIMIT ?2"),
            rows: concat!("SELECT ", $alias, ".", $owner, $( ", ", $alias, ".", $column ),+, " FROM ", $name, " ", $alias,
                " WHERE ", $alias, ".", $owner, " > ?1 AND ", $alias, ".", $owner, " <= ?2", $( " AND ", $only )?),
        } ),+ ];
    };
}

tables! {
    "organisation" "t" by "id": "centre_id" "short" "name" "roles" "language" "mail" "status" "profile" "created_ms";
    "organisation_identifier" "t" by "organisation_id": "scheme" "value";
    "agreement" "t" by "id": "centre_id" "organisation_id" "name" "version" "direction" "document_type" "valid_from" "valid_to"
        "status" "body" "created_ms";
    "account" "t" by "id": "centre_id" "organisation_id" "login" "name" "role" "language" "status" "created_ms";
    "document_party" "t" by "document_id" where "EXISTS (SELECT 1 FROM document d WHERE d.id = t.document_id \
        AND d.disposition IN ('accepted', 'accepted-with-errors'))": "organisation_id" "part";
    "trade" "t" by "id": "centre_id" "number" "title" "buyer_id" "seller_id" "state" "created_ms" "changed_ms";
    "trade_key" "t" by "trade_id": "value" "kind" "organisation_id";
    "trade_party" "t" by "trade_id": "organisation_id" "part";
    "milestone" "t" by "id": "trade_id" "at_ms" "kind" "organisation_id" "document_id" "detail";
    "catalogue_live" "t" by "producer_id": "document_id";
    "purchase_order" "t" by "id": "centre_id" "trade_id" "document_id" "number" "buyer_id" "seller_id" "currency" "issue_date"
        "parts" "responses" "state" "changed_ms";
    "order_part" "t" by "id": "centre_id" "order_id" "trade_id" "part" "number" "producer_id" "state";
    "order_line" "t" by "id": "centre_id" "order_id" "part_id" "position" "line" "producer_id" "seller_id" "name" "quantity"
        "unit" "price" "currency" "confirmed" "despatched" "delivered" "promised_date" "state" "note";
    "despatch" "t" by "id": "centre_id" "trade_id" "order_id" "part_id" "document_id" "number" "producer_id" "despatched_ms";
    "parcel" "t" by "id": "centre_id" "trade_id" "despatch_id" "position" "sscc" "tracking_id" "courier_id" "state" "summary"
        "changed_ms";
    "parcel_line" "t" by "parcel_id": "order_line_id" "quantity" "serial_ids";
    "parcel_event" "t" by "id": "parcel_id" "document_id" "at_ms" "sequence" "status" "courier_code" "location" "received_by"
        "note";
    "statement" "t" by "id": "centre_id" "organisation_id" "document_id" "number" "period" "currency" "total_minor";
    "statement_line" "t" by "id": "centre_id" "seller_id" "producer_id" "buyer_id" "trade_id" "order_line_id" "parcel_id"
        "quantity" "price" "currency" "invoiced_minor" "seller_minor" "rest_minor" "share_percent" "rounding" "agreement_id"
        "delivered_on" "document_id" "statement_id";
    "delivery" "t" by "id" where "t.kind <> 'acknowledgement' AND t.document_id IS NOT NULL": "centre_id" "organisation_id" "agreement_id" "document_id"
        "interchange_id" "trade_id" "kind" "document_type" "number" "message_type" "address" "content" "created_ms"
        "acknowledged";
}

/// Tables that are compared in the order of their rows.
pub const IN_ORDER: &[&str] = &["item", "item_identifier"];

/// Tables that are not compared, and why.
pub const EXEMPT: &[(&str, &str)] = &[
    ("audit", "who did what; it has no effect"),
    ("business_key", "says which documents are in effect, which verify asks by itself"),
    ("channel", "whether channels work, and how far they were read"),
    ("content_seen", "notes documents without a number, which verify does not need"),
    ("conversation_step", "which requests to partners' systems were answered"),
    ("courier_ask", "what couriers are to be asked"),
    ("courier_booking", "what couriers are to book"),
    ("credential", "keys are no documents"),
    ("delivery_attachment", "what was sent"),
    ("delivery_attempt", "what was tried"),
    ("delivery_body", "what was sent"),
    ("directory_version", "counts changes"),
    ("document", "the documents themselves"),
    ("interchange", "what came in"),
    ("job", "what the clock started"),
    ("lease", "who works on what"),
    ("mail", "what came in"),
    ("mail_chunk", "what came in"),
    ("migration", "which tables there are"),
    ("payload", "what came in"),
    ("payload_chunk", "what came in"),
    ("secret", "secrets are no documents"),
    ("session", "who is signed in"),
    ("sign_in_failure", "who could not sign in"),
    ("waiting", "what waits"),
];

/// A row that is not what the documents say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The id that owns the row.
    pub owner: i64,
    /// What differs.
    pub wrong: String,
}

/// Compares a table of two stores: what is there, and what the documents make of it.
pub fn compare(
    there: &Store,
    rebuilt: &Store,
    table: &'static Table,
    found: &mut dyn FnMut(Difference),
) -> Result<u64> {
    let (mut after, mut count) = (i64::MIN, 0);
    loop {
        let from = after;
        let owners = |store: &Store| -> Result<Vec<i64>> {
            store.read_blocking(move |tx| {
                let rows = tx.query(table.owners, params![from, AT_ONCE as i64])?;
                rows.iter().map(|row| row.int(0)).collect()
            })
        };
        let end = |owners: &[i64]| owners.last().copied().filter(|_| owners.len() == AT_ONCE).unwrap_or(i64::MAX);
        let (mine, theirs) = (owners(there)?, owners(rebuilt)?);
        if mine.is_empty() && theirs.is_empty() {
            return Ok(count);
        }
        let to = end(&mine).min(end(&theirs));
        let rows = |store: &Store| -> Result<BTreeMap<i64, Vec<Vec<Value>>>> {
            store.read_blocking(move |tx| {
                let mut rows: BTreeMap<i64, Vec<Vec<Value>>> = BTreeMap::new();
                for row in tx.query(table.rows, params![from, to])? {
                    rows.entry(row.int(0)?).or_default().push(values(&row)?);
                }
                Ok(rows)
            })
        };
        let (mine, theirs) = (rows(there)?, rows(rebuilt)?);
        count += mine.values().map(Vec::len).sum::<usize>() as u64;
        let mut all: Vec<i64> = mine.keys().chain(theirs.keys()).copied().collect();
        all.sort_unstable();
        all.dedup();
        for owner in all {
            let none = Vec::new();
            let pair = (mine.get(&owner).unwrap_or(&none), theirs.get(&owner).unwrap_or(&none));
            for wrong in differ(table.columns, pair.0, pair.1) {
                found(Difference { table: table.name, owner, wrong });
            }
        }
        if to == i64::MAX {
            return Ok(count);
        }
        after = to;
    }
}

fn values(row: &Row) -> Result<Vec<Value>> {
    (0..row.width()).map(|column| row.value(column).cloned()).collect()
}

/// How the rows of one owner differ, in words.
fn differ(columns: &[&str], there: &[Vec<Value>], rebuilt: &[Vec<Value>]) -> Vec<String> {
    if let ([there], [rebuilt]) = (there, rebuilt) {
        let pairs = columns.iter().zip(there.iter().zip(rebuilt));
        let wrong = pairs.filter(|(_, (a, b))| a != b);
        return wrong
            .map(|(column, (a, b))| format!("{column} is {}, by the documents {}", word(a), word(b)))
            .collect();
    }
    let only = |these: &[Vec<Value>], those: &[Vec<Value>], says: &str| -> Vec<String> {
        let left = these.iter().filter(|row| !those.contains(row));
        left.map(|row| {
            let words: Vec<_> =
                columns.iter().zip(row).skip(1).map(|(name, value)| format!("{name} {}", word(value))).collect();
            format!("{says}: {}", words.join(", "))
        })
        .collect()
    };
    let mut all = only(there, rebuilt, "no document made this row");
    all.extend(only(rebuilt, there, "a document made this row and it is gone"));
    if all.is_empty() && there.len() != rebuilt.len() {
        all.push(format!("there are {} rows, by the documents {}", there.len(), rebuilt.len()));
    }
    all
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) if text.chars().count() > 60 => format!("{:?}…", text.chars().take(60).collect::<String>()),
        Value::Text(text) => format!("{text:?}"),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// Columns of a catalogue's row that are the same in every store.
const ITEM: &[&str] = &[
    "centre_id",
    "producer_id",
    "document_id",
    "item_key",
    "name",
    "currency",
    "price",
    "unit",
    "lead_days",
    "deleted",
    "content",
];

/// Compares the rows of the catalogues that are in force in both stores.
pub fn compare_items(there: &Store, rebuilt: &Store, found: &mut dyn FnMut(Difference)) -> Result<u64> {
    let live = there.read_blocking(|tx| {
        let rows = tx.query("SELECT document_id FROM catalogue_live ORDER BY document_id", params![])?;
        rows.iter().map(|row| row.int(0)).collect::<Result<Vec<i64>>>()
    })?;
    let mut count = 0;
    for document in live {
        let (mut mine, mut theirs) = (i64::MIN, i64::MIN);
        loop {
            let (a, b) = (items(there, document, mine)?, items(rebuilt, document, theirs)?);
            count += a.len() as u64;
            for at in 0..a.len().max(b.len()) {
                let wrong = match (a.get(at), b.get(at)) {
                    (Some(a), Some(b)) if a.identifiers != b.identifiers => vec!["its identifiers differ".to_owned()],
                    (Some(a), Some(b)) => differ(ITEM, std::slice::from_ref(&a.row), std::slice::from_ref(&b.row)),
                    (Some(a), None) => differ(ITEM, std::slice::from_ref(&a.row), &[]),
                    (None, Some(b)) => differ(ITEM, &[], std::slice::from_ref(&b.row)),
                    (None, None) => Vec::new(),
                };
                let owner = a.get(at).map_or(document, |item| item.id);
                wrong.into_iter().for_each(|wrong| found(Difference { table: "item", owner, wrong }));
            }
            let (Some(a), Some(b)) = (a.last(), b.last()) else { break };
            (mine, theirs) = (a.id, b.id);
        }
    }
    Ok(count)
}

struct Item {
    id: i64,
    row: Vec<Value>,
    identifiers: Vec<(String, String)>,
}

/// Rows of a catalogue behind one of its rows, in their order.
fn items(store: &Store, document: i64, after: i64) -> Result<Vec<Item>> {
    store.read_blocking(move |tx| {
        let rows = tx.query(
            "SELECT i.id, i.centre_id, i.producer_id, i.document_id, i.item_key, i.name, i.currency, i.price, i.unit, i.lead_days, \
             i.deleted, i.content FROM item i WHERE i.document_id = ?1 AND i.id > ?2 ORDER BY i.id LIMIT ?3",
            params![document, after, AT_ONCE as i64],
        )?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = row.int(0)?;
            let found = tx.query("SELECT kind, value FROM item_identifier WHERE item_id = ?1", params![id])?;
            let mut identifiers: Vec<(String, String)> =
                found.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect::<Result<_>>()?;
            identifiers.sort();
            items.push(Item { id, row: values(row)?.split_off(1), identifiers });
        }
        Ok(items)
    })
}

/// Tables and ids that a document gave, in the order in which it gave them. `from_id` and `to_id` bound the ids that can be
/// of its time.
pub fn made_by(tx: &mut Tx<'_>, document_id: i64, from_id: i64, to_id: i64) -> Result<Vec<(&'static str, i64)>> {
    let mut made = Vec::new();
    for (table, sql) in MADE {
        let both = [Param::Int(document_id), Param::Int(from_id), Param::Int(to_id)];
        for row in tx.query(sql, &both)? {
            made.push((*table, row.int(0)?));
        }
    }
    Ok(made)
}

/// What each of its kind gives the ids of, by primary key within the bounds.
const MADE: &[(&str, &str)] = &[
    (
        "trade",
        "SELECT t.id FROM trade t JOIN purchase_order o ON o.trade_id = t.id WHERE o.document_id = ?1 AND t.id >= ?2 AND t.id < ?3",
    ),
    ("milestone", "SELECT id FROM milestone WHERE document_id = ?1 AND id >= ?2 AND id < ?3 ORDER BY id"),
    ("purchase_order", "SELECT id FROM purchase_order WHERE document_id = ?1 AND id >= ?2 AND id < ?3 ORDER BY id"),
    (
        "order_part",
        "SELECT p.id FROM order_part p JOIN purchase_order o ON o.id = p.order_id WHERE o.document_id = ?1 AND p.id >= ?2 \
         AND p.id < ?3 ORDER BY p.id",
    ),
    (
        "order_line",
        "SELECT l.id FROM order_line l JOIN purchase_order o ON o.id = l.order_id WHERE o.document_id = ?1 AND l.id >= ?2 \
         AND l.id < ?3 ORDER BY l.id",
    ),
    ("despatch", "SELECT id FROM despatch WHERE document_id = ?1 AND id >= ?2 AND id < ?3 ORDER BY id"),
    (
        "parcel",
        "SELECT p.id FROM parcel p JOIN despatch d ON d.id = p.despatch_id WHERE d.document_id = ?1 AND p.id >= ?2 AND p.id < ?3 \
         ORDER BY p.id",
    ),
    ("parcel_event", "SELECT id FROM parcel_event WHERE document_id = ?1 AND id >= ?2 AND id < ?3 ORDER BY id"),
    ("statement", "SELECT id FROM statement WHERE document_id = ?1 AND id >= ?2 AND id < ?3 ORDER BY id"),
    ("statement_line", "SELECT id FROM statement_line WHERE document_id = ?1 AND id >= ?2 AND id < ?3 ORDER BY id"),
    (
        "delivery",
        "SELECT id FROM delivery WHERE document_id = ?1 AND id >= ?2 AND id < ?3 AND kind <> 'acknowledgement' ORDER BY id",
    ),
];

/// The id of what is known by a name: an organisation, an account, or the versions of an agreement within the bounds.
pub fn named(tx: &mut Tx<'_>, table: &str, name: &str, from_id: i64, to_id: i64) -> Result<Vec<i64>> {
    let sql = match table {
        "organisation" => "SELECT id FROM organisation WHERE short = ?1 AND id >= ?2 AND id < ?3",
        "account" => "SELECT id FROM account WHERE login = ?1 AND id >= ?2 AND id < ?3",
        "agreement" => "SELECT id FROM agreement WHERE name = ?1 AND id >= ?2 AND id < ?3 ORDER BY id",
        _ => return Ok(Vec::new()),
    };
    let rows = tx.query(sql, params![name, from_id, to_id])?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// What a document in effect is folded from.
#[derive(Clone, Debug)]
pub struct InEffect {
    /// Its id.
    pub id: i64,
    /// The agreement it came under.
    pub agreement_id: Option<i64>,
    /// Size of its interchange.
    pub size_bytes: i64,
    /// Character set of its interchange, where one was said.
    pub charset: String,
}

/// Ids and decision times of the documents in effect behind an id.
pub fn in_effect_after(tx: &mut Tx<'_>, after: i64, limit: i64) -> Result<Vec<(i64, i64)>> {
    let rows = tx.query(
        "SELECT id, decided_ms FROM document WHERE id > ?1 AND disposition IN ('accepted', 'accepted-with-errors') \
         ORDER BY id LIMIT ?2",
        params![after, limit],
    )?;
    rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect()
}

/// What folding a document needs besides the document.
pub fn in_effect(tx: &mut Tx<'_>, id: i64) -> Result<Option<InEffect>> {
    let row = tx.query_opt(
        "SELECT d.agreement_id, i.size_bytes, i.charset FROM document d JOIN interchange i ON i.id = d.interchange_id \
         WHERE d.id = ?1",
        params![id],
    )?;
    row.map(|row| Ok(InEffect { id, agreement_id: row.opt_int(0)?, size_bytes: row.int(1)?, charset: row.text(2)? }))
        .transpose()
}

/// Control references of the deliveries a document made, which their acknowledgements name.
pub fn control_references(tx: &mut Tx<'_>, document_id: i64) -> Result<Vec<(i64, String)>> {
    let rows = tx.query(
        "SELECT id, control_reference FROM delivery WHERE document_id = ?1 AND control_reference <> ''",
        params![document_id],
    )?;
    rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?))).collect()
}

/// Notes the control reference of a delivery.
pub fn set_control_reference(tx: &mut Tx<'_>, id: i64, reference: &str) -> Result<()> {
    tx.run("UPDATE delivery SET control_reference = ?2 WHERE id = ?1", params![id, reference])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_compared_or_exempt_for_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&super::super::StoreConfig::sqlite(folder.path().join("a.sqlite"))).unwrap();
        let compared = TABLES.iter().map(|table| table.name);
        let mut known: Vec<&str> =
            compared.chain(IN_ORDER.iter().copied()).chain(EXEMPT.iter().map(|(name, _)| *name)).collect();
        known.sort_unstable();
        let there = store.read_blocking(|tx| {
            let rows = tx.query(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
                params![],
            )?;
            rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>>>()
        });
        assert_eq!(there.unwrap(), known);
    }

    #[test]
    fn differences_in_words() {
        let row = |state: &str| vec![Value::Int(7), Value::Text(state.to_owned())];
        let columns = ["id", "state"];
        assert!(differ(&columns, &[row("a")], &[row("a")]).is_empty());
        assert_eq!(differ(&columns, &[row("a")], &[row("b")]), ["state is \"a\", by the documents \"b\""]);
        assert_eq!(differ(&columns, &[row("a")], &[]), ["no document made this row: state \"a\""]);
        assert_eq!(
            differ(&columns, &[row("a"), row("b")], &[row("b"), row("c")]),
            ["no document made this row: state \"a\"", "a document made this row and it is gone: state \"c\""]
        );
        assert_eq!(differ(&columns, &[row("a"), row("a")], &[row("a")]).len(), 1);
    }
}
