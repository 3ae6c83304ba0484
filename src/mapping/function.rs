//! Functions that join several values on one side with several on the other. The list is closed, and each has its
//! inverse here beside it. What is one value on either side (text, codes) is not a function but a rule.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::codes::Table;
use super::moment;
use crate::model::party_id::PartyId;
use crate::model::tree::NodeId;

/// One of the functions.
#[derive(Clone, Debug)]
pub(super) enum Function {
    /// Date and time of ours; 2380 and 2379.
    Moment,
    /// Start and end of ours, each date and time; 2380 and 2379 of a day or span, of the first day, of the last day (the
    /// last two only where the row names three places).
    Period,
    /// A party identifier of ours; 3039, 1131 and 3055.
    Party,
    /// A party identifier of ours and a number without a scheme; the one or the other in one text.
    PartyText,
    /// Several fields of ours; one text.
    Same,
    /// A party identifier of ours; 0004 or 0010, and 0007.
    Partner,
    /// A word of ours and the code it was read from, where that is not the one written for it; a code.
    Codes(Arc<Table>),
    /// Texts of ours, the last of which may be many; pieces of a width. A piece that is full goes on in the next one, so
    /// that joining needs no mark; what is one text of ours has a line end between pieces that are not full.
    Wrap {
        /// Characters of a piece.
        width: u16,
        /// Most pieces.
        most: u16,
        /// Position of the first piece in its composite.
        base: u16,
        /// Whether the last of ours is a list.
        list: bool,
    },
}

/// A value that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'t> {
    pub(super) node: NodeId,
    pub(super) text: &'t str,
    /// Its position in its composite, 0 if it has none.
    pub(super) component: u16,
}

/// A value to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Made {
    pub(super) text: String,
    /// What it was made from.
    pub(super) node: NodeId,
    pub(super) component: u16,
}

/// What a function gives back.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// For each output its values.
    pub(super) made: Vec<Vec<Made>>,
    /// Values that were not taken, or not wholly.
    pub(super) lost: Vec<NodeId>,
    /// Values that are none of their kind, and what was expected.
    pub(super) bad: Vec<(NodeId, &'static str)>,
    /// Codes without a word, and their table.
    pub(super) unknown: Vec<(NodeId, String)>,
}

/// Schemes that have an agency code of their own (UN/EDIFACT 3055), or a list name of ours (1131) under ZZZ.
const AGENCIES: &[(&str, &str, &str)] =
    &[("gln", "", "9"), ("duns", "", "16"), ("brn", "BRN", "ZZZ"), ("dure", "DUR", "ZZZ")];

/// What a date is called in findings.
const A_DATE: &str = "a date in its format";

impl Function {
    /// Their words to ours.
    pub(super) fn read(&self, inputs: &[Vec<Found<'_>>], outputs: usize) -> Outcome {
        match self {
            Function::Moment => read_moment(inputs),
            Function::Period => read_period(inputs),
            Function::Party => read_party(inputs),
            Function::Partner => read_partner(inputs),
            Function::PartyText => read_party_text(inputs),
            Function::Same => read_same(inputs, outputs),
            Function::Codes(table) => read_codes(table, inputs),
            Function::Wrap { width, base, list, .. } => unwrap(inputs, outputs, usize::from(*width), *base, *list),
        }
    }

    /// Our words to theirs.
    pub(super) fn write(&self, inputs: &[Vec<Found<'_>>], outputs: usize) -> Outcome {
        match self {
            Function::Moment => write_moment(inputs),
            Function::Period => write_period(inputs, outputs),
            Function::Party => write_party(inputs),
            Function::Partner => write_partner(inputs),
            Function::PartyText | Function::Same => write_same(inputs),
            Function::Codes(table) => write_codes(table, inputs),
            Function::Wrap { width, most, base, .. } => wrap(inputs, usize::from(*width), usize::from(*most), *base),
        }
    }
}

fn first<'a, 't>(inputs: &'a [Vec<Found<'t>>], index: usize) -> Option<&'a Found<'t>> {
    inputs.get(index)?.first()
}

fn text<'t>(inputs: &[Vec<Found<'t>>], index: usize) -> &'t str {
    first(inputs, index).map_or("", |found| found.text)
}

