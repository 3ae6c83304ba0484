//! People who sign in, their sessions and failed sign-ins.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::params;

/// An account as stored.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// The organisation.
    pub organisation_id: i64,
    /// Sign-in name.
    pub login: String,
    /// Name people read.
    pub name: String,
    /// One of the six roles.
    pub role: String,
    /// `ko` or `en`.
    pub language: String,
    /// Password hash in PHC form; empty means that nobody can sign in.
    pub password: String,
    /// `active` or `ended`.
    pub status: String,
}

fn from_row(row: &Row) -> Result<AccountRow> {
    Ok(AccountRow {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        organisation_id: row.int(2)?,
        login: row.text(3)?,
        name: row.text(4)?,
        role: row.text(5)?,
        language: row.text(6)?,
        password: row.text(7)?,
        status: row.text(8)?,
    })
}

macro_rules! columns {
    () => {
        "a.id, a.centre_id, a.organisation_id, a.login, a.name, a.role, a.language, a.password, a.status"
    };
}

/// All accounts.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<AccountRow>> {
    let rows = tx.query(concat!("SELECT ", columns!(), " FROM account a ORDER BY a.login"), params![])?;
    rows.iter().map(from_row).collect()
}

/// One account by its sign-in name.
pub fn by_login(tx: &mut Tx<'_>, login: &str) -> Result<Option<AccountRow>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM account a WHERE a.login = ?1"), params![login])?;
    row.as_ref().map(from_row).transpose()
}

/// Writes an account, new or changed by its sign-in name; the password stays. Gives its id.
pub fn put(tx: &mut Tx<'_>, new: &AccountRow, now_ms: i64) -> Result<i64> {
    let row = tx.query_one(
        "INSERT INTO account (id, centre_id, organisation_id, login, name, role, language, password, status, created_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (login) DO UPDATE SET \
         organisation_id = excluded.organisation_id, name = excluded.name, role = excluded.role, \
         language = excluded.language, status = excluded.status RETURNING id",
        params![
            new.id,
            new.centre_id,
            new.organisation_id,
            &new.login,
            &new.name,
            &new.role,
            &new.language,
            &new.password,
            &new.status,
            now_ms
        ],
    )?;
    row.int(0)
}

/// Sets a password hash and ends all sessions of the account; false if there is no such account.
pub fn set_password(tx: &mut Tx<'_>, login: &str, hash: &str) -> Result<bool> {
    tx.run("DELETE FROM session WHERE account_id IN (SELECT id FROM account WHERE login = ?1)", params![login])?;
    Ok(tx.execute("UPDATE account SET password = ?2 WHERE login = ?1", params![login, hash])? == 1)
}

/// Sets the language of an account, a preference.
pub fn set_language(tx: &mut Tx<'_>, id: i64, language: &str) -> Result<()> {
    tx.run("UPDATE account SET language = ?2 WHERE id = ?1", params![id, language])
}

/// Opens a session under the SHA-256 of its token.
pub fn open_session(
    tx: &mut Tx<'_>,
    token_digest: &[u8],
    account_id: i64,
    csrf: &str,
    now_ms: i64,
    expires_ms: i64,
) -> Result<()> {
    tx.run("DELETE FROM session WHERE expires_ms < ?1", params![now_ms])?;
    tx.run(
        "INSERT INTO session (token_digest, account_id, csrf, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![token_digest, account_id, csrf, now_ms, expires_ms],
    )
}

/// The account and CSRF token of a session that holds; rights are read anew at every request.
pub fn session(tx: &mut Tx<'_>, token_digest: &[u8], now_ms: i64) -> Result<Option<(AccountRow, String)>> {
    let row = tx.query_opt(
        concat!(
            "SELECT ",
            columns!(),
            ", s.csrf FROM session s JOIN account a ON a.id = s.account_id \
             WHERE s.token_digest = ?1 AND s.expires_ms > ?2 AND a.status = 'active'"
        ),
        params![token_digest, now_ms],
    )?;
    row.map(|row| Ok((from_row(&row)?, row.text(9)?))).transpose()
}

/// Ends a session.
pub fn close_session(tx: &mut Tx<'_>, token_digest: &[u8]) -> Result<()> {
    tx.run("DELETE FROM session WHERE token_digest = ?1", params![token_digest])
}

/// Notes a failed sign-in and forgets those before `forget_ms`.
pub fn note_failure(tx: &mut Tx<'_>, login: &str, now_ms: i64, forget_ms: i64) -> Result<()> {
    tx.run("DELETE FROM sign_in_failure WHERE at_ms < ?1", params![forget_ms])?;
    tx.run("INSERT INTO sign_in_failure (login, at_ms) VALUES (?1, ?2)", params![login, now_ms])
}

/// Failed sign-ins of a name since a time.
pub fn failures(tx: &mut Tx<'_>, login: &str, since_ms: i64) -> Result<i64> {
    tx.query_one("SELECT COUNT(*) FROM sign_in_failure WHERE login = ?1 AND at_ms >= ?2", params![login, since_ms])?
        .int(0)
}

/// When the `n`th latest failed sign-in under a key was, if there are so many since a time.
pub fn nth_failure(tx: &mut Tx<'_>, login: &str, n: i64, since_ms: i64) -> Result<Option<i64>> {
    let row = tx.query_opt(
        "SELECT at_ms FROM sign_in_failure WHERE login = ?1 AND at_ms >= ?2 ORDER BY at_ms DESC LIMIT 1 OFFSET ?3",
        params![login, since_ms, n - 1],
    )?;
    row.map(|row| row.int(0)).transpose()
}

/// Forgets the failed sign-ins under a key.
pub fn forget_failures(tx: &mut Tx<'_>, login: &str) -> Result<()> {
    tx.run("DELETE FROM sign_in_failure WHERE login = ?1", params![login])
}
