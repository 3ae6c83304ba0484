//! Catalogue items. A catalogue's rows are written in steps and come into view when the catalogue goes live.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::params;

/// An item as stored.
#[derive(Clone, Debug)]
pub struct ItemRow {
    /// Its id; another one in every catalogue.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// Who makes it.
    pub producer_id: i64,
    /// The catalogue it stands in.
    pub document_id: i64,
    /// What makes it the same item in the next catalogue: the producer's number, else the GTIN.
    pub item_key: String,
    /// Name people read.
    pub name: String,
    /// ISO 4217.
    pub currency: String,
    /// Unit price, decimal.
    pub price: String,
    /// UN/ECE unit.
    pub unit: String,
    /// Longest time to despatch in days.
    pub lead_days: Option<i64>,
    /// Whether this row takes the item away.
    pub deleted: bool,
    /// The catalogue line, canonical JSON.
    pub content: String,
}

macro_rules! columns {
    () => {
        "i.id, i.centre_id, i.producer_id, i.document_id, i.item_key, i.name, i.currency, i.price, i.unit, i.lead_days, \
         i.deleted, i.content"
    };
}

fn from_row(row: &Row) -> Result<ItemRow> {
    Ok(ItemRow {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        producer_id: row.int(2)?,
        document_id: row.int(3)?,
        item_key: row.text(4)?,
        name: row.text(5)?,
        currency: row.text(6)?,
        price: row.text(7)?,
        unit: row.text(8)?,
        lead_days: row.opt_int(9)?,
        deleted: row.int(10)? != 0,
        content: row.text(11)?,
    })
}

/// Writes a row of a catalogue with the item's identifiers (kind, value). The second row of one item in the same
/// catalogue gives false and is not written.
pub fn insert(tx: &mut Tx<'_>, new: &ItemRow, identifiers: &[(&str, String)]) -> Result<bool> {
    let count = tx.execute(
        "INSERT INTO item (id, centre_id, producer_id, document_id, item_key, name, currency, price, unit, lead_days, deleted, \
         content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (document_id, item_key) DO NOTHING",
        params![
            new.id,
            new.centre_id,
            new.producer_id,
            new.document_id,
            &new.item_key,
            &new.name,
            &new.currency,
            &new.price,
            &new.unit,
            new.lead_days,
            new.deleted,
            &new.content
        ],
    )?;
    if count == 1 {
        for (kind, value) in identifiers {
            tx.run(
                "INSERT INTO item_identifier (value, kind, item_id) VALUES (?1, ?2, ?3) ON CONFLICT (value, kind, item_id) DO NOTHING",
                params![value, *kind, new.id],
            )?;
        }
    }
    Ok(count == 1)
}

/// Puts a catalogue in force. One that replaces takes the producer's earlier ones out.
pub fn go_live(tx: &mut Tx<'_>, producer_id: i64, document_id: i64, replaces: bool) -> Result<()> {
    if replaces {
        tx.run("DELETE FROM catalogue_live WHERE producer_id = ?1", params![producer_id])?;
    }
    tx.run(
        "INSERT INTO catalogue_live (producer_id, document_id) VALUES (?1, ?2) ON CONFLICT (producer_id, document_id) DO NOTHING",
        params![producer_id, document_id],
    )
}

/// Items in force that an identifier names, the latest row of each; `kind` is `gtin`, `seller`, `manufacturer`, `buyer`.
pub fn find(tx: &mut Tx<'_>, kind: &str, value: &str) -> Result<Vec<ItemRow>> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM item_identifier x JOIN item i ON i.id = x.item_id \
             JOIN catalogue_live l ON l.producer_id = i.producer_id AND l.document_id = i.document_id \
             WHERE x.value = ?1 AND x.kind = ?2 AND NOT EXISTS (SELECT 1 FROM item n JOIN catalogue_live m \
             ON m.producer_id = n.producer_id AND m.document_id = n.document_id \
             WHERE n.producer_id = i.producer_id AND n.item_key = i.item_key AND n.document_id > i.document_id) \
             AND i.deleted = 0 ORDER BY i.id LIMIT 20"
        ),
        params![value, kind],
    )?;
    rows.iter().map(from_row).collect()
}

/// One item row.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Option<ItemRow>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM item i WHERE i.id = ?1"), params![id])?;
    row.as_ref().map(from_row).transpose()
}

/// Items in force of a centre, or of one producer, by name.
pub fn list(tx: &mut Tx<'_>, centre_id: i64, producer_id: Option<i64>, limit: i64) -> Result<Vec<ItemRow>> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM item i JOIN catalogue_live l ON l.producer_id = i.producer_id AND l.document_id = i.document_id \
             WHERE i.centre_id = ?1 AND (?2 = 0 OR i.producer_id = ?2) AND i.deleted = 0 AND NOT EXISTS (SELECT 1 FROM item n \
             JOIN catalogue_live m ON m.producer_id = n.producer_id AND m.document_id = n.document_id \
             WHERE n.producer_id = i.producer_id AND n.item_key = i.item_key AND n.document_id > i.document_id) \
             ORDER BY i.producer_id, i.item_key LIMIT ?3"
        ),
        params![centre_id, producer_id.unwrap_or(0), limit],
    )?;
    rows.iter().map(from_row).collect()
}

/// How many rows a catalogue document wrote.
pub fn count_of(tx: &mut Tx<'_>, document_id: i64) -> Result<i64> {
    tx.query_one("SELECT COUNT(*) FROM item WHERE document_id = ?1", params![document_id])?.int(0)
}

/// Takes away up to `limit` rows of a catalogue that never went live or was replaced; gives how many went.
pub fn sweep(tx: &mut Tx<'_>, document_id: i64, limit: i64) -> Result<u64> {
    tx.run(
        "DELETE FROM item_identifier WHERE item_id IN (SELECT id FROM item WHERE document_id = ?1 ORDER BY id LIMIT ?2)",
        params![document_id, limit],
    )?;
    tx.execute(
        "DELETE FROM item WHERE id IN (SELECT id FROM item WHERE document_id = ?1 ORDER BY id LIMIT ?2)",
        params![document_id, limit],
    )
}
