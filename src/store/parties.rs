//! Organisations, their identifiers, agreements, credentials and sealed secrets.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::params;

/// An organisation as stored.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Its id.
    pub id: i64,
    /// The centre it belongs to; a centre belongs to itself.
    pub centre_id: i64,
    /// Short name.
    pub short: String,
    /// Name people read.
    pub name: String,
    /// Its roles, space between.
    pub roles: String,
    /// `ko` or `en`.
    pub language: String,
    /// Where notices go.
    pub mail: String,
    /// `active` or `ended`.
    pub status: String,
    /// Its profile, canonical JSON.
    pub profile: String,
}

fn organisation_from(row: &Row) -> Result<Organisation> {
    Ok(Organisation {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        short: row.text(2)?,
        name: row.text(3)?,
        roles: row.text(4)?,
        language: row.text(5)?,
        mail: row.text(6)?,
        status: row.text(7)?,
        profile: row.text(8)?,
    })
}

/// All organisations.
pub fn organisations(tx: &mut Tx<'_>) -> Result<Vec<Organisation>> {
    let rows = tx.query(
        "SELECT id, centre_id, short, name, roles, language, mail, status, profile FROM organisation ORDER BY short",
        params![],
    )?;
    rows.iter().map(organisation_from).collect()
}

/// Writes an organisation, new or changed by its short name; gives its id.
pub fn put_organisation(tx: &mut Tx<'_>, new: &Organisation, now_ms: i64) -> Result<i64> {
    let row = tx.query_one(
        "INSERT INTO organisation (id, centre_id, short, name, roles, language, mail, status, profile, created_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (short) DO UPDATE SET name = excluded.name, \
         roles = excluded.roles, language = excluded.language, mail = excluded.mail, status = excluded.status, \
         profile = excluded.profile RETURNING id",
        params![
            new.id,
            new.centre_id,
            &new.short,
            &new.name,
            &new.roles,
            &new.language,
            &new.mail,
            &new.status,
            &new.profile,
            now_ms
        ],
    )?;
    row.int(0)
}

/// All identifiers: scheme, value, organisation.
pub fn identifiers(tx: &mut Tx<'_>) -> Result<Vec<(String, String, i64)>> {
    let rows = tx.query("SELECT scheme, value, organisation_id FROM organisation_identifier", params![])?;
    rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?, row.int(2)?))).collect()
}

/// Who has an identifier.
pub fn by_identifier(tx: &mut Tx<'_>, scheme: &str, value: &str) -> Result<Option<i64>> {
    let row = tx.query_opt(
        "SELECT organisation_id FROM organisation_identifier WHERE scheme = ?1 AND value = ?2",
        params![scheme, value],
    )?;
    row.map(|row| row.int(0)).transpose()
}

/// Sets the identifiers of an organisation.
pub fn set_identifiers(tx: &mut Tx<'_>, organisation_id: i64, ids: &[(String, String)]) -> Result<()> {
    tx.run("DELETE FROM organisation_identifier WHERE organisation_id = ?1", params![organisation_id])?;
    for (scheme, value) in ids {
        tx.run(
            "INSERT INTO organisation_identifier (scheme, value, organisation_id) VALUES (?1, ?2, ?3)",
            params![scheme, value, organisation_id],
        )?;
    }
    Ok(())
}

/// One version of an agreement as stored.
#[derive(Clone, Debug)]
pub struct AgreementRow {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// The partner.
    pub organisation_id: i64,
    /// Its name.
    pub name: String,
    /// Which version, from 1.
    pub version: i64,
    /// `in` or `out`.
    pub direction: String,
    /// Document type.
    pub document_type: String,
    /// First day, or empty.
    pub valid_from: String,
    /// Last day, or empty.
    pub valid_to: String,
    /// `active` or `ended`.
    pub status: String,
    /// Canonical JSON.
    pub body: String,
}

/// The latest version of every agreement and every version that may still hold.
pub fn agreements(tx: &mut Tx<'_>) -> Result<Vec<AgreementRow>> {
    let rows = tx.query(
        "SELECT id, centre_id, organisation_id, name, version, direction, document_type, valid_from, valid_to, status, body \
         FROM agreement ORDER BY name, version",
        params![],
    )?;
    rows.iter()
        .map(|row| {
            Ok(AgreementRow {
                id: row.int(0)?,
                centre_id: row.int(1)?,
                organisation_id: row.int(2)?,
                name: row.text(3)?,
                version: row.int(4)?,
                direction: row.text(5)?,
                document_type: row.text(6)?,
                valid_from: row.text(7)?,
                valid_to: row.text(8)?,
                status: row.text(9)?,
                body: row.text(10)?,
            })
        })
        .collect()
}

