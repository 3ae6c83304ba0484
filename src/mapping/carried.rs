//! What a mapping carries, row by row, for people: `dure explain --mapping`, `docs/model.md`.

use super::Mapping;
use super::file::Way;

/// Rows of one mapping; the largest has some thousands.
const MOST_ROWS: usize = 50_000;

/// Which way a row goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Read and written.
    Both,
    /// Only read.
    Read,
    /// Only written.
    Write,
}

/// A value that is carried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carried {
    /// Path of our field, `lines.item.name`; empty for what has no field.
    pub ours: String,
    /// Path in the message, or a fixed value with `=` before it.
    pub theirs: String,
    /// Which way.
    pub direction: Direction,
    /// What is done to it; empty when it is taken as it is.
    pub note: String,
}

impl Mapping {
    /// Every value that is carried, and what is passed over with the reason.
    pub fn carried(&self) -> Vec<Carried> {
        let mut all = Vec::new();
        self.add(self.root, "", "", &mut Vec::new(), &mut all);
        all
    }

    fn add(&self, scope: u32, ours: &str, theirs: &str, open: &mut Vec<u32>, all: &mut Vec<Carried>) {
        let Some(rows) = self.scopes.get(scope as usize).map(|scope| &scope.rows) else { return };
        // A record in itself is told once.
        if open.contains(&scope) {
            return;
        }
        open.push(scope);
        for row in rows {
            if all.len() >= MOST_ROWS {
                break;
            }
            let under = |before: &str, text: &str, separator: char| match (before, text) {
                ("", text) | (text, "" | ".") => text.to_owned(),
                (before, text) => format!("{before}{separator}{text}"),
            };
            let fixed = row.theirs.starts_with('=');
            let own = if row.ours.is_empty() { String::new() } else { under(ours, &row.ours, '.') };
            let places: Vec<String> = row.theirs.split(" or ").map(|place| under(theirs, place, '/')).collect();
            let places = if fixed { row.theirs.clone() } else { places.join(" or ") };
            match row.scope {
                Some(below) => self.add(below, &own, &places, open, all),
                None => all.push(Carried {
                    ours: own,
                    theirs: places,
                    direction: match row.way {
                        Way::Both => Direction::Both,
                        Way::Read => Direction::Read,
                        Way::Write => Direction::Write,
                    },
                    note: row.note.clone(),
                }),
            }
        }
        open.pop();
    }
}
