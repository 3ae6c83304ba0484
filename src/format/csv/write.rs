//! Writes a table: the columns that occur, in the order of the schema, under their field names; UTF-8 with its mark, so
//! that spreadsheets know it, commas, CRLF, quotes where needed.

use crate::format::Written;
use crate::format::table::Grid;
use crate::model::message::MessageType;
use crate::model::tree::Tree;

/// Writes the rows below the root of a tree.
pub fn write(message_type: &MessageType, tree: &Tree) -> Written {
    let grid = match Grid::of(message_type, tree, "CSV") {
        Ok(grid) => grid,
        Err(finding) => return (Vec::new(), vec![finding]),
    };
    let mut out = "\u{feff}".to_owned();
    line(&mut out, grid.columns.iter().map(|(name, _)| *name));
    for row in &grid.rows {
        line(&mut out, row.iter().copied());
    }
    (out.into_bytes(), grid.findings)
}

fn line<'f>(out: &mut String, fields: impl Iterator<Item = &'f str>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        let quoted = field.contains([',', ';', '\t', '"', '\r', '\n']) || field.trim() != field;
        if quoted {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(field);
        }
    }
    out.push_str("\r\n");
}
