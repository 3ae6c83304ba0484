//! Writes a table as XLSX: one sheet, a bold header row in the language of its reader that stays in sight. Texts are text
//! cells, so that leading zeros stay; numbers and dates are numbers with a format that shows the digits they have. What is
//! written is read again as the same tree.

use std::io::{Cursor, Write};

use quick_xml::escape::escape;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::number::{from_text, serial};
use super::package::WORKBOOK;
use crate::format::Written;
use crate::format::table::Grid;
use crate::model::finding::{Code, Finding, Language, Place, cell as cell_name};
use crate::model::message::MessageType;
use crate::model::tree::Tree;
use crate::schema::simple::Base;

/// Characters that a cell may hold.
const LONGEST_CELL: usize = 32_767;

/// Digits that a spreadsheet keeps of a number.
const MOST_DIGITS: usize = 15;

/// Digits behind the point that have a style.
const MOST_DECIMALS: usize = 8;

/// The styles of `STYLES` by their number; behind them those of numbers, by how many digits stand behind the point.
mod style {
    pub(super) const HEADER: usize = 1;
    pub(super) const TEXT: usize = 2;
    pub(super) const DATE: usize = 3;
    pub(super) const NUMBER: usize = 4;
}

const CONTENT_TYPES: &str = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>"#;

const ROOT_RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;

const BOOK_RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#;

/// The main namespace.
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// Writes the rows below the root of a tree.
pub fn write(message_type: &MessageType, tree: &Tree, language: Language) -> Written {
    let mut grid = match Grid::of(&message_type.tables(), tree, "XLSX") {
        Ok(grid) => grid,
        Err(finding) => return (Vec::new(), vec![finding]),
    };
    let mut findings = std::mem::take(&mut grid.findings);
    let sheet = sheet(&grid, language, &mut findings);
    let title = match (message_type.name.as_str(), language) {
        ("Catalogue", Language::Ko) => "제품목록",
        ("Order", Language::Ko) => "주문",
        (name, _) => name,
    };
    let book = format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets>\
         <sheet name=\"{}\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
        escape(title)
    );
    let parts: [(&str, &str); 6] = [
        ("[Content_Types].xml", CONTENT_TYPES),
        ("_rels/.rels", ROOT_RELATIONS),
        (WORKBOOK, &book),
        ("xl/_rels/workbook.xml.rels", BOOK_RELATIONS),
        ("xl/styles.xml", &styles()),
        ("xl/worksheets/sheet1.xml", &sheet),
    ];
    match packed(&parts) {
        Ok(bytes) => (bytes, findings),
        Err(_) => {
            findings.push(too_large());
            (Vec::new(), findings)
        }
    }
}

/// A workbook that cannot be packed: only more than 4 GiB are refused in memory.
pub(super) fn too_large() -> Finding {
    Finding::error(Code::TooLarge, Place::default()).found("the workbook").expected("4 GiB")
}

/// A sheet's name and its rows: number and texts from column A on.
pub(super) type PlainSheet = (String, Vec<(u32, Vec<String>)>);

/// Writes texts as they are, each where it stands.
pub(super) fn plain_book(sheets: &[PlainSheet]) -> zip::result::ZipResult<Vec<u8>> {
    let (mut types, mut related, mut list) = (String::new(), String::new(), String::new());
    let mut parts: Vec<(String, String)> = Vec::new();
    for (number, (name, rows)) in (1..).zip(sheets) {
        types.push_str(&format!(
            "<Override PartName=\"/xl/worksheets/sheet{number}.xml\" \
             ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>"
        ));
        related.push_str(&format!(
            "<Relationship Id=\"rId{number}\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" \
             Target=\"worksheets/sheet{number}.xml\"/>"
        ));
        list.push_str(&format!(
            "<sheet name=\"{}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>",
            escape(name.as_str())
        ));
        parts.push((format!("xl/worksheets/sheet{number}.xml"), plain_sheet(rows)));
    }
    // What the package of one sheet says, with those of this one in its place.
    let only = "<Override PartName=\"/xl/worksheets/sheet1.xml\" \
                ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>";
    parts.push(("[Content_Types].xml".to_owned(), CONTENT_TYPES.replace(only, &types)));
    parts.push(("_rels/.rels".to_owned(), ROOT_RELATIONS.to_owned()));
    let styles_relation = related
        + "<Relationship Id=\"styles\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" \
           Target=\"styles.xml\"/>";
    parts.push((
        "xl/_rels/workbook.xml.rels".to_owned(),
        format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{styles_relation}</Relationships>"
        ),
    ));
    parts.push((
        WORKBOOK.to_owned(),
        format!(
            "<workbook xmlns=\"{MAIN}\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets>\
             {list}</sheets></workbook>"
        ),
    ));
    parts.push(("xl/styles.xml".to_owned(), styles()));
    parts.sort_by(|(a, _), (b, _)| a.cmp(b));
    let parts: Vec<(&str, &str)> = parts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    packed(&parts)
}