/// Everything behind the first of each.
fn surplus(inputs: &[Vec<Found<'_>>], outcome: &mut Outcome) {
    outcome.lost.extend(inputs.iter().flat_map(|list| list.iter().skip(1)).map(|found| found.node));
}

fn one(text: impl Into<String>, node: NodeId) -> Vec<Made> {
    let text = text.into();
    if text.is_empty() { Vec::new() } else { vec![Made { text, node, component: 0 }] }
}

/// The first place that can be read gives the value; the others are lost.
fn read_moment(inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new(), Vec::new()], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    for place in (0..inputs.len()).step_by(2) {
        let Some(value) = first(inputs, place) else { continue };
        let format = first(inputs, place + 1);
        match moment::read(value.text, text(inputs, place + 1)) {
            Some(found) if outcome.made.iter().all(Vec::is_empty) => {
                outcome.made = vec![one(found.date.0, value.node), one(found.time.0, value.node)];
            }
            Some(_) => outcome.lost.extend([value].into_iter().chain(format).map(|found| found.node)),
            None => {
                if moment::knows(text(inputs, place + 1)) {
                    outcome.bad.push((value.node, A_DATE));
                }
                outcome.lost.extend([value].into_iter().chain(format).map(|found| found.node));
            }
        }
    }
    outcome
}

fn write_moment(inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new(), Vec::new()], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    let (date, time) = (first(inputs, 0), first(inputs, 1));
    match date.and_then(|date| Some((date.node, moment::write(date.text, text(inputs, 1))?))) {
        Some((node, written)) => {
            outcome.made = vec![one(written.value, node), one(written.format, node)];
            if written.shortened {
                outcome.lost.push(time.map_or(node, |time| time.node));
            }
        }
        None => outcome.lost.extend(date.into_iter().chain(time).map(|found| found.node)),
    }
    outcome
}

fn read_period(inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new(); 4], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    for place in 0..inputs.len() / 2 {
        let Some(value) = first(inputs, place * 2) else { continue };
        let format = first(inputs, place * 2 + 1);
        let said = format.map_or("", |found| found.text);
        let single = moment::read(value.text, said);
        let found = match (place, single) {
            // A day is a period that starts and ends on it.
            (0, Some(day)) => Some((Some(day.clone()), Some(day))),
            (0, None) => moment::read_span(value.text, said).map(|(start, end)| (Some(start), Some(end))),
            (1, Some(start)) => Some((Some(start), None)),
            (_, Some(end)) => Some((None, Some(end))),
            (_, None) => None,
        };
        let nodes = [value].into_iter().chain(format).map(|found| found.node);
        let Some((start, end)) = found else {
            if moment::knows(said) {
                outcome.bad.push((value.node, A_DATE));
            }
            outcome.lost.extend(nodes);
            continue;
        };
        let mut taken = false;
        for (at, moment) in [(0, start), (2, end)] {
            let Some(moment) = moment else { continue };
            let free = outcome.made.get(at).is_some_and(Vec::is_empty);
            if free && let [date, time] = &mut outcome.made[at..at + 2] {
                *date = one(moment.date.0, value.node);
                *time = one(moment.time.0, value.node);
                taken = true;
            }
        }
        if !taken {
            outcome.lost.extend(nodes);
        }
    }
    outcome
}

fn write_period(inputs: &[Vec<Found<'_>>], outputs: usize) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new(); outputs], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    let moment = |at: usize| {
        let date = first(inputs, at)?;
        Some((date.node, moment::write(date.text, text(inputs, at + 1))?))
    };
    let (start, end) = (moment(0), moment(2));
    // A time without its date, a date that is none, a zone.
    for (at, written) in [(0, &start), (2, &end)] {
        if written.as_ref().is_none_or(|(_, written)| written.shortened) {
            let which = if written.is_some() && first(inputs, at + 1).is_some() { at + 1..at + 2 } else { at..at + 2 };
            outcome.lost.extend(which.filter_map(|index| first(inputs, index)).map(|found| found.node));
        }
    }
    let mut put = |place: usize, node: NodeId, value: String, format: &str| {
        if let Some([a, b]) = outcome.made.get_mut(place * 2..place * 2 + 2) {
            *a = one(value, node);
            *b = one(format, node);
        }
    };
    match (start, end) {
        (Some((node, start)), Some((_, end))) if start.value == end.value => put(0, node, start.value, start.format),
        (start, end) if outputs >= 6 => {
            for (place, written) in [(1, start), (2, end)] {
                if let Some((node, written)) = written {
                    put(place, node, written.value, written.format);
                }
            }
        }
        (Some((node, _)), Some(_)) => {
            if let Some(written) = moment::write_span(text(inputs, 0), text(inputs, 2)) {
                put(0, node, written.value, written.format);
            }
            outcome.lost.extend([1, 3].into_iter().filter_map(|index| first(inputs, index)).map(|found| found.node));
        }
        (start, end) => {
            let one = if start.is_some() { 0..2 } else { 2..4 };
            if start.is_some() || end.is_some() {
                outcome.lost.extend(one.filter_map(|index| first(inputs, index)).map(|found| found.node));
            }
        }
    }
    outcome
}

