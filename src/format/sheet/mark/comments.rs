//! The comments of a sheet (ECMA-376 part 1, 18.7) and the drawing of their boxes (part 4, VML), which spreadsheets need for
//! them. Comments of others stay; a comment of ours on such a cell is put behind theirs. What is left of an earlier mark is
//! taken away.

use std::collections::{BTreeMap, BTreeSet};

use super::super::package::{attribute, push_text};
use super::super::xlsx::cell_of;
use super::Cell;
use super::edit::{Edits, prefix, steps, xml_text};
use crate::model::finding::{Finding, cell as cell_name};

/// Whose comments these are.
const AUTHOR: &str = "dure";

/// What stands before ours in the comment of somebody else.
const BEHIND: &str = "[dure]";

const EMPTY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<comments \
    xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><authors/><commentList/></comments>";

const EMPTY_DRAWING: &str = "<xml xmlns:v=\"urn:schemas-microsoft-com:vml\" xmlns:o=\"urn:schemas-microsoft-com:office:office\" \
    xmlns:x=\"urn:schemas-microsoft-com:office:excel\"></xml>";

/// The part with the comments that are wanted, the cells whose boxes go, and those that need one.
pub(super) struct Commented {
    pub(super) text: String,
    pub(super) gone: BTreeSet<Cell>,
    pub(super) fresh: BTreeSet<Cell>,
}

/// Puts comments on cells.
pub(super) fn comment(part: Option<&str>, wanted: &BTreeMap<Cell, String>) -> Result<Commented, Finding> {
    let part = part.unwrap_or(EMPTY);
    let mut edits = Edits::of(part);
    let (mut authors, mut author, mut own) = (0usize, String::new(), None);
    let (mut at, mut ours, mut start, mut root) = (None::<Cell>, false, 0, String::new());
    let (mut gone, mut told) = (BTreeSet::new(), BTreeSet::new());
    let (mut piece, mut cut, mut in_piece) = (0..0, None::<usize>, false);
    let mut said = String::new();
    let mut list = false;
    steps(part, |step| {
        if let (0, Some(tag)) = (step.depth, step.tag()) {
            root = prefix(tag);
        }
        if step.starts("author").is_some() {
            author.clear();
        }
        if step.ends("author") {
            if author == AUTHOR {
                own = own.or(Some(authors));
            }
            authors += 1;
        }
        if step.ends("authors") && own.is_none() {
            own = Some(authors);
            let made = format!("<{root}author>{AUTHOR}</{root}author>");
            match step.is_empty() {
                true => edits.replace(step.span.clone(), format!("<{root}authors>{made}</{root}authors>")),
                false => edits.insert(step.span.start, made),
            }
        }
        if let Some(tag) = step.starts("comment") {
            at = attribute(tag, "ref").and_then(|name| cell_of(&name)).map(|(column, row)| (row, column));
            let by = attribute(tag, "authorId").and_then(|id| id.parse::<usize>().ok());
            (ours, start, cut) = (by.is_some() && by == own, step.span.start, None);
        }
        // A text that stands alone becomes a run, so that another can stand behind it.
        let joined = !ours && at.is_some_and(|cell| wanted.contains_key(&cell));
        if step.depth == 4 && step.starts("t").is_some() && joined {
            edits.insert(step.span.start, format!("<{root}r>"));
        }
        if step.depth >= 4 && step.starts("t").is_some() {
            (in_piece, piece) = (!step.is_empty(), step.span.end..step.span.end);
            said.clear();
        } else if step.ends("t") && step.depth >= 4 {
            in_piece = false;
            if let (None, Some(found), false) = (cut, said.find(BEHIND), ours) {
                cut = Some(found);
                let before = said.get(..found).unwrap_or("").trim_end();
                edits.replace(piece.start..step.span.start, xml_text(before));
            } else if cut.is_some() && !ours {
                edits.replace(piece.start..step.span.start, String::new());
            }
        } else if in_piece {
            push_text(&mut said, step.event);
        }
        if step.depth == 4 && step.ends("t") && joined {
            edits.insert(step.span.end, format!("</{root}r>"));
        }
        if author.len() < AUTHOR.len() * 2 {
            push_text(&mut author, step.event);
        }
        if step.ends("text")
            && !ours
            && let Some(cell) = at
            && let Some(text) = wanted.get(&cell)
            && told.insert(cell)
        {
            let made = run(&root, &format!("\n\n{BEHIND}\n{text}"));
            match step.is_empty() {
                true => edits.replace(step.span.clone(), format!("<{root}text>{made}</{root}text>")),
                false => edits.insert(step.span.start, made),
            }
        }
        if step.ends("comment") {
            if ours {
                edits.replace(start..step.span.end, String::new());
                gone.extend(at);
            }
            (at, ours) = (None, false);
        }
        if step.ends("commentList") {
            list = true;
            let own = own.unwrap_or(0);
            let mut made = String::new();
            for (cell, text) in wanted.iter().filter(|(cell, _)| !told.contains(*cell)) {
                let name = cell_name(cell.1, cell.0);
                made.push_str(&format!(
                    "<{root}comment ref=\"{name}\" authorId=\"{own}\"><{root}text>{}</{root}text></{root}comment>",
                    run(&root, text)
                ));
            }
            match step.is_empty() {
                true => edits.replace(step.span.clone(), format!("<{root}commentList>{made}</{root}commentList>")),
                false => edits.insert(step.span.start, made),
            }
        }
        Ok(true)
    })?;
    if !list {
        return Err(super::super::book::damaged());
    }
    let made: BTreeSet<Cell> = wanted.keys().filter(|cell| !told.contains(*cell)).copied().collect();
    let fresh = made.difference(&gone).copied().collect();
    let gone = gone.difference(&made).copied().collect();
    Ok(Commented { text: edits.done()?, gone, fresh })
}

