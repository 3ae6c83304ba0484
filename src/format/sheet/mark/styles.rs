//! Styles of cells (ECMA-376 part 1, 18.8) with a fill that marks them. What the cell's own fill was is kept in the fill as the
//! colour behind it, which nobody sees, so that the mark can be taken away again.

use rustc_hash::FxHashMap;

use super::super::package::attribute;
use super::edit::{Edits, prefix, steps, with};
use crate::model::finding::{Finding, Severity};

/// The colours of marks. Nobody else uses just these.
const ERROR: &str = "FFFFC6CF";
const WARNING: &str = "FFFFEC9B";

/// A styles part for a workbook without one.
const EMPTY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<styleSheet \
    xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><fonts count=\"1\"><font><sz val=\"11\"/>\
    <name val=\"Calibri\"/></font></fonts><borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
    <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs></styleSheet>";

/// A fill, as far as it matters here.
#[derive(Clone, Default)]
struct Fill {
    /// The attribute of the colour of a plain fill, `rgb="FF00FF00"`; none for patterns and gradients.
    front: Option<String>,
    back: Option<String>,
    ours: bool,
}

/// The style of cells.
#[derive(Clone)]
struct Style {
    text: String,
    fill: usize,
}

/// The styles of a workbook.
pub(super) struct Styles {
    text: String,
    fills: Vec<Fill>,
    styles: Vec<Style>,
    had: (usize, usize),
    new_fills: Vec<String>,
    marked: FxHashMap<(usize, bool), usize>,
    plain: FxHashMap<usize, usize>,
}

impl Styles {
    /// Of a styles part; without one a new one is made.
    pub(super) fn read(text: Option<String>) -> Result<Styles, Finding> {
        let text = text.unwrap_or_else(|| EMPTY.to_owned());
        let (mut fills, mut styles) = (Vec::new(), Vec::new());
        let (mut inside, mut fill, mut start) = ("", Fill::default(), 0);
        let mut id = 0;
        steps(&text, |step| {
            if let Some(tag) = step.tag() {
                match (step.depth, tag.local_name().as_ref()) {
                    (1, "fills") => inside = "fills",
                    (1, "cellXfs") => inside = "cellXfs",
                    (1, _) => inside = "",
                    (2, "fill") => fill = Fill::default(),
                    (2, "xf") if inside == "cellXfs" => {
                        start = step.span.start;
                        id = attribute(tag, "fillId").and_then(|id| id.parse().ok()).unwrap_or(0);
                    }
                    (3, "patternFill") if attribute(tag, "patternType").as_deref() == Some("solid") => {
                        fill.front = Some(String::new());
                    }
                    (4, name @ ("fgColor" | "bgColor")) => {
                        let colour =
                            ["rgb", "theme", "indexed"].into_iter().find_map(|key| Some((key, attribute(tag, key)?)));
                        let tint = attribute(tag, "tint").map_or(String::new(), |tint| format!(" tint=\"{tint}\""));
                        let said = colour.map(|(key, value)| format!("{key}=\"{value}\"{tint}"));
                        match name {
                            "fgColor" if fill.front.is_some() => fill.front = said,
                            _ => fill.back = said,
                        }
                    }
                    _ => {}
                }
            }
            if inside == "fills" && step.depth == 2 && step.ends("fill") {
                let mut done = std::mem::take(&mut fill);
                let ours = |front: &String| [ERROR, WARNING].iter().any(|colour| front.contains(colour));
                done.ours = done.front.as_ref().is_some_and(ours);
                fills.push(done);
            }
            if inside == "cellXfs" && step.depth == 2 && step.ends("xf") {
                styles.push(Style { text: text.get(start..step.span.end).unwrap_or("").to_owned(), fill: id });
            }
            Ok(true)
        })?;
        let had = (fills.len(), styles.len());
        if fills.is_empty() {
            // Two that every workbook has (18.8.21).
            fills = vec![Fill::default(), Fill::default()];
        }
        if styles.is_empty() {
            let text = "<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>".to_owned();
            styles.push(Style { text, fill: 0 });
        }
        Ok(Styles {
            text,
            fills,
            styles,
            had,
            new_fills: Vec::new(),
            marked: FxHashMap::default(),
            plain: FxHashMap::default(),
        })
    }

