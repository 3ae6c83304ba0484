//! From the rules of a scope to its two programs.

use std::sync::Arc;

use super::codes::Table;
use super::file::{Offset, Source, Way};
use super::function::Function;
use super::resolve::{Step, Want};
use super::rule::{Constant, End, Kind, Port, Program, Rule};
use super::trie::{Builder, Goal, How, Put};
use crate::error::Result;
use crate::model::name::Name;

/// A rule with its paths from the node of the scope.
pub(super) struct Raw {
    pub(super) ours: Vec<Vec<Step>>,
    pub(super) theirs: Vec<Vec<Step>>,
    pub(super) kind: RawKind,
    pub(super) way: Way,
    /// A word of ours.
    pub(super) default: Option<String>,
    pub(super) fill: Option<String>,
    pub(super) must: bool,
    pub(super) inherit: Option<u8>,
    pub(super) hoist: Option<u8>,
    /// Whether ours is a list.
    pub(super) list: bool,
    pub(super) source: Arc<Source>,
    pub(super) at: Offset,
}

/// What a rule does.
#[derive(Clone)]
pub(super) enum RawKind {
    Text,
    Percent,
    Codes(Arc<Table>),
    Record(u32),
    Several(Function),
    Count(Name),
}

/// A fixed value on either side.
pub(super) struct Fixed {
    pub(super) steps: Vec<Step>,
    /// Accepted values, the first is written; none at all for what is passed over.
    pub(super) values: Vec<String>,
    pub(super) always: bool,
    /// Not kept when nothing beside it is carried.
    pub(super) quiet: bool,
    /// From which step on it is kept for the sake of what is around it.
    pub(super) keep_from: Option<usize>,
    pub(super) source: Arc<Source>,
    pub(super) at: Offset,
}

/// All of a scope.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) raws: Vec<Raw>,
    pub(super) ours: Vec<Fixed>,
    pub(super) theirs: Vec<Fixed>,
}

/// Fields of a record that the machine itself looks after.
pub(super) struct Own {
    /// Where `unmapped` stands.
    pub(super) unmapped: Option<Step>,
    /// Where a party's identifier stands, and into which list it goes.
    pub(super) party: Option<(Step, Option<Name>)>,
}

/// The program of one direction, and the slot of the list a party's identifier goes into.
pub(super) fn program(rules: &Rules, reading: bool, own: &Own) -> Result<(Program, Option<Port>)> {
    let mut program = Program::default();
    let (mut from, mut to) = (Builder::new(false), Builder::new(true));
    let mut ports: Port = 0;
    let mut into = None;
    let end = |index: u16, output: usize, record: bool, step: Option<&Step>| {
        let longest = step.map_or(u32::MAX, |step| step.longest);
        Goal::End(End { index, output: u16::try_from(output).unwrap_or(0), longest, record })
    };
    for raw in &rules.raws {
        if raw.way == (if reading { Way::Write } else { Way::Read }) {
            continue;
        }
        let record = matches!(raw.kind, RawKind::Record(_));
        let index = u16::try_from(program.rules.len()).unwrap_or(u16::MAX);
        let (inputs, outputs) = if reading { (&raw.theirs, &raw.ours) } else { (&raw.ours, &raw.theirs) };
        let mut slots = Vec::new();
        for steps in inputs {
            let how = How { repeat: repeated(raw, steps, reading), ..How::default() };
            match from.put(steps, end(ports, 0, record, steps.last()), how) {
                Put::Done => {}
                Put::Taken => return Err(raw.source.wrong(raw.at, "another row takes what stands there")),
                Put::Clash => {
                    return Err(raw.source.wrong(raw.at, "a record is taken whole there, and a row goes below it"));
                }
            }
            slots.push(ports);
            ports += 1;
        }
        if !reading
            && let (Some((_, Some(list))), [steps]) = (&own.party, inputs.as_slice())
            && steps.len() == 1
            && steps.first().map(|step| step.name) == Some(*list)
        {
            into = slots.first().copied();
        }
        // Of several places the first is written, but for functions that use them all, and lists that fill them in turn.
        let many = matches!(raw.kind, RawKind::Several(_));
        let written = outputs.iter().take(if many || reading || raw.list { usize::MAX } else { 1 });
        let mut count = 0;
        for (output, steps) in written.enumerate() {
            let always = if reading {
                raw.default.is_some() || raw.inherit.is_some()
            } else {
                let count = matches!(raw.kind, RawKind::Count(_));
                raw.default.is_some() || raw.fill.is_some() || raw.hoist.is_some() || count
            };
            let how =
                How { always, repeat: repeated(raw, steps, !reading), keep_from: (raw.must && !reading).then_some(0) };
            match to.put(steps, end(index, output, record, steps.last()), how) {
                Put::Done => {}
                Put::Taken => return Err(raw.source.wrong(raw.at, "another row writes what stands there")),
                Put::Clash => {
                    return Err(raw.source.wrong(raw.at, "a record is written whole there, and a row goes below it"));
                }
            }
            count += 1;
        }
        let kind = match &raw.kind {
            RawKind::Text => Kind::Text,
            RawKind::Percent => Kind::Percent,
            RawKind::Codes(table) => Kind::Codes(Arc::clone(table)),
            RawKind::Record(scope) => Kind::Record(*scope),
            RawKind::Count(name) => {
                program.counts.extend(slots.iter().map(|&port| (port, *name)));
                Kind::Count(*name)
            }
            RawKind::Several(function) => {
                program.several.push(index);
                let position = u16::try_from(program.several.len() - 1).unwrap_or(u16::MAX);
                Kind::Several { function: function.clone(), outputs: count, position }
            }
        };
        if let (Some(register), false) = (raw.inherit, reading) {
            program.inherited.extend(slots.iter().map(|&port| (port, register)));
        }
        let default = raw.default.as_deref().and_then(|word| match &raw.kind {
            RawKind::Codes(table) if !reading => table.write(word),
            _ => Some(word),
        });
        program.rules.push(Rule {
            kind,
            inputs: slots.into(),
            default: default.map(Into::into),
            fill: raw.fill.as_deref().map(Into::into),
            inherit: raw.inherit,
            hoist: raw.hoist,
        });
    }
    if !reading {
        if let Some(step) = &own.unmapped
            && from.put(std::slice::from_ref(step), end(ports, 0, true, None), How::default()) == Put::Done
        {
            program.unmapped = Some(ports);
            ports += 1;
        }
        if let Some((step, _)) = &own.party
            && from.put(std::slice::from_ref(step), end(ports, 0, false, None), How::default()) == Put::Done
        {
            program.party_id = Some(ports);
            ports += 1;
        }
    }
    for fixed in chosen(rules).iter().chain(&rules.theirs) {
        constant(fixed, fixed.keep_from, if reading { &mut from } else { &mut to }, !reading)?;
    }
    for fixed in &rules.ours {
        constant(fixed, beside(fixed, &rules.raws), if reading { &mut to } else { &mut from }, reading)?;
    }
    // Kept as long as the hub runs.
    program.rules.shrink_to_fit();
    let inputs: Vec<Vec<Port>> = program.rules.iter().map(|rule| rule.inputs.to_vec()).collect();
    let feeds = |rule: u16| inputs.get(usize::from(rule)).cloned().unwrap_or_default();
    program.gates_from = usize::from(ports);
    program.from = from.finish(&feeds, &mut ports);
    program.to = to.finish(&feeds, &mut 0);
    program.slots = usize::from(ports);
    Ok((program, into))
}

