//! One SQL text for two engines: statements are written for SQLite (`?1`) and rewritten for PostgreSQL (`$1`) once.
//!
//! | written | SQLite | PostgreSQL |
//! |---|---|---|
//! | `?1` | `?1` | `$1` |
//! | `{skip_locked}` behind the LIMIT of a claim | nothing | `FOR UPDATE SKIP LOCKED` |
//! | `{id}` in migrations: the type of a row id | `INTEGER` (the row number itself) | `BIGINT` |
//! | `TEXT` in migrations | `TEXT` | `TEXT COLLATE "C"`: order and `lower` go by bytes on both |
//!
//! PostgreSQL takes a parameter's type from its first use that has one, so a comparison stands before `?1 IS NULL`.
//!
//! String literals, quoted names and comments are left as they are. Dollar-quoted strings are not known.

use std::borrow::Cow;

/// A statement as SQLite takes it.
pub(super) fn for_sqlite(sql: &str) -> Cow<'_, str> {
    if sql.contains("{skip_locked}") { Cow::Owned(sql.replace("{skip_locked}", "")) } else { Cow::Borrowed(sql) }
}

/// A statement as PostgreSQL takes it.
pub(super) fn for_postgres(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 32);
    for piece in pieces(sql) {
        match piece {
            Piece::Kept(text) | Piece::Word(text) => out.push_str(text),
            Piece::Parameter(number) => {
                out.push('$');
                out.push_str(number);
            }
            Piece::Braced("skip_locked") => out.push_str(" FOR UPDATE SKIP LOCKED"),
            Piece::Braced(name) => push_braced(&mut out, name),
        }
    }
    out
}

/// A migration as SQLite takes it.
pub(in crate::store) fn migration_for_sqlite(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    for piece in pieces(sql) {
        match piece {
            Piece::Kept(text) | Piece::Word(text) => out.push_str(text),
            Piece::Parameter(number) => {
                out.push('?');
                out.push_str(number);
            }
            Piece::Braced("id") => out.push_str("INTEGER"),
            Piece::Braced(name) => push_braced(&mut out, name),
        }
    }
    out
}

/// A migration as PostgreSQL takes it.
pub(in crate::store) fn migration_for_postgres(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + sql.len() / 4);
    let mut last = "";
    for piece in pieces(sql) {
        match piece {
            Piece::Word(word) => {
                out.push_str(word);
                // Not in CAST(x AS TEXT), where a collation cannot stand.
                if word.eq_ignore_ascii_case("text") && !last.eq_ignore_ascii_case("as") {
                    out.push_str(" COLLATE \"C\"");
                }
                last = word;
            }
            Piece::Kept(text) => out.push_str(text),
            Piece::Parameter(number) => {
                out.push('$');
                out.push_str(number);
            }
            Piece::Braced("id") => out.push_str("BIGINT"),
            Piece::Braced(name) => push_braced(&mut out, name),
        }
    }
    out
}

fn push_braced(out: &mut String, name: &str) {
    out.push('{');
    out.push_str(name);
    out.push('}');
}

enum Piece<'a> {
    /// Literals, comments, signs and white space.
    Kept(&'a str),
    /// Letters, digits and underscores.
    Word(&'a str),
    /// `?` and this number.
    Parameter(&'a str),
    /// A name in braces.
    Braced(&'a str),
}

fn pieces(sql: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        let (piece, left) = first(rest)?;
        rest = left;
        Some(piece)
    })
}

fn first(sql: &str) -> Option<(Piece<'_>, &str)> {
    let start = sql.chars().next()?;
    let cut = |length: usize| sql.split_at_checked(length).unwrap_or((sql, ""));
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    Some(match start {
        '\'' | '"' => {
            // A doubled quote starts the next literal at once, which comes to the same.
            let length = sql.char_indices().skip(1).find(|&(_, c)| c == start).map_or(sql.len(), |(at, _)| at + 1);
            let (text, left) = cut(length);
            (Piece::Kept(text), left)
        }
        '-' if sql.starts_with("--") => {
            let (text, left) = cut(sql.find('\n').unwrap_or(sql.len()));
            (Piece::Kept(text), left)
        }
        '/' if sql.starts_with("/*") => {
            let (text, left) = cut(sql.find("*/").map_or(sql.len(), |at| at + 2));
            (Piece::Kept(text), left)
        }
        '?' => {
            let (text, left) =
                cut(sql.char_indices().skip(1).find(|(_, c)| !c.is_ascii_digit()).map_or(sql.len(), |(at, _)| at));
            (Piece::Parameter(text.strip_prefix('?').unwrap_or(text)), left)
        }
        '{' => match sql.find('}') {
            Some(at) => {
                let (text, left) = cut(at + 1);
                (Piece::Braced(text.trim_matches(['{', '}'])), left)
            }
            None => (Piece::Kept(sql), ""),
        },
        c if in_word(c) => {
            let (text, left) = cut(sql.find(|c| !in_word(c)).unwrap_or(sql.len()));
            (Piece::Word(text), left)
        }
        c => {
            let (text, left) = cut(c.len_utf8());
            (Piece::Kept(text), left)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &str) {
        assert_eq!(for_postgres(sql), expected);
    }

    #[test]
    fn parameters_are_renumbered_outside_of_literals() {
        check("SELECT a FROM t WHERE b = ?1 AND c = ?12", "SELECT a FROM t WHERE b = $1 AND c = $12");
        check("SELECT '?1', \"?2\", ?3 -- ?4\n, ?5 /* ?6 */", "SELECT '?1', \"?2\", $3 -- ?4\n, $5 /* ?6 */");
        check("SELECT 'it''s ?1', ?2", "SELECT 'it''s ?1', $2");
        check("SELECT '한국 ?1', ?1", "SELECT '한국 ?1', $1");
        check("SELECT 'open ?1", "SELECT 'open ?1");
        check("", "");
    }

    #[test]
    fn skip_locked_is_for_postgres_only() {
        let sql = "SELECT id FROM t LIMIT ?1{skip_locked}";
        check(sql, "SELECT id FROM t LIMIT $1 FOR UPDATE SKIP LOCKED");
        assert_eq!(for_sqlite(sql), "SELECT id FROM t LIMIT ?1");
        check("SELECT '{skip_locked}' {other} {", "SELECT '{skip_locked}' {other} {");
    }

    #[test]
    fn migrations_get_their_id_type_and_byte_order() {
        let sql = "CREATE TABLE t (id {id} PRIMARY KEY, a TEXT NOT NULL DEFAULT 'TEXT', context BYTEA, b text);";
        assert_eq!(migration_for_sqlite(sql), sql.replace("{id}", "INTEGER"));
        assert_eq!(
            migration_for_postgres(sql),
            "CREATE TABLE t (id BIGINT PRIMARY KEY, a TEXT COLLATE \"C\" NOT NULL DEFAULT 'TEXT', \
             context BYTEA, b text COLLATE \"C\");"
        );
        assert_eq!(migration_for_postgres("CAST(a AS TEXT)"), "CAST(a AS TEXT)");
    }
}