fn run(root: &str, text: &str) -> String {
    format!(
        "<{root}r><{root}rPr><{root}sz val=\"9\"/><{root}color indexed=\"81\"/><{root}rFont val=\"Tahoma\"/></{root}rPr>\
         <{root}t xml:space=\"preserve\">{}</{root}t></{root}r>",
        xml_text(text)
    )
}

/// Draws the boxes of comments that are new, and takes those away that are gone. `sheet` counts from 1.
pub(super) fn draw(
    part: Option<&str>,
    sheet: usize,
    commented: &Commented,
    wanted: &BTreeMap<Cell, String>,
) -> Result<String, Finding> {
    let part = part.unwrap_or(EMPTY_DRAWING);
    let mut edits = Edits::of(part);
    let (mut start, mut row, mut column) = (None, None::<u32>, None::<u32>);
    let (mut value, mut last, mut shape_type) = (String::new(), 0u64, false);
    let block = u64::try_from(sheet).unwrap_or(1).saturating_mul(1024);
    steps(part, |step| {
        if let Some(tag) = step.tag() {
            match tag.local_name().as_ref() {
                "shape" => {
                    (start, row, column) = (Some(step.span.start), None, None);
                    let id = attribute(tag, "id").unwrap_or_default();
                    let number = id.rsplit('s').next().and_then(|number| number.parse::<u64>().ok());
                    last = last.max(number.unwrap_or(0));
                }
                "shapetype" => shape_type |= attribute(tag, "id").as_deref() == Some("_x0000_t202"),
                _ => {}
            }
            value.clear();
        }
        if value.len() < 20 {
            push_text(&mut value, step.event);
        }
        if step.ends("Row") {
            row = value.trim().parse().ok();
        } else if step.ends("Column") {
            column = value.trim().parse().ok();
        } else if step.ends("shape")
            && let Some(start) = start.take()
            && let (Some(row), Some(column)) = (row, column)
            && commented.gone.contains(&(row.saturating_add(1), column.saturating_add(1)))
        {
            edits.replace(start..step.span.end, String::new());
        }
        Ok(true)
    })?;
    let mut made = String::new();
    if last == 0 {
        made.push_str(&format!(
            "<o:shapelayout v:ext=\"edit\"><o:idmap v:ext=\"edit\" data=\"{sheet}\"/></o:shapelayout>"
        ));
    }
    if !shape_type {
        made.push_str(
            "<v:shapetype id=\"_x0000_t202\" coordsize=\"21600,21600\" o:spt=\"202\" path=\"m,l,21600r21600,l21600,xe\"><v:stroke \
             joinstyle=\"miter\"/><v:path gradientshapeok=\"t\" o:connecttype=\"rect\"/></v:shapetype>",
        );
    }
    let first = last.max(block);
    for (number, cell) in (first.saturating_add(1)..).zip(&commented.fresh) {
        let lines =
            wanted.get(cell).map_or(1, |text| text.lines().map(|line| 1 + line.chars().count() / 24).sum::<usize>());
        let height = u32::try_from(lines.clamp(2, 16)).unwrap_or(16);
        let (row, column) = (cell.0.saturating_sub(1), cell.1.saturating_sub(1));
        let (right, below) = (column.saturating_add(4), row.saturating_add(height));
        made.push_str(&format!(
            "<v:shape id=\"_x0000_s{number}\" type=\"#_x0000_t202\" style=\"position:absolute;margin-left:60pt;margin-top:2pt;\
             width:200pt;height:{}pt;z-index:{};visibility:hidden\" fillcolor=\"#ffffe1\" o:insetmode=\"auto\"><v:fill \
             color2=\"#ffffe1\"/><v:shadow on=\"t\" color=\"black\" obscured=\"t\"/><v:path o:connecttype=\"none\"/><v:textbox \
             style=\"mso-direction-alt:auto\"><div style=\"text-align:left\"></div></v:textbox><x:ClientData ObjectType=\"Note\">\
             <x:MoveWithCells/><x:SizeWithCells/><x:Anchor>{},15,{row},2,{right},15,{below},4</x:Anchor><x:AutoFill>False</x:AutoFill>\
             <x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>",
            height * 15,
            number - first,
            column.saturating_add(1),
        ));
    }
    // The names in front are those that every such drawing has; one that lacks them is not ours to mend.
    let end = part.rfind("</").ok_or_else(super::super::book::damaged)?;
    edits.insert(end, made);
    edits.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(cells: &[(Cell, &str)]) -> BTreeMap<Cell, String> {
        cells.iter().map(|(cell, text)| (*cell, (*text).to_owned())).collect()
    }

    /// Texts of comments by their cells.
    fn texts(part: &str) -> Vec<String> {
        let (mut out, mut now, mut inside) = (Vec::new(), String::new(), false);
        steps(part, |step| {
            if let Some(tag) = step.starts("comment") {
                now = attribute(tag, "ref").unwrap() + "=";
            }
            inside = (inside || step.starts("t").is_some()) && !step.ends("t");
            if inside {
                push_text(&mut now, step.event);
            }
            if step.ends("comment") {
                out.push(std::mem::take(&mut now));
            }
            Ok(true)
        })
        .unwrap();
        out
    }

    #[test]
    fn comments_of_others_stay_and_ours_go_with_the_next_mark() {
        let theirs = "<comments><authors><author>Kim</author></authors><commentList><comment ref=\"A1\" authorId=\"0\"><text><t>hi &amp; \
            ho</t></text></comment><comment ref=\"B2\" authorId=\"0\"><text><r><t>look</t></r></text></comment></commentList></comments>";
        let first = comment(Some(theirs), &wanted(&[((1, 1), "one"), ((3, 2), "two")])).unwrap();
        assert_eq!(texts(&first.text), ["A1=hi & ho\n\n[dure]\none", "B2=look", "B3=two"]);
        assert_eq!((first.fresh.len(), first.gone.len()), (1, 0));
        assert!(first.text.contains("<text><r><t>hi &amp; ho</t></r><r>"), "{}", first.text);
        let drawing = draw(None, 1, &first, &wanted(&[((3, 2), "two")])).unwrap();
        assert!(drawing.contains("<x:Row>2</x:Row><x:Column>1</x:Column>"), "{drawing}");
        let second = comment(Some(&first.text), &wanted(&[((2, 2), "three")])).unwrap();
        assert_eq!(texts(&second.text), ["A1=hi & ho", "B2=look\n\n[dure]\nthree"]);
        assert_eq!((second.fresh.len(), second.gone.len()), (0, 1));
        let drawing = draw(Some(&drawing), 1, &second, &BTreeMap::new()).unwrap();
        assert!(!drawing.contains("<x:Row>"), "{drawing}");
        let third = comment(Some(&second.text), &BTreeMap::new()).unwrap();
        assert_eq!(texts(&third.text), ["A1=hi & ho", "B2=look"]);
    }

    #[test]
    fn comments_where_there_were_none() {
        let made = comment(None, &wanted(&[((7, 2), "a_x0041_<b>")])).unwrap();
        assert_eq!(texts(&made.text), ["B7=a_x005F_x0041_<b>"]);
        assert!(comment(Some("<comments/>"), &BTreeMap::new()).is_err());
    }
}
