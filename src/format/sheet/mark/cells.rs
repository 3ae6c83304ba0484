//! The cells of a sheet that get another style. Cells and rows that are not there are made; nothing else of the sheet changes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::book::{MOST_MERGED, damaged};
use super::super::package::attribute;
use super::super::xlsx::cell_of;
use super::edit::{Edits, prefix, steps, with};
use super::styles::Styles;
use super::{Cell, Spot};
use crate::model::finding::{Finding, Severity, cell as cell_name};

/// Elements of a sheet that stand before the one that names its comments' drawing (ECMA-376 part 1, 18.3.1.99).
const BEFORE_DRAWING: &[&str] = &[
    "sheetPr",
    "dimension",
    "sheetViews",
    "sheetFormatPr",
    "cols",
    "sheetData",
    "sheetCalcPr",
    "sheetProtection",
    "protectedRanges",
    "scenarios",
    "autoFilter",
    "sortState",
    "dataConsolidate",
    "customSheetViews",
    "mergeCells",
    "phoneticPr",
    "conditionalFormatting",
    "dataValidations",
    "hyperlinks",
    "printOptions",
    "pageMargins",
    "pageSetup",
    "headerFooter",
    "rowBreaks",
    "colBreaks",
    "customProperties",
    "cellWatches",
    "ignoredErrors",
    "smartTags",
    "drawing",
];

/// What a look at a sheet says.
#[derive(Default)]
pub(super) struct Look {
    /// First cells with something in them, by row.
    first: BTreeMap<u32, u32>,
    /// Merged cells: first and last.
    merged: Vec<(Cell, Cell)>,
    /// The relationship to its comments' drawing.
    pub(super) drawing: Option<String>,
    /// Whether its names are those of the strict standard.
    pub(super) strict: bool,
}

/// Looks at a sheet.
pub(super) fn look(text: &str) -> Result<Look, Finding> {
    let mut found = Look::default();
    let (mut row, mut column) = (0u32, 0u32);
    steps(text, |step| {
        let Some(tag) = step.tag() else { return Ok(true) };
        match (step.depth, tag.local_name().as_ref()) {
            (0, _) => found.strict = tag.attributes().flatten().any(|one| one.value.contains("purl.oclc.org/ooxml")),
            (2, "row") => {
                row = number(attribute(tag, "r")).unwrap_or(row.saturating_add(1));
                column = 0;
            }
            (3, "c") => {
                column =
                    attribute(tag, "r").and_then(|name| cell_of(&name)).map_or(column.saturating_add(1), |cell| cell.0);
            }
            (4, "v" | "is") => {
                found.first.entry(row).or_insert(column);
            }
            (2, "mergeCell") if found.merged.len() < MOST_MERGED => {
                let range = attribute(tag, "ref").unwrap_or_default();
                if let Some((first, last)) = range.split_once(':')
                    && let (Some(first), Some(last)) = (cell_of(first), cell_of(last))
                {
                    found.merged.push(((first.1, first.0), (last.1, last.0)));
                }
            }
            (1, "legacyDrawing") => found.drawing = attribute(tag, "id"),
            _ => {}
        }
        Ok(true)
    })?;
    Ok(found)
}

fn number(text: Option<String>) -> Option<u32> {
    text.and_then(|text| text.trim().parse().ok())
}

impl Look {
    /// The cell that shows what is meant: of a row the first with something in it, of merged cells the first.
    pub(super) fn cell(&self, spot: Spot) -> Cell {
        let cell = match spot {
            Spot::Sheet => (1, 1),
            Spot::Row(row) => (row, self.first.get(&row).copied().unwrap_or(1)),
            Spot::Cell(cell) => cell,
        };
        let around = |(first, last): &&(Cell, Cell)| {
            (first.0..=last.0).contains(&cell.0) && (first.1..=last.1).contains(&cell.1)
        };
        self.merged.iter().find(around).map_or(cell, |(first, _)| *first)
    }
}

