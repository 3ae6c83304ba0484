//! A workbook as its sender gets it back: the sender's own package, in which the cells that findings point to have another
//! fill and a comment with what is wrong. Everything else in it stays as it was. An XLS file and a table of text come back as
//! an XLSX of their values, so marked. Marks of ours from before are taken away first.
//!
//! Left out: threaded comments, which spreadsheets show in place of the plain one on the same cell; a digital signature of the
//! workbook does not hold any more.

mod cells;
mod comments;
mod edit;
mod styles;
mod values;

use std::collections::BTreeMap;

use bytes::Bytes;

use self::edit::{Edits, prefix, steps, with};
use self::styles::Styles;
use super::UNPACKED;
use super::book::damaged;
use super::package::{Package, attribute, is_workbook};
use super::write::too_large;
use super::xlsx::{self, Parts, cell_of};
use crate::format::{Hint, Limits};
use crate::model::finding::{Finding, Language, Severity};

/// Row and column, from 1.
type Cell = (u32, u32);

/// Cells of a workbook that are marked.
const MOST_CELLS: usize = 1_000;
/// Findings told in one comment.
const MOST_TEXTS: usize = 10;

/// What a finding points to on a sheet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Spot {
    /// The sheet as a whole.
    Sheet,
    /// A row.
    Row(u32),
    /// A cell.
    Cell(Cell),
}

/// What is to be said at one spot.
struct Remark<'f> {
    sheet: Option<&'f str>,
    spot: Spot,
    finding: &'f Finding,
}

/// Marks what findings say in the bytes they are about.
pub fn mark(
    bytes: Bytes,
    hint: &Hint,
    limits: &Limits,
    findings: &[Finding],
    language: Language,
) -> Result<Vec<u8>, Finding> {
    let told: Vec<&Finding> = findings.iter().filter(|finding| finding.severity != Severity::Note).collect();
    if is_workbook(&bytes) {
        let remarks = told.into_iter().map(remark).collect();
        return marked(bytes, limits, remarks, language);
    }
    let values = values::values(bytes, hint, limits, language)?;
    let remarks = told.into_iter().map(|finding| values.remark(finding)).collect();
    marked(values.bytes.clone(), limits, remarks, language)
}

fn remark(finding: &Finding) -> Remark<'_> {
    let place = &finding.place;
    let cell = place.cell.as_deref().and_then(cell_of).map(|(column, row)| (row, column));
    let spot = match (cell, place.line) {
        (Some(cell), _) => Spot::Cell(cell),
        (None, Some(row)) if place.sheet.is_some() => Spot::Row(row),
        _ => Spot::Sheet,
    };
    Remark { sheet: place.sheet.as_deref(), spot, finding }
}

/// What is said at one cell.
struct Said {
    severity: Severity,
    texts: Vec<String>,
}

fn marked(bytes: Bytes, limits: &Limits, mut remarks: Vec<Remark<'_>>, language: Language) -> Result<Vec<u8>, Finding> {
    let mut package = Package::open(bytes, limits.whole_bytes.saturating_mul(UNPACKED))?;
    let parts = xlsx::parts(&mut package)?;
    // The worst first, so that those are told where there are too many.
    remarks.sort_by_key(|remark| std::cmp::Reverse(remark.finding.severity));
    let first = remarks.iter().find_map(|remark| remark.sheet.and_then(|name| index(&parts, name))).unwrap_or(0);
    let had = parts.styles.clone();
    let mut styles = Styles::read(match &had {
        Some(path) => package.part(path)?,
        None => None,
    })?;
    let mut job = Job { package, changed: BTreeMap::new(), language, cells: 0 };
    for (number, sheet) in parts.sheets.iter().enumerate() {
        let own: Vec<&Remark<'_>> = remarks
            .iter()
            .filter(|remark| remark.sheet.and_then(|name| index(&parts, name)).unwrap_or(first) == number)
            .collect();
        job.sheet(&sheet.path, number + 1, &own, &mut styles)?;
    }
    let path = match had {
        Some(path) => path,
        None => {
            let path = job.free("xl/styles", "xml");
            job.relate("xl/workbook.xml", "styles", &path, false)?;
            job.content_type(&path, "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml")?;
            path
        }
    };
    job.changed.insert(path, styles.done()?);
    job.package.with(job.changed).map_err(|_| too_large())
}