fn plain_sheet(rows: &[(u32, Vec<String>)]) -> String {
    let mut out = format!("<worksheet xmlns=\"{MAIN}\">");
    let columns = rows.iter().map(|(_, fields)| fields.len()).max().unwrap_or(0);
    if columns > 0 {
        out.push_str("<cols>");
        for index in 0..columns {
            let widest = rows.iter().filter_map(|(_, fields)| fields.get(index)).map(|text| width(text)).max();
            let (number, widest) = (index + 1, widest.unwrap_or(0).clamp(6, 48) + 2);
            out.push_str(&format!("<col min=\"{number}\" max=\"{number}\" width=\"{widest}\" customWidth=\"1\"/>"));
        }
        out.push_str("</cols>");
    }
    out.push_str("<sheetData>");
    for (number, fields) in rows {
        out.push_str(&format!("<row r=\"{number}\">"));
        for (column, field) in (1..).zip(fields).filter(|(_, field)| !field.is_empty()) {
            let plain: String =
                field.chars().filter(|&c| c >= ' ' || matches!(c, '\t' | '\n')).take(LONGEST_CELL).collect();
            text(&mut out, &plain, &cell_name(column, *number), style::TEXT);
        }
        out.push_str("</row>");
    }
    out.push_str("</sheetData></worksheet>");
    out
}

fn packed(parts: &[(&str, &str)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        // Without a time, so that the same document is the same bytes.
        zip.start_file(*name, SimpleFileOptions::default())?;
        zip.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n")?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

fn styles() -> String {
    let (mut formats, mut cells) = (String::new(), String::new());
    for decimals in 0..=MOST_DECIMALS {
        let id = 165 + decimals;
        let point = if decimals > 0 { "." } else { "" };
        formats.push_str(&format!("<numFmt numFmtId=\"{id}\" formatCode=\"#,##0{point}{}\"/>", "0".repeat(decimals)));
        cells.push_str(&format!(
            "<xf numFmtId=\"{id}\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>"
        ));
    }
    format!(
        "<styleSheet xmlns=\"{MAIN}\"><numFmts count=\"{count}\"><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\"/>{formats}</numFmts>\
         <fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font><font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>\
         <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
         <borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
         <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
         <cellXfs count=\"{all}\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>\
         <xf numFmtId=\"49\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\" applyFont=\"1\"/>\
         <xf numFmtId=\"49\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
         <xf numFmtId=\"164\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>{cells}</cellXfs></styleSheet>",
        count = MOST_DECIMALS + 2,
        all = style::NUMBER + MOST_DECIMALS + 1,
    )
}

fn sheet(grid: &Grid<'_>, language: Language, findings: &mut Vec<Finding>) -> String {
    let titles: Vec<String> = grid
        .columns
        .iter()
        .map(|(name, index)| match grid.kind.columns.get(*index) {
            Some(_) => grid.kind.title(*index, language),
            None => (*name).to_owned(),
        })
        .collect();
    let mut out = format!(
        "<worksheet xmlns=\"{MAIN}\"><sheetViews><sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" \
         activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews>"
    );
    if !titles.is_empty() {
        out.push_str("<cols>");
        for (index, title) in titles.iter().enumerate() {
            let texts = grid.rows.iter().filter_map(|row| row.get(index)).map(|text| width(text));
            let widest = texts.max().unwrap_or(0).max(width(title)).clamp(6, 48) + 2;
            let number = index + 1;
            out.push_str(&format!("<col min=\"{number}\" max=\"{number}\" width=\"{widest}\" customWidth=\"1\"/>"));
        }
        out.push_str("</cols>");
    }
    out.push_str("<sheetData><row r=\"1\">");
    for (column, title) in (1..).zip(&titles) {
        text(&mut out, title, &cell_name(column, 1), style::HEADER);
    }
    out.push_str("</row>");
    for (number, row) in (2..).zip(&grid.rows) {
        out.push_str(&format!("<row r=\"{number}\">"));
        for ((column, (name, index)), field) in (1..).zip(&grid.columns).zip(row) {
            let base = grid.kind.columns.get(*index).map_or(Base::String, |column| column.base);
            if !cell(&mut out, field, &cell_name(column, number), base) {
                let finding = Finding::error(Code::NotCarried, Place::path(*name));
                findings.push(finding.found(field).expected("XLSX"));
            }
        }
        out.push_str("</row>");
    }
    out.push_str("</sheetData></worksheet>");
    out
}

/// Columns of a text on a screen: Korean letters take two.
fn width(text: &str) -> usize {
    text.lines().next().unwrap_or("").chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// A cell; false if it cannot hold the text.
fn cell(out: &mut String, field: &str, name: &str, base: Base) -> bool {
    if field.is_empty() {
        return true;
    }
    let known = match base {
        Base::Decimal | Base::Integer => number(field).map(|decimals| (field.to_owned(), style::NUMBER + decimals)),
        Base::Date => serial(field).map(|days| (days.to_string(), style::DATE)),
        _ => None,
    };
    if let Some((value, style)) = known {
        out.push_str(&format!("<c r=\"{name}\" s=\"{style}\"><v>{value}</v></c>"));
        return true;
    }
    let fits = field.chars().count() <= LONGEST_CELL && !field.chars().any(|c| c < ' ' && !matches!(c, '\t' | '\n'));
    if fits {
        text(out, field, name, style::TEXT);
    }
    fits
}

/// How many digits behind the point show a number as it is written here, if a number cell can hold it.
fn number(text: &str) -> Option<usize> {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    if !plain || digits > MOST_DIGITS || decimals > MOST_DECIMALS {
        return None;
    }
    let shown = super::number::Seen::Decimals(decimals).show(from_text(text)?, false);
    (shown == text).then_some(decimals)
}

/// A text cell. What looks like an escape is escaped.
fn text(out: &mut String, text: &str, name: &str, style: usize) {
    let text = text.replace("_x", "_x005F_x");
    out.push_str(&format!(
        "<c r=\"{name}\" s=\"{style}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>",
        escape(text)
    ));
}