/// Marks cells, and takes away the marks of others. `drawing` is the relationship to the comments' drawing if the sheet has
/// none yet.
pub(super) fn mark(
    text: &str,
    marks: &BTreeMap<Cell, Severity>,
    styles: &mut Styles,
    drawing: Option<&str>,
    strict: bool,
) -> Result<String, Finding> {
    let mut edits = Edits::of(text);
    let mut left: BTreeSet<Cell> = marks.keys().copied().collect();
    let (mut root, mut row, mut column) = (String::new(), 0u32, 0u32);
    let mut row_style = 0usize;
    let mut behind = None;
    steps(text, |step| {
        if let Some(tag) = step.tag() {
            match (step.depth, tag.local_name().as_ref()) {
                (0, _) => root = prefix(tag),
                (2, "row") => {
                    row = number(attribute(tag, "r")).unwrap_or(row.saturating_add(1));
                    column = 0;
                    let styled =
                        attribute(tag, "customFormat").is_some_and(|word| matches!(word.as_str(), "1" | "true"));
                    row_style = attribute(tag, "s").filter(|_| styled).and_then(|id| id.parse().ok()).unwrap_or(0);
                    let rows = rows(&mut left, row, marks, styles, &root)?;
                    edits.insert(step.span.start, rows);
                    if step.is_empty() {
                        let cells = cells(&mut left, row, u32::MAX, row_style, marks, styles, &root)?;
                        if !cells.is_empty() {
                            let open = with(tag, false, &[]);
                            edits.replace(step.span.clone(), format!("{open}{cells}</{root}row>"));
                        }
                    }
                }
                (3, "c") => {
                    column = attribute(tag, "r")
                        .and_then(|name| cell_of(&name))
                        .map_or(column.saturating_add(1), |cell| cell.0);
                    let made = cells(&mut left, row, column, row_style, marks, styles, &root)?;
                    edits.insert(step.span.start, made);
                    let style = attribute(tag, "s").and_then(|id| id.parse().ok()).unwrap_or(0);
                    let wanted = match marks.get(&(row, column)) {
                        Some(severity) => Some(styles.marked(style, *severity)?),
                        None => styles.unmarked(style)?,
                    };
                    left.remove(&(row, column));
                    if let Some(wanted) = wanted {
                        let tag = with(tag, step.is_empty(), &[("s", &wanted.to_string())]);
                        edits.replace(step.span.clone(), tag);
                    }
                }
                (1, "sheetData") if step.is_empty() => {
                    let rows = rows(&mut left, u32::MAX, marks, styles, &root)?;
                    if !rows.is_empty() {
                        edits.replace(step.span.clone(), format!("<{root}sheetData>{rows}</{root}sheetData>"));
                    }
                }
                _ => {}
            }
        } else if step.depth == 2 && step.ends("row") {
            let made = cells(&mut left, row, u32::MAX, row_style, marks, styles, &root)?;
            edits.insert(step.span.start, made);
        } else if step.depth == 1 && step.ends("sheetData") {
            let made = rows(&mut left, u32::MAX, marks, styles, &root)?;
            edits.insert(step.span.start, made);
        }
        if step.depth == 1 && BEFORE_DRAWING.iter().any(|name| step.ends(name)) {
            behind = Some(step.span.end);
        }
        Ok(true)
    })?;
    if let Some(drawing) = drawing {
        let space = match strict {
            true => "http://purl.oclc.org/ooxml/officeDocument/relationships",
            false => "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        };
        let made = format!("<{root}legacyDrawing xmlns:r=\"{space}\" r:id=\"{drawing}\"/>");
        edits.insert(behind.ok_or_else(damaged)?, made);
    }
    edits.done()
}

/// Cells of a row before a column that are not there.
fn cells(
    left: &mut BTreeSet<Cell>,
    row: u32,
    before: u32,
    style: usize,
    marks: &BTreeMap<Cell, Severity>,
    styles: &mut Styles,
    root: &str,
) -> Result<String, Finding> {
    let mut out = String::new();
    while let Some(&cell) = left.range((row, 0)..(row, before)).next() {
        left.remove(&cell);
        let Some(&severity) = marks.get(&cell) else { continue };
        let style = styles.marked(style, severity)?;
        out.push_str(&format!("<{root}c r=\"{}\" s=\"{style}\"/>", cell_name(cell.1, cell.0)));
    }
    Ok(out)
}

/// Rows before one that are not there.
fn rows(
    left: &mut BTreeSet<Cell>,
    before: u32,
    marks: &BTreeMap<Cell, Severity>,
    styles: &mut Styles,
    root: &str,
) -> Result<String, Finding> {
    let mut out = String::new();
    while let Some(&(row, _)) = left.first()
        && row < before
    {
        let cells = cells(left, row, u32::MAX, 0, marks, styles, root)?;
        out.push_str(&format!("<{root}row r=\"{row}\">{cells}</{root}row>"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sheet: &str, cells: &[Cell], expected: &str) {
        let mut styles = Styles::read(None).unwrap();
        let marks = cells.iter().map(|cell| (*cell, Severity::Error)).collect();
        assert_eq!(mark(sheet, &marks, &mut styles, None, false).unwrap(), expected);
    }

    #[test]
    fn cells_and_rows_that_are_not_there_are_made() {
        check(
            "<w><sheetData><row r=\"2\"><c r=\"B2\" s=\"0\"><v>1</v></c><c><v>2</v></c></row><row r=\"5\"/></sheetData><z/></w>",
            &[(1, 1), (2, 1), (2, 2), (2, 9), (5, 3), (7, 1)],
            "<w><sheetData><row r=\"1\"><c r=\"A1\" s=\"1\"/></row><row r=\"2\"><c r=\"A2\" s=\"1\"/><c r=\"B2\" s=\"1\"><v>1</v></c><c>\
             <v>2</v></c><c r=\"I2\" s=\"1\"/></row><row r=\"5\"><c r=\"C5\" s=\"1\"/></row><row r=\"7\"><c r=\"A7\" s=\"1\"/></row>\
             </sheetData><z/></w>",
        );
        check(
            "<w><sheetData/></w>",
            &[(3, 3)],
            "<w><sheetData><row r=\"3\"><c r=\"C3\" s=\"1\"/></row></sheetData></w>",
        );
    }

    #[test]
    fn the_drawing_stands_where_it_must() {
        let sheet = "<x:w><x:sheetData/><x:pageMargins a=\"1\"/><x:drawing r:id=\"a\"/><x:tableParts/></x:w>";
        let marked = mark(sheet, &BTreeMap::new(), &mut Styles::read(None).unwrap(), Some("d1"), false).unwrap();
        assert!(marked.contains("<x:drawing r:id=\"a\"/><x:legacyDrawing xmlns:r="), "{marked}");
        assert_eq!(look(&marked).unwrap().drawing.as_deref(), Some("d1"));
    }

    #[test]
    fn what_is_meant_is_shown_by_a_cell() {
        let look = look(
            "<w><sheetData><row><c/><c/><c><v>1</v></c></row></sheetData><mergeCells><mergeCell ref=\"B2:C4\"/></mergeCells></w>",
        );
        let look = look.unwrap();
        assert_eq!(look.cell(Spot::Row(1)), (1, 3));
        assert_eq!(look.cell(Spot::Cell((4, 3))), (2, 2));
        assert_eq!((look.cell(Spot::Row(9)), look.cell(Spot::Sheet)), ((9, 1), (1, 1)));
    }
}