/// Values that choose nodes on the way to others: they are written with them.
fn chosen(rules: &Rules) -> Vec<Fixed> {
    let mut fixed = Vec::new();
    for raw in &rules.raws {
        let record = matches!(raw.kind, RawKind::Record(_));
        for steps in &raw.theirs {
            for (index, step) in steps.iter().enumerate() {
                // The values of a record's own node are in its scope.
                let own = record && index + 1 == steps.len();
                let Some((path, values)) = step.test.as_ref().and_then(|test| match &test.want {
                    Want::OneOf(values) if !own => Some((&test.path, values)),
                    _ => None,
                }) else {
                    continue;
                };
                let before = steps.get(..=index).unwrap_or_default();
                fixed.push(Fixed {
                    steps: before.iter().chain(path).cloned().collect(),
                    values: values.clone(),
                    always: false,
                    quiet: matches!(raw.kind, RawKind::Count(_)),
                    keep_from: Some(index + 1),
                    source: Arc::clone(&raw.source),
                    at: raw.at,
                });
            }
        }
    }
    fixed
}

/// A fixed value of ours is there for the sake of the innermost record that other rows fill as well.
fn beside(fixed: &Fixed, raws: &[Raw]) -> Option<usize> {
    let common = |steps: &Vec<Step>| steps.iter().zip(&fixed.steps).take_while(|(a, b)| a.name == b.name).count();
    let shared = raws.iter().flat_map(|raw| &raw.ours).map(common).max().unwrap_or(0);
    Some(shared.max(fixed.keep_from.unwrap_or(0)))
}

fn constant(fixed: &Fixed, keep_from: Option<usize>, builder: &mut Builder, to: bool) -> Result<()> {
    if to && fixed.values.is_empty() {
        return Ok(());
    }
    let texts = fixed.values.iter().map(|value| value.clone().into_boxed_str()).collect();
    let how = How { always: fixed.always && to, keep_from: keep_from.filter(|_| to), repeat: None };
    match builder.put(&fixed.steps, Goal::Constant(Constant { texts, always: fixed.always, quiet: fixed.quiet }), how) {
        // Where a value stands anyway it says as much.
        Put::Done | Put::Taken => Ok(()),
        Put::Clash => {
            Err(fixed.source.wrong(fixed.at, "a record is taken whole there, so that nothing below it can be"))
        }
    }
}

/// The step before the last that is there once for each of a list.
fn repeated(raw: &Raw, steps: &[Step], theirs: bool) -> Option<usize> {
    if !raw.list || !theirs {
        return None;
    }
    let last = steps.iter().rposition(|step| step.most > 1)?;
    (last + 1 < steps.len()).then_some(last)
}