    /// The style like another with a fill that marks it.
    pub(super) fn marked(&mut self, base: usize, severity: Severity) -> Result<usize, Finding> {
        let error = severity == Severity::Error;
        if let Some(&known) = self.marked.get(&(base, error)) {
            return Ok(known);
        }
        let own = self.own_fill(base);
        let behind = own.unwrap_or_else(|| "indexed=\"64\"".to_owned());
        let fill = self.fill(&format!("rgb=\"{}\"", if error { ERROR } else { WARNING }), &behind);
        let made = self.like(base, fill)?;
        self.marked.insert((base, error), made);
        Ok(made)
    }

    /// For a style with a mark the one without; none for others.
    pub(super) fn unmarked(&mut self, base: usize) -> Result<Option<usize>, Finding> {
        let style = self.styles.get(base);
        if !style.and_then(|style| self.fills.get(style.fill)).is_some_and(|fill| fill.ours) {
            return Ok(None);
        }
        if let Some(&known) = self.plain.get(&base) {
            return Ok(Some(known));
        }
        let fill = self.own_fill(base).map_or(0, |front| self.fill(&front, "indexed=\"64\""));
        let made = self.like(base, fill)?;
        self.plain.insert(base, made);
        Ok(Some(made))
    }

    /// The colour of a style's own plain fill, below a mark if it has one.
    fn own_fill(&self, base: usize) -> Option<String> {
        let fill = self.fills.get(self.styles.get(base)?.fill)?;
        let own = if fill.ours {
            fill.back.clone().filter(|back| !back.contains("indexed=\"64\""))
        } else {
            fill.front.clone()
        };
        own.filter(|own| !own.is_empty())
    }

    fn fill(&mut self, front: &str, back: &str) -> usize {
        let known = self
            .fills
            .iter()
            .position(|fill| fill.front.as_deref() == Some(front) && fill.back.as_deref() == Some(back));
        known.unwrap_or_else(|| {
            let ours = front.contains(ERROR) || front.contains(WARNING);
            self.fills.push(Fill { front: Some(front.to_owned()), back: Some(back.to_owned()), ours });
            self.new_fills.push(format!("{front}|{back}"));
            self.fills.len() - 1
        })
    }

    fn like(&mut self, base: usize, fill: usize) -> Result<usize, Finding> {
        let text = self.styles.get(base).or(self.styles.first()).map_or(String::new(), |style| style.text.clone());
        let mut edits = Edits::of(&text);
        steps(&text, |step| {
            if let Some(tag) = step.tag() {
                let id = fill.to_string();
                let tag = with(tag, step.is_empty(), &[("fillId", &id), ("applyFill", "1")]);
                edits.replace(step.span.clone(), tag);
            }
            Ok(false)
        })?;
        let text = edits.done()?;
        if let Some(known) = self.styles.iter().position(|style| style.text == text) {
            return Ok(known);
        }
        self.styles.push(Style { text, fill });
        Ok(self.styles.len() - 1)
    }