fn read_party(inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new()], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    for place in (0..inputs.len()).step_by(3) {
        let Some(value) = first(inputs, place) else { continue };
        let (list, agency) = (text(inputs, place + 1), text(inputs, place + 2));
        let known =
            AGENCIES.iter().find(|(_, own_list, own)| *own == agency && (own_list.is_empty() || *own_list == list));
        match known {
            Some((scheme, own_list, _)) if outcome.made.iter().all(Vec::is_empty) => {
                outcome.made = vec![one(PartyId::new(scheme, value.text).to_string(), value.node)];
                if own_list.is_empty() {
                    outcome.lost.extend(first(inputs, place + 1).map(|found| found.node));
                }
            }
            _ => outcome.lost.extend((place..place + 3).filter_map(|at| first(inputs, at)).map(|found| found.node)),
        }
    }
    outcome
}

fn write_party(inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new(); 3], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    let Some(value) = first(inputs, 0) else { return outcome };
    let Ok(id) = value.text.parse::<PartyId>() else {
        outcome.lost.push(value.node);
        return outcome;
    };
    match AGENCIES.iter().find(|(scheme, _, _)| *scheme == id.scheme) {
        Some((_, list, agency)) if id.value.chars().count() <= 35 => {
            outcome.made = vec![one(id.value, value.node), one(*list, value.node), one(*agency, value.node)];
        }
        _ => outcome.lost.push(value.node),
    }
    outcome
}

fn read_partner(inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new()], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    match (first(inputs, 0), text(inputs, 1)) {
        (Some(value), qualifier) if !qualifier.is_empty() => {
            let id = PartyId::new(&format!("edifact:{qualifier}"), value.text);
            outcome.made = vec![one(id.to_string(), value.node)];
        }
        // Without a scheme it is no party identifier of ours.
        (value, _) => outcome.lost.extend(value.map(|value| value.node)),
    }
    outcome
}

fn write_partner(inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new(); 2], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    let Some(value) = first(inputs, 0) else { return outcome };
    let id = value.text.parse::<PartyId>().ok();
    let written = id.as_ref().and_then(|id| {
        let own = id.scheme.strip_prefix("edifact:").map(str::to_ascii_uppercase);
        let qualifier = own.or_else(|| id.edifact_qualifier().map(str::to_owned))?;
        // ZZ stands for several schemes of ours, and would be read as none of them.
        (PartyId::new(&format!("edifact:{qualifier}"), &id.value) == *id).then_some((id, qualifier))
    });
    match written {
        Some((id, qualifier)) if id.value.chars().count() <= 35 => {
            outcome.made = vec![one(id.value.as_str(), value.node), one(qualifier, value.node)];
        }
        _ => outcome.lost.push(value.node),
    }
    outcome
}

fn read_party_text(inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new(), Vec::new()], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    if let Some(value) = first(inputs, 0) {
        outcome.made = match value.text.parse::<PartyId>() {
            Ok(id) => vec![one(id.to_string(), value.node), Vec::new()],
            Err(_) => vec![Vec::new(), one(value.text, value.node)],
        };
    }
    outcome
}

fn read_same(inputs: &[Vec<Found<'_>>], outputs: usize) -> Outcome {
    let mut outcome = Outcome::default();
    surplus(inputs, &mut outcome);
    outcome.made =
        (0..outputs).map(|_| first(inputs, 0).map_or(Vec::new(), |found| one(found.text, found.node))).collect();
    outcome
}

/// The first of several; those that say something else are lost.
fn write_same(inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new()], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    let mut all = inputs.iter().filter_map(|list| list.first());
    if let Some(taken) = all.next() {
        outcome.lost.extend(all.filter(|other| other.text != taken.text).map(|other| other.node));
        outcome.made = vec![one(taken.text, taken.node)];
    }
    outcome
}