/// Writes the next version of an agreement; earlier ones of its name end. Gives the version.
pub fn put_agreement(tx: &mut Tx<'_>, new: &AgreementRow, now_ms: i64) -> Result<i64> {
    let last = tx
        .query_one(
            "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM agreement WHERE name = ?1",
            params![&new.name],
        )?
        .int(0)?;
    tx.run("UPDATE agreement SET status = 'superseded' WHERE name = ?1 AND status = 'active'", params![&new.name])?;
    tx.run(
        "INSERT INTO agreement (id, centre_id, organisation_id, name, version, direction, document_type, valid_from, valid_to, \
         status, body, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            new.id,
            new.centre_id,
            new.organisation_id,
            &new.name,
            last + 1,
            &new.direction,
            &new.document_type,
            &new.valid_from,
            &new.valid_to,
            &new.status,
            &new.body,
            now_ms
        ],
    )?;
    Ok(last + 1)
}

/// A credential of a partner: key or client certificate.
#[derive(Clone, Debug)]
pub struct CredentialRow {
    /// Its id.
    pub id: i64,
    /// Whose.
    pub organisation_id: i64,
    /// `key` or `certificate`.
    pub kind: String,
    /// SHA-256 of the key, or of the certificate.
    pub digest: Vec<u8>,
    /// What it is called.
    pub label: String,
    /// The sealed secret for signed requests, else empty.
    pub secret_name: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
}

/// All credentials that hold.
pub fn credentials(tx: &mut Tx<'_>) -> Result<Vec<CredentialRow>> {
    let rows = tx.query(
        "SELECT id, organisation_id, kind, digest, label, secret_name, created_ms, ended_ms FROM credential ORDER BY id",
        params![],
    )?;
    rows.iter()
        .map(|row| {
            Ok(CredentialRow {
                id: row.int(0)?,
                organisation_id: row.int(1)?,
                kind: row.text(2)?,
                digest: row.bytes(3)?,
                label: row.text(4)?,
                secret_name: row.text(5)?,
                created_ms: row.int(6)?,
                ended_ms: row.opt_int(7)?,
            })
        })
        .collect()
}

/// Writes a credential.
pub fn put_credential(tx: &mut Tx<'_>, new: &CredentialRow) -> Result<()> {
    tx.run(
        "INSERT INTO credential (id, organisation_id, kind, digest, label, secret_name, created_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            new.id,
            new.organisation_id,
            &new.kind,
            new.digest.as_slice(),
            &new.label,
            &new.secret_name,
            new.created_ms
        ],
    )
}

/// Ends a credential; false if there is none that holds.
pub fn end_credential(tx: &mut Tx<'_>, id: i64, now_ms: i64) -> Result<bool> {
    Ok(tx.execute("UPDATE credential SET ended_ms = ?2 WHERE id = ?1 AND ended_ms IS NULL", params![id, now_ms])? == 1)
}

/// Keeps a sealed secret under a name.
pub fn put_secret(tx: &mut Tx<'_>, name: &str, sealed: &[u8], now_ms: i64) -> Result<()> {
    tx.run(
        "INSERT INTO secret (name, sealed, created_ms) VALUES (?1, ?2, ?3) \
         ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, created_ms = excluded.created_ms",
        params![name, sealed, now_ms],
    )
}

/// All sealed secrets.
pub fn secrets(tx: &mut Tx<'_>) -> Result<Vec<(String, Vec<u8>)>> {
    let rows = tx.query("SELECT name, sealed FROM secret", params![])?;
    rows.iter().map(|row| Ok((row.text(0)?, row.bytes(1)?))).collect()
}

/// Raised whenever something of the directory changes.
pub fn raise_version(tx: &mut Tx<'_>) -> Result<()> {
    tx.run("UPDATE directory_version SET version = version + 1 WHERE id = 1", params![])
}

/// The directory's version.
pub fn version(tx: &mut Tx<'_>) -> Result<i64> {
    tx.query_one("SELECT version FROM directory_version WHERE id = 1", params![])?.int(0)
}