    /// The part with what was added.
    pub(super) fn done(self) -> Result<String, Finding> {
        let mut root = String::new();
        let mut edits = Edits::of(&self.text);
        let mut fills = String::new();
        let count_fills = self.fills.len().to_string();
        let count_styles = self.styles.len().to_string();
        let (mut has_fills, mut has_styles) = (false, false);
        let styles: String = self.styles.iter().skip(self.had.1).map(|style| style.text.as_str()).collect();
        steps(&self.text, |step| {
            if let (0, Some(tag)) = (step.depth, step.tag()) {
                root = prefix(tag);
                if self.had.0 == 0 {
                    fills.push_str(&format!(
                        "<{root}fill><{root}patternFill patternType=\"none\"/></{root}fill><{root}fill><{root}patternFill \
                         patternType=\"gray125\"/></{root}fill>"
                    ));
                }
                for fill in &self.new_fills {
                    let (front, back) = fill.split_once('|').unwrap_or((fill, ""));
                    fills.push_str(&format!(
                        "<{root}fill><{root}patternFill patternType=\"solid\"><{root}fgColor {front}/><{root}bgColor {back}/>\
                         </{root}patternFill></{root}fill>"
                    ));
                }
            }
            if step.depth != 1 {
                return Ok(true);
            }
            if let Some(tag) = step.tag() {
                let name = tag.local_name();
                let name: &str = name.as_ref();
                let behind_fills = !matches!(name, "numFmts" | "fonts" | "fills");
                if behind_fills && !has_fills {
                    has_fills = true;
                    let made = format!("<{root}fills count=\"{count_fills}\">{fills}</{root}fills>");
                    edits.insert(step.span.start, made);
                }
                let behind_styles = behind_fills && !matches!(name, "borders" | "cellStyleXfs" | "cellXfs");
                if behind_styles && !has_styles {
                    has_styles = true;
                    let made = format!("<{root}cellXfs count=\"{count_styles}\">{styles}</{root}cellXfs>");
                    edits.insert(step.span.start, made);
                }
                let (added, count) = match name {
                    "fills" => (&fills, &count_fills),
                    "cellXfs" => (&styles, &count_styles),
                    _ => return Ok(true),
                };
                has_fills |= name == "fills";
                has_styles |= name == "cellXfs";
                let mut open = with(tag, false, &[("count", count)]);
                if step.is_empty() {
                    open.push_str(&format!("{added}</{root}{name}>"));
                }
                edits.replace(step.span.clone(), open);
            } else if step.ends("fills") {
                edits.insert(step.span.start, fills.clone());
            } else if step.ends("cellXfs") {
                edits.insert(step.span.start, styles.clone());
            }
            Ok(true)
        })?;
        let mut text = edits.done()?;
        let missing = match (has_fills, has_styles) {
            (_, true) => return Ok(text),
            (true, false) => String::new(),
            (false, false) => format!("<{root}fills count=\"{count_fills}\">{fills}</{root}fills>"),
        };
        let made = format!("{missing}<{root}cellXfs count=\"{count_styles}\">{styles}</{root}cellXfs>");
        match text.rfind("</") {
            Some(end) => text.insert_str(end, &made),
            None => return Err(super::super::book::damaged()),
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YELLOW: &str = "<styleSheet xmlns=\"m\"><fonts><font/></fonts><fills count=\"3\"><fill><patternFill patternType=\"none\"/></fill>\
        <fill><patternFill patternType=\"gray125\"/></fill><fill><patternFill patternType=\"solid\"><fgColor theme=\"4\" tint=\"0.5\"/>\
        </patternFill></fill></fills><borders/><cellXfs count=\"2\"><xf fillId=\"0\"/><xf numFmtId=\"14\" fillId=\"2\"><alignment/></xf>\
        </cellXfs><cellStyles/></styleSheet>";

    #[test]
    fn a_mark_keeps_the_format_and_is_taken_away_again() {
        let mut styles = Styles::read(Some(YELLOW.to_owned())).unwrap();
        let red = styles.marked(1, Severity::Error).unwrap();
        assert_eq!((red, styles.marked(1, Severity::Error).unwrap()), (2, 2));
        assert_eq!(styles.marked(0, Severity::Warning).unwrap(), 3);
        assert_eq!(styles.unmarked(1).unwrap(), None);
        let text = styles.done().unwrap();
        let part = "<xf numFmtId=\"14\" fillId=\"3\" applyFill=\"1\"><alignment/></xf>";
        assert!(
            text.contains(part) && text.contains("<cellXfs count=\"4\">") && text.contains("<fills count=\"5\">"),
            "{text}"
        );
        let mut again = Styles::read(Some(text)).unwrap();
        let plain = again.unmarked(red).unwrap().unwrap();
        assert_eq!(again.unmarked(red).unwrap(), Some(plain));
        assert!(again.unmarked(plain).unwrap().is_none());
        let text = again.done().unwrap();
        assert!(text.contains("<fgColor theme=\"4\" tint=\"0.5\"/><bgColor indexed=\"64\"/>"), "{text}");
    }

    #[test]
    fn what_is_not_there_is_made() {
        for text in
            [None, Some("<x:styleSheet><x:cellXfs><x:xf fillId=\"0\"/></x:cellXfs></x:styleSheet>"), Some("<s></s>")]
        {
            let mut styles = Styles::read(text.map(str::to_owned)).unwrap();
            let marked = styles.marked(7, Severity::Error).unwrap();
            let text = styles.done().unwrap();
            let mut again = Styles::read(Some(text.clone())).unwrap();
            assert!(again.unmarked(marked).unwrap().is_some(), "{text}");
            assert!(text.find("fills ").unwrap() < text.find("cellXfs").unwrap(), "{text}");
        }
    }
}