fn index(parts: &Parts, name: &str) -> Option<usize> {
    parts.sheets.iter().position(|sheet| sheet.name == name)
}

/// The path of the relationships of a part.
fn relations_of(part: &str) -> String {
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    format!("{folder}/_rels/{name}.rels").trim_start_matches('/').to_owned()
}

/// The path of a part that another names.
fn path_from(part: &str, target: &str) -> String {
    if let Some(whole) = target.strip_prefix('/') {
        return whole.to_owned();
    }
    let mut steps: Vec<&str> = part.split('/').collect();
    steps.pop();
    for step in target.split('/') {
        match step {
            ".." => {
                steps.pop();
            }
            "." => {}
            name => steps.push(name),
        }
    }
    steps.join("/")
}

/// A package while it is marked.
struct Job {
    package: Package,
    changed: BTreeMap<String, String>,
    language: Language,
    /// Cells that were marked.
    cells: usize,
}

impl Job {
    fn part(&mut self, path: &str) -> Result<Option<String>, Finding> {
        match self.changed.get(path) {
            Some(text) => Ok(Some(text.clone())),
            None => self.package.part(path),
        }
    }

    /// A path that no part has.
    fn free(&self, stem: &str, ending: &str) -> String {
        let taken = |path: &String| self.package.has(path) || self.changed.contains_key(path);
        let mut paths = (1..u32::MAX).map(|number| format!("{stem}{number}.{ending}"));
        paths.find(|path| !taken(path)).unwrap_or_default()
    }