/// A percentage to a factor, or a factor to a percentage; none when it is no number.
pub(super) fn percent(text: &str, reading: bool) -> Option<String> {
    let number: Decimal = text.parse().ok()?;
    let hundred = Decimal::ONE_HUNDRED;
    let scaled = if reading { number.checked_div(hundred)? } else { number.checked_mul(hundred)? };
    Some(scaled.normalize().to_string())
}

fn read_codes(table: &Table, inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new(); 2], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    let Some(code) = first(inputs, 0) else { return outcome };
    let word = table.read(code.text);
    if word.is_none() {
        outcome.unknown.push((code.node, table.name.clone()));
    }
    let usual = word.and_then(|word| table.write(word));
    let kept = if usual == Some(code.text) { "" } else { code.text };
    outcome.made = vec![one(word.unwrap_or(""), code.node), one(kept, code.node)];
    outcome
}

fn write_codes(table: &Table, inputs: &[Vec<Found<'_>>]) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new()], ..Outcome::default() };
    surplus(inputs, &mut outcome);
    let (word, kept) = (first(inputs, 0), first(inputs, 1));
    // The kept code counts as long as it says what the word says.
    match (word, kept) {
        (word, Some(kept)) if table.read(kept.text) == word.map(|word| word.text) => {
            outcome.made = vec![one(kept.text, kept.node)];
        }
        (Some(word), kept) => {
            match table.write(word.text) {
                Some(code) => outcome.made = vec![one(code, word.node)],
                None => outcome.lost.push(word.node),
            }
            outcome.lost.extend(kept.map(|kept| kept.node));
        }
        (None, kept) => outcome.lost.extend(kept.map(|kept| kept.node)),
    }
    outcome
}

/// Pieces to texts.
fn unwrap(inputs: &[Vec<Found<'_>>], outputs: usize, width: usize, base: u16, list: bool) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new(); outputs.max(1)], ..Outcome::default() };
    let mut texts: Vec<Option<Made>> = Vec::new();
    let (mut full, mut next) = (false, 0_u16);
    for piece in inputs.iter().flatten() {
        let position = piece.component.saturating_sub(base);
        if piece.component > 0 && base > 0 {
            // Positions that were left empty.
            while next < position && next < 99 {
                texts.push(None);
                full = false;
                next += 1;
            }
        }
        next = next.saturating_add(1);
        match texts.last_mut() {
            Some(Some(last)) if full => last.text.push_str(piece.text),
            _ => texts.push(Some(Made { text: piece.text.to_owned(), node: piece.node, component: 0 })),
        }
        full = piece.text.chars().count() == width;
    }
    let last = outputs.saturating_sub(1);
    for (index, made) in texts.into_iter().enumerate() {
        let Some(mut made) = made else { continue };
        let Some(output) = outcome.made.get_mut(index.min(last)) else { continue };
        made.text.truncate(made.text.trim_end().len());
        match output.last_mut() {
            Some(before) if !list => {
                before.text.push('\n');
                before.text.push_str(&made.text);
            }
            _ => output.push(made),
        }
    }
    outcome
}

/// Texts to pieces.
fn wrap(inputs: &[Vec<Found<'_>>], width: usize, most: usize, base: u16) -> Outcome {
    let mut outcome = Outcome { made: vec![Vec::new()], ..Outcome::default() };
    let mut pieces: Vec<Made> = Vec::new();
    let mut used = 0;
    for (index, input) in inputs.iter().enumerate() {
        if input.is_empty() && inputs.iter().skip(index + 1).any(|later| !later.is_empty()) {
            used += 1;
        }
        for found in input {
            for line in found.text.split('\n') {
                let line = line.trim_end_matches('\r');
                let characters: Vec<char> = line.chars().collect();
                for chunk in characters.chunks(width.max(1)) {
                    if used >= most {
                        if outcome.lost.last() != Some(&found.node) {
                            outcome.lost.push(found.node);
                        }
                        continue;
                    }
                    let component = if base > 0 { base.saturating_add(u16::try_from(used).unwrap_or(0)) } else { 0 };
                    pieces.push(Made { text: chunk.iter().collect(), node: found.node, component });
                    used += 1;
                }
            }
        }
    }
    outcome.made = vec![pieces];
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[&[&'static str]]) -> Vec<Vec<Found<'static>>> {
        let mut number = 0;
        let mut one = |text: &'static str| {
            number += 1;
            Found { node: NodeId(number), text, component: 0 }
        };
        texts.iter().map(|list| list.iter().map(|text| one(text)).collect()).collect()
    }

    fn spell(outcome: &Outcome) -> String {
        let lists: Vec<String> = outcome
            .made
            .iter()
            .map(|list| list.iter().map(|made| made.text.as_str()).collect::<Vec<_>>().join("|"))
            .collect();
        format!("{} lost {} bad {}", lists.join(" "), outcome.lost.len(), outcome.bad.len())
    }

    fn check_read(function: &Function, inputs: &[&[&'static str]], outputs: usize, expected: &str) {
        assert_eq!(spell(&function.read(&found(inputs), outputs)), expected, "{inputs:?}");
    }

    fn check_write(function: &Function, inputs: &[&[&'static str]], outputs: usize, expected: &str) {
        assert_eq!(spell(&function.write(&found(inputs), outputs)), expected, "{inputs:?}");
    }

    #[test]
    fn moments() {
        check_read(&Function::Moment, &[&["202601310805"], &["203"]], 2, "2026-01-31 08:05:00 lost 0 bad 0");
        check_read(&Function::Moment, &[&["202605"], &["610"]], 2, "  lost 2 bad 0");
        check_read(&Function::Moment, &[&["20260230"], &["102"]], 2, "  lost 2 bad 1");
        check_write(&Function::Moment, &[&["2026-01-31"], &["08:05:00"]], 2, "202601310805 203 lost 0 bad 0");
        check_write(&Function::Moment, &[&["2026-01-31"], &["08:05:00Z"]], 2, "202601310805 203 lost 1 bad 0");
        check_write(&Function::Moment, &[&[], &["08:05:00"]], 2, "  lost 1 bad 0");
    }

    #[test]
    fn periods() {
        let day = "2026-01-31";
        check_read(&Function::Period, &[&["20260131"], &["102"]], 4, "2026-01-31  2026-01-31  lost 0 bad 0");
        check_write(&Function::Period, &[&[day], &[], &[day], &[]], 2, "20260131 102 lost 0 bad 0");
        check_write(&Function::Period, &[&["2026-01-01"], &[], &[day], &[]], 2, "20260101-20260131 718 lost 0 bad 0");
        check_read(&Function::Period, &[&["20260101-20260131"], &["718"]], 4, "2026-01-01  2026-01-31  lost 0 bad 0");
        let six: [&[&str]; 6] = [&[], &[], &["20260101"], &["102"], &["20260131"], &["102"]];
        check_read(&Function::Period, &six, 4, "2026-01-01  2026-01-31  lost 0 bad 0");
        check_write(
            &Function::Period,
            &[&["2026-01-01"], &[], &[day], &[]],
            6,
            "  20260101 102 20260131 102 lost 0 bad 0",
        );
        check_write(&Function::Period, &[&[], &[], &[day], &[]], 6, "    20260131 102 lost 0 bad 0");
        check_write(&Function::Period, &[&[], &[], &[day], &[]], 2, "  lost 1 bad 0");
        check_write(&Function::Period, &[&[], &["08:00:00"], &[], &[]], 6, "      lost 1 bad 0");
    }

    #[test]
    fn parties() {
        check_read(&Function::Party, &[&["8801234500012"], &[], &["9"]], 1, "gln:8801234500012 lost 0 bad 0");
        check_write(&Function::Party, &[&["gln:8801234500012"]], 3, "8801234500012  9 lost 0 bad 0");
        check_read(&Function::Party, &[&["1234567891"], &["BRN"], &["ZZZ"]], 1, "brn:1234567891 lost 0 bad 0");
        check_write(&Function::Party, &[&["brn:1234567891"]], 3, "1234567891 BRN ZZZ lost 0 bad 0");
        check_read(&Function::Party, &[&["77"], &[], &["92"]], 1, " lost 2 bad 0");
        check_write(&Function::Party, &[&["vat:77"]], 3, "   lost 1 bad 0");
    }

    #[test]
    fn partners() {
        check_read(&Function::Partner, &[&["8801234500012"], &["14"]], 1, "gln:8801234500012 lost 0 bad 0");
        check_write(&Function::Partner, &[&["gln:8801234500012"]], 2, "8801234500012 14 lost 0 bad 0");
        check_read(&Function::Partner, &[&["ACME"], &["31B"]], 1, "edifact:31b:ACME lost 0 bad 0");
        check_write(&Function::Partner, &[&["edifact:31b:ACME"]], 2, "ACME 31B lost 0 bad 0");
        check_read(&Function::Partner, &[&["ACME"], &[]], 1, " lost 1 bad 0");
    }

    #[test]
    fn party_texts_and_sameness() {
        check_read(&Function::PartyText, &[&["brn:1234567891"]], 2, "brn:1234567891  lost 0 bad 0");
        check_read(&Function::PartyText, &[&["A-77"]], 2, " A-77 lost 0 bad 0");
        check_write(&Function::PartyText, &[&["brn:1234567891"], &["A-77"]], 1, "brn:1234567891 lost 1 bad 0");
        check_write(&Function::PartyText, &[&[], &["A-77"]], 1, "A-77 lost 0 bad 0");
        check_read(&Function::Same, &[&["7"]], 2, "7 7 lost 0 bad 0");
        check_write(&Function::Same, &[&["7"], &["7"]], 1, "7 lost 0 bad 0");
        check_write(&Function::Same, &[&["7"], &["8"]], 1, "7 lost 1 bad 0");
    }

    #[test]
    fn percentages() {
        assert_eq!(percent("20", true).as_deref(), Some("0.2"));
        assert_eq!(percent("0.2", false).as_deref(), Some("20"));
        assert_eq!(percent("7.5", true).as_deref(), Some("0.075"));
        assert_eq!(percent("much", true), None);
    }

    #[test]
    fn codes_keep_what_the_word_does_not_say() {
        let text = "[any]\naccepted = [\"5\", \"29\"]\n";
        let table = Function::Codes(Arc::new(Table::load("c", "c", text, "ubl").unwrap().unwrap()));
        let check_read = |code: &'static str, expected: &str| {
            assert_eq!(spell(&table.read(&found(&[&[code]]), 2)), expected, "{code}");
        };
        check_read("5", "accepted  lost 0 bad 0");
        check_read("29", "accepted 29 lost 0 bad 0");
        check_read("77", " 77 lost 0 bad 0");
        let check_write = |word: &[&'static str], kept: &[&'static str], expected: &str| {
            assert_eq!(spell(&table.write(&found(&[word, kept]), 1)), expected, "{word:?} {kept:?}");
        };
        check_write(&["accepted"], &[], "5 lost 0 bad 0");
        check_write(&["accepted"], &["29"], "29 lost 0 bad 0");
        check_write(&[], &["77"], "77 lost 0 bad 0");
        check_write(&["accepted"], &["77"], "5 lost 1 bad 0");
        check_write(&["odd"], &[], " lost 1 bad 0");
    }

    #[test]
    fn wrapping() {
        let lines = Function::Wrap { width: 5, most: 4, base: 0, list: false };
        check_write(&lines, &[&["abcdefg\nhi"]], 1, "abcde|fg|hi lost 0 bad 0");
        check_read(&lines, &[&["abcde", "fg", "hi"]], 1, "abcdefg\nhi lost 0 bad 0");
        check_write(&lines, &[&["abcdefghijklmnopqrstuvw"]], 1, "abcde|fghij|klmno|pqrst lost 1 bad 0");
        let names = Function::Wrap { width: 5, most: 4, base: 0, list: true };
        check_write(&names, &[&["abcdefg", "hi"]], 1, "abcde|fg|hi lost 0 bad 0");
        check_read(&names, &[&["abcde", "fg", "hi"]], 1, "abcdefg|hi lost 0 bad 0");
        check_read(&names, &[&["가나다라마", "바"]], 1, "가나다라마바 lost 0 bad 0");
    }

    #[test]
    fn wrapping_over_several_fields_keeps_their_places() {
        let street = Function::Wrap { width: 5, most: 4, base: 1, list: true };
        let outcome = street.write(&found(&[&[], &["b"], &["c", "d"]]), 1);
        let components: Vec<u16> = outcome.made[0].iter().map(|made| made.component).collect();
        assert_eq!(components, [2, 3, 4]);
        let inputs: Vec<Found<'_>> = outcome.made[0]
            .iter()
            .map(|made| Found { node: made.node, text: &made.text, component: made.component })
            .collect();
        assert_eq!(spell(&street.read(&[inputs], 3)), " b c|d lost 0 bad 0");
    }
}