    /// Marks one sheet. One without findings is only rid of marks from before, if it has comments at all.
    fn sheet(
        &mut self,
        path: &str,
        number: usize,
        remarks: &[&Remark<'_>],
        styles: &mut Styles,
    ) -> Result<(), Finding> {
        let relations = self.relations(path)?;
        let find = |kind: &str| {
            let found = relations.iter().find(|relation| relation.kind.ends_with(kind));
            found.map(|relation| path_from(path, &relation.target))
        };
        let comments = find("/comments");
        if remarks.is_empty() && comments.is_none() {
            return Ok(());
        }
        let text = self.part(path)?.ok_or_else(damaged)?;
        let look = cells::look(&text)?;
        let mut said: BTreeMap<Cell, Said> = BTreeMap::new();
        for remark in remarks {
            let cell = look.cell(remark.spot);
            if !said.contains_key(&cell) {
                if self.cells >= MOST_CELLS {
                    continue;
                }
                self.cells += 1;
            }
            let one = said.entry(cell).or_insert(Said { severity: Severity::Warning, texts: Vec::new() });
            one.severity = one.severity.max(remark.finding.severity);
            let text = remark.finding.text(self.language);
            if one.texts.len() < MOST_TEXTS && !one.texts.contains(&text) {
                one.texts.push(text);
            }
        }
        let texts: BTreeMap<Cell, String> = said.iter().map(|(cell, said)| (*cell, said.texts.join("\n"))).collect();
        let old = match &comments {
            Some(path) => self.part(path)?,
            None => None,
        };
        let commented = comments::comment(old.as_deref(), &texts)?;
        let comments = match comments {
            Some(path) => path,
            None => {
                let made = self.free("xl/comments", "xml");
                self.relate(path, "comments", &made, look.strict)?;
                self.content_type(&made, "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml")?;
                made
            }
        };
        let named = look.drawing.as_ref().and_then(|id| relations.iter().find(|relation| relation.id == *id));
        let (drawing, id) = match named {
            Some(relation) => (path_from(path, &relation.target), None),
            None => {
                let made = self.free("xl/drawings/vmlDrawing", "vml");
                let id = self.relate(path, "vmlDrawing", &made, look.strict)?;
                self.content_type(&made, "application/vnd.openxmlformats-officedocument.vmlDrawing")?;
                (made, look.drawing.is_none().then_some(id))
            }
        };
        let old = self.part(&drawing)?;
        let drawn = comments::draw(old.as_deref(), number, &commented, &texts)?;
        let marks = said.into_iter().map(|(cell, said)| (cell, said.severity)).collect();
        let sheet = cells::mark(&text, &marks, styles, id.as_deref(), look.strict)?;
        self.changed.insert(comments, commented.text);
        self.changed.insert(drawing, drawn);
        self.changed.insert(path.to_owned(), sheet);
        Ok(())
    }

    fn relations(&mut self, part: &str) -> Result<Vec<Relation>, Finding> {
        let Some(text) = self.part(&relations_of(part))? else { return Ok(Vec::new()) };
        let mut list = Vec::new();
        steps(&text, |step| {
            if let Some(tag) = step.starts("Relationship") {
                let said = |name| attribute(tag, name).unwrap_or_default();
                list.push(Relation { id: said("Id"), kind: said("Type"), target: said("Target") });
            }
            Ok(true)
        })?;
        Ok(list)
    }

    /// Adds a relationship of a part to another; its id.
    fn relate(&mut self, part: &str, kind: &str, to: &str, strict: bool) -> Result<String, Finding> {
        let path = relations_of(part);
        let known = self.relations(part)?;
        let ids = (1..u32::MAX).map(|number| format!("dure{number}"));
        let id = ids.into_iter().find(|id| known.iter().all(|one| one.id != *id)).unwrap_or_default();
        let base = match strict {
            true => "http://purl.oclc.org/ooxml/officeDocument/relationships",
            false => "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        };
        let empty = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<Relationships \
                     xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"></Relationships>";
        let text = self.part(&path)?.unwrap_or_else(|| empty.to_owned());
        let added = |root: &str| format!("<{root}Relationship Id=\"{id}\" Type=\"{base}/{kind}\" Target=\"/{to}\"/>");
        let text = append(&text, added)?;
        self.changed.insert(path, text);
        Ok(id)
    }

    /// Says what a new part is.
    fn content_type(&mut self, part: &str, content_type: &str) -> Result<(), Finding> {
        let path = "[Content_Types].xml";
        let text = self.part(path)?.ok_or_else(damaged)?;
        // Drawings of comments are known by their ending.
        let ending = part.rsplit_once('.').map_or("", |(_, ending)| ending);
        let known = ending == "vml" && text.to_ascii_lowercase().contains("extension=\"vml\"");
        if !known {
            let added = |root: &str| match ending {
                "vml" => format!("<{root}Default Extension=\"vml\" ContentType=\"{content_type}\"/>"),
                _ => format!("<{root}Override PartName=\"/{part}\" ContentType=\"{content_type}\"/>"),
            };
            let text = append(&text, added)?;
            self.changed.insert(path.to_owned(), text);
        }
        Ok(())
    }
}

/// A relationship of a part.
struct Relation {
    id: String,
    kind: String,
    target: String,
}

/// Adds an element at the end of the outermost one.
fn append(text: &str, made: impl Fn(&str) -> String) -> Result<String, Finding> {
    let mut edits = Edits::of(text);
    let mut root = String::new();
    steps(text, |step| {
        if step.depth > 0 {
            return Ok(true);
        }
        if let Some(tag) = step.tag() {
            root = prefix(tag);
            if step.is_empty() {
                let name = tag.name();
                let name: &str = name.as_ref();
                let open = with(tag, false, &[]);
                edits.replace(step.span.clone(), format!("{open}{}</{name}>", made(&root)));
            }
        } else if matches!(step.event, quick_xml::events::Event::End(_)) {
            edits.insert(step.span.start, made(&root));
        }
        Ok(true)
    })?;
    edits.done()
}

#[cfg(test)]
mod tests;
