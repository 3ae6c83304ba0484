//! From files to a compiled mapping: the rows of every fragment are resolved at the place it is used, against the record
//! of ours and the grammar of theirs. Everything that names what does not exist is an error with its place.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::codes::Table;
use super::file::{Alternative, File, Fragment, Row, Source, Way, Word};
use super::function::Function;
use super::program::{Fixed, Own, Raw, RawKind, Rules, program};
use super::resolve::{Ours, Resolver, Step, StepTest, Theirs, Want, ours};
use super::rule::{Carries, PartyId, Scope};
use super::{Mapping, Pivot, packing, table};
use crate::error::{Error, Result};
use crate::model::document_type::DocumentType;
use crate::model::message::MessageType;
use crate::model::name::Name;
use crate::model::record::Record;
use crate::schema::grammar::{Grammar, TypeId};

/// Fragments in fragments.
const DEEPEST: usize = 40;

/// Gives a code table by name and standard.
type Codes = dyn Fn(&str, &str) -> Result<Option<Arc<Table>>>;

/// What a mapping is compiled from.
pub(super) struct Parts<'p> {
    pub(super) name: &'p str,
    /// The file itself, then what it extends, then what they include: the first that has a row wins.
    pub(super) files: &'p [Arc<File>],
    pub(super) message_type: MessageType,
    pub(super) document_type: DocumentType,
    pub(super) record: &'static Record,
    pub(super) grammar: Arc<Grammar>,
    /// A code table by name and standard.
    pub(super) codes: &'p Codes,
}

/// Compiles a mapping.
pub(super) fn compile(parts: Parts<'_>) -> Result<Mapping> {
    let mut compiler = Compiler::new(&parts)?;
    let root = Arc::clone(&compiler.root);
    let pivot = parts.files.iter().find_map(|file| Some((file, file.pivot.as_ref()?)));
    let record = match pivot {
        Some((_, (name, _))) if name == "packing" => packing::record(parts.record),
        Some((_, (name, _))) if name == "table" => {
            compiler.resolver.table = true;
            parts.record
        }
        Some((file, (name, at))) => {
            return Err(file.source.wrong(*at, format!("there is no pivot {name}; there are packing and table")));
        }
        None => parts.record,
    };
    let scope = compiler.scope(&root, Some(record), parts.grammar.root, Extras::default(), 0)?;
    let name = Name::intern;
    let group = compiler.group(scope);
    let pivot = match pivot.map(|(_, (name, _))| name.as_str()) {
        Some("packing") => Pivot::Packing,
        Some(_) => {
            let row = parts.grammar.root_type().particles.first().map_or(Name::UNKNOWN, |row| row.name);
            Pivot::Table(compiler.columns(scope), row)
        }
        None => Pivot::None,
    };
    Ok(Mapping {
        message: parts.message_type.to_string(),
        message_type: parts.message_type.clone(),
        document_type: parts.document_type,
        pivot,
        name: parts.name.to_owned(),
        root_name: name(parts.record.name),
        sender: compiler.parties(|file| &file.sender)?,
        receiver: compiler.parties(|file| &file.receiver)?,
        qualifiers: compiler.resolver.all_qualifiers(),
        grammar: Arc::clone(&parts.grammar),
        registers: compiler.registers,
        scopes: compiler.scopes.into_iter().flatten().collect(),
        root: scope,
        group,
        identifier: (name("identifiers"), name("value"), name("scheme")),
        party_id: name("id"),
        unmapped: (name("unmapped"), name("message"), name("place"), name("value")),
    })
}

/// Rows and values that one use of a fragment adds to it.
#[derive(Default)]
struct Extras {
    rows: Vec<Row>,
    /// What chose the node.
    test: Option<StepTest>,
}

impl Extras {
    fn key(&self) -> String {
        let rows: Vec<String> = self.rows.iter().map(|row| format!("{}:{}", row.source.name, row.at)).collect();
        format!(
            "{} {:?}",
            rows.join(" "),
            self.test.as_ref().map(|test| (test.path.iter().map(|step| step.name).collect::<Vec<_>>(), &test.want))
        )
    }
}

/// Where rows of a fragment stand in their scope.
#[derive(Clone)]
struct Here {
    ours: Vec<Step>,
    theirs: Vec<Step>,
    record: Option<&'static Record>,
    type_id: TypeId,
    ours_text: String,
    theirs_text: String,
    depth: usize,
}

/// What a scope gathers.
#[derive(Default)]
struct Gathered {
    rules: Rules,
    carries: Vec<Carries>,
    party: Option<(Arc<Source>, Vec<Word>, Option<Word>)>,
}

struct Compiler<'p> {
    parts: &'p Parts<'p>,
    resolver: Resolver<'p>,
    root: Arc<Fragment>,
    fragments: FxHashMap<String, Arc<Fragment>>,
    registers: Vec<Name>,
    scopes: Vec<Option<Scope>>,
    known: FxHashMap<(String, String, TypeId), u32>,
}

impl<'p> Compiler<'p> {
    fn new(parts: &'p Parts<'p>) -> Result<Compiler<'p>> {
        let mut fragments: FxHashMap<String, Fragment> = FxHashMap::default();
        let mut root: Option<Fragment> = None;
        let mut qualifiers = FxHashMap::default();
        for file in parts.files {
            match (&mut root, &file.fields) {
                (Some(known), Some(fields)) => overlay(known, fields),
                (none @ None, Some(fields)) => *none = Some(fields.clone()),
                (_, None) => {}
            }
            for (name, fragment) in &file.fragments {
                match fragments.get_mut(name) {
                    Some(known) => overlay(known, fragment),
                    None => drop(fragments.insert(name.clone(), fragment.clone())),
                }
            }
            for ((segment, _), (path, _)) in &file.qualifiers {
                let path = path.split('/').map(Name::intern).collect();
                qualifiers.entry(Name::intern(segment)).or_insert(path);
            }
        }
        let root = root.ok_or_else(|| Error::config(format!("{}: there is no [fields]", parts.name)))?;
        Ok(Compiler {
            parts,
            resolver: Resolver { grammar: &parts.grammar, qualifiers, table: false },
            root: Arc::new(root),
            fragments: fragments.into_iter().map(|(name, fragment)| (name, Arc::new(fragment))).collect(),
            registers: Vec::new(),
            scopes: Vec::new(),
            known: FxHashMap::default(),
        })
    }

    /// The paths of `[envelope]`.
    fn parties(&self, list: fn(&File) -> &Vec<Word>) -> Result<Vec<Vec<Name>>> {
        let Some(file) = self.parts.files.iter().find(|file| !list(file).is_empty()) else { return Ok(Vec::new()) };
        let path = |(text, at): &Word| {
            let found = ours(&file.source, *at, text, Some(self.parts.record))?;
            if found.record().is_none_or(|record| record.name != "Party") {
                return Err(file.source.wrong(*at, format!("{text} is no party of {}", self.parts.record.name)));
            }
            Ok(found.steps.iter().map(|step| step.name).collect())
        };
        list(file).iter().map(path).collect()
    }

    /// The list of ours that the grammar cuts large messages at.
    fn group(&self, root: u32) -> Option<(u32, Name, Name)> {
        let cut = self.parts.grammar.cut?;
        let scope = self.scopes.get(root as usize)?.as_ref()?;
        let row = scope.rows.iter().find(|row| row.list && row.theirs == cut.as_str())?;
        Some((row.scope?, Name::intern(&row.ours), cut))
    }

    /// The columns of the head of a table.
    fn columns(&self, root: u32) -> rustc_hash::FxHashSet<Name> {
        let scope = self.scopes.get(root as usize).and_then(Option::as_ref);
        let Some(top) = scope.and_then(|scope| scope.read.from.levels.first()) else { return Default::default() };
        let head = top.entries.iter().filter(|entry| entry.name.as_str() == table::HEAD);
        let levels = head.filter_map(|entry| scope?.read.from.levels.get(usize::from(entry.level?)));
        levels.flat_map(|level| level.names.iter().copied()).collect()
    }

    fn fragment(&self, word: &Word, source: &Source) -> Result<Arc<Fragment>> {
        let found = self.fragments.get(&word.0).cloned();
        found.ok_or_else(|| source.wrong(word.1, format!("there is no fragment {}", word.0)))
    }

    fn scope(
        &mut self,
        fragment: &Arc<Fragment>,
        record: Option<&'static Record>,
        type_id: TypeId,
        extras: Extras,
        depth: usize,
    ) -> Result<u32> {
        let identity = format!("{}:{}:{}", fragment.source.name, fragment.at, record.map_or(".", |record| record.name));
        let key = (identity, extras.key(), type_id);
        if let Some(&known) = self.known.get(&key) {
            return Ok(known);
        }
        let index = u32::try_from(self.scopes.len()).unwrap_or(u32::MAX);
        self.scopes.push(None);
        self.known.insert(key, index);

        let mut gathered = Gathered::default();
        let here = Here {
            ours: Vec::new(),
            theirs: Vec::new(),
            record,
            type_id,
            ours_text: String::new(),
            theirs_text: String::new(),
            depth,
        };
        self.rows(&with(fragment, &extras.rows), &here, &mut gathered)?;
        if depth == 0 {
            self.checks(&here, &mut gathered)?;
        }
        if let Some(StepTest { path, want: Want::OneOf(values) }) = extras.test {
            gathered.rules.theirs.push(Fixed {
                steps: path,
                values,
                always: false,
                quiet: false,
                keep_from: Some(0),
                source: Arc::clone(&fragment.source),
                at: fragment.at,
            });
        }
        let step = |name: &str| -> Option<Step> {
            record?.field(name)?;
            ours(&fragment.source, fragment.at, name, record).ok()?.steps.pop()
        };
        let unmapped = step("unmapped");
        let (mut from, mut own) = (Vec::new(), None);
        if let Some((source, paths, into)) = &gathered.party {
            for (text, at) in paths {
                let found = ours_through_lists(source, *at, text, record)?;
                from.push(found);
            }
            own = step("id").map(|step| (step, into.as_ref().map(|(name, _)| Name::intern(name))));
        }
        let own = Own { unmapped, party: own };
        let (read, _) = program(&gathered.rules, true, &own)?;
        let (write, into) = program(&gathered.rules, false, &own)?;
        let scope = Scope {
            read,
            write,
            keeps_unmapped: own.unmapped.is_some(),
            party: own.party.map(|(step, _)| PartyId { field: step.name, from, into }),
            rows: gathered.carries,
        };
        if let Some(slot) = self.scopes.get_mut(index as usize) {
            *slot = Some(scope);
        }
        Ok(index)
    }

    /// Counts of the message.
    fn checks(&self, here: &Here, gathered: &mut Gathered) -> Result<()> {
        for file in self.parts.files {
            for ((path, at), (what, what_at)) in &file.checks {
                let theirs = self.resolver.theirs(&file.source, *at, path, here.type_id)?;
                let counted = what.strip_prefix("count(").and_then(|rest| rest.strip_suffix(')')).map(Name::intern);
                let Some(name) = counted.filter(|name| self.resolver.names(*name)) else {
                    return Err(file.source.wrong(*what_at, format!("{what} is no count of anything in the message")));
                };
                gathered.carries.push(Carries {
                    ours: String::new(),
                    theirs: path.clone(),
                    way: Way::Both,
                    scope: None,
                    note: what.clone(),
                    list: false,
                });
                gathered.rules.raws.push(Raw {
                    ours: Vec::new(),
                    theirs: vec![theirs.steps],
                    kind: RawKind::Count(name),
                    way: Way::Both,
                    default: None,
                    fill: None,
                    must: false,
                    inherit: None,
                    hoist: None,
                    list: false,
                    source: Arc::clone(&file.source),
                    at: *at,
                });
            }
        }
        Ok(())
    }

    /// The rows of a fragment, with those of the fragments it takes in.
    fn rows(&mut self, fragment: &Fragment, here: &Here, gathered: &mut Gathered) -> Result<()> {
        let source = &fragment.source;
        if here.depth > DEEPEST {
            return Err(source.wrong(fragment.at, format!("fragments nest deeper than {DEEPEST}")));
        }
        if let (Some((name, at)), Some(record)) = (&fragment.record, here.record)
            && *name != record.name
        {
            return Err(source.wrong(*at, format!("these are rows of {name}, not of {}", record.name)));
        }
        if let Some((from, into)) = &fragment.party_id
            && here.ours.is_empty()
        {
            gathered.party.get_or_insert((Arc::clone(source), from.clone(), into.clone()));
        }
        for ((path, at), word) in &fragment.include {
            let theirs = self.resolver.theirs(source, *at, path, here.type_id)?;
            let below = Here {
                theirs: [here.theirs.clone(), theirs.steps].concat(),
                type_id: theirs.type_id,
                theirs_text: joined(&here.theirs_text, path, '/'),
                depth: here.depth + 1,
                ..here.clone()
            };
            // What the fragment says itself goes before what it takes in.
            let mut included = (*self.fragment(word, source)?).clone();
            included.rows.retain(|row| fragment.rows.iter().all(|own| own.ours != row.ours));
            self.rows(&included, &below, gathered)?;
        }
        let lists =
            [(&fragment.constants, false, true), (&fragment.beside, false, false), (&fragment.ignored, true, false)];
        for (list, ignored, always) in lists {
            for ((path, at), text) in list {
                let theirs = self.resolver.theirs(source, *at, path, here.type_id)?;
                gathered.rules.theirs.push(Fixed {
                    steps: [here.theirs.clone(), theirs.steps].concat(),
                    values: if ignored { Vec::new() } else { text.split('|').map(str::to_owned).collect() },
                    always,
                    quiet: always,
                    keep_from: (!ignored && !always).then_some(here.theirs.len()),
                    source: Arc::clone(source),
                    at: *at,
                });
                let place = joined(&here.theirs_text, path, '/');
                gathered.carries.push(Carries {
                    ours: String::new(),
                    theirs: if ignored { place } else { format!("{place} = {text}") },
                    way: if ignored { Way::Read } else { Way::Both },
                    scope: None,
                    note: match (ignored, always) {
                        (true, _) => format!("not carried: {text}"),
                        (false, true) => "always written".to_owned(),
                        (false, false) => "written beside others".to_owned(),
                    },
                    list: false,
                });
            }
        }
        for row in &fragment.rows {
            for alternative in &row.alternatives {
                self.alternative(row, alternative, here, gathered)?;
            }
        }
        Ok(())
    }

    fn alternative(
        &mut self,
        row: &Row,
        alternative: &Alternative,
        here: &Here,
        gathered: &mut Gathered,
    ) -> Result<()> {
        let source = &row.source;
        let mut field = ours(source, row.at, &row.ours, here.record)?;
        field.steps = [here.ours.clone(), field.steps].concat();
        let mut carried = Carries {
            ours: joined(&here.ours_text, &row.ours, '.'),
            theirs: String::new(),
            way: alternative.way,
            scope: None,
            note: String::new(),
            list: field.list,
        };
        if !alternative.constant.is_empty() {
            if field.record().is_some() || field.list {
                return Err(source.wrong(row.at, "only a single value can be constant"));
            }
            carried.theirs = format!("={}", alternative.constant.join("|"));
            gathered.carries.push(carried);
            let values = alternative.constant.clone();
            gathered.rules.ours.push(Fixed {
                steps: field.steps,
                values,
                always: false,
                quiet: false,
                keep_from: Some(here.ours.len()),
                source: Arc::clone(source),
                at: row.at,
            });
            return Ok(());
        }
        let mut places = Vec::new();
        for (text, at) in &alternative.paths {
            let mut theirs = self.resolver.theirs(source, *at, text, here.type_id)?;
            theirs.steps = [here.theirs.clone(), theirs.steps].concat();
            places.push(theirs);
        }
        if places.is_empty() && alternative.inherit.is_none() {
            return Err(source.wrong(alternative.at, format!("it is not said where {} stands", row.ours)));
        }
        let texts: Vec<_> = alternative.paths.iter().map(|(text, _)| joined(&here.theirs_text, text, '/')).collect();
        carried.theirs = texts.join(" or ");
        let values = alternative.with.iter().any(|row| row.ours == ".");
        let Some(kind) = self.kind(row, alternative, &field, &places, here)? else {
            // A record: at the node itself its rows are taken in here, else it has a scope of its own.
            let record = field.record();
            if record.is_none() && !values {
                return Err(source.wrong(row.at, format!("{} is no record", row.ours)));
            }
            let fragment = match (&alternative.uses, record) {
                (Some(word), _) => self.fragment(word, source)?,
                (None, Some(record)) => self.fragment(&(record.name.to_owned(), alternative.at), source)?,
                (None, None) => Arc::new(Fragment::empty(source, alternative.at)),
            };
            if let ([_], Some(".")) = (places.as_slice(), alternative.paths.first().map(|(text, _)| text.as_str())) {
                if row.alternatives.len() > 1 {
                    choose(&mut field, &alternative.with);
                }
                if let Some(last) = field.steps.last_mut() {
                    // The only one, also of a list.
                    (last.most, last.first_only) = (1, field.list);
                }
                let below = Here {
                    ours: field.steps.clone(),
                    record,
                    ours_text: carried.ours,
                    depth: here.depth + 1,
                    ..here.clone()
                };
                return self.rows(&with(&fragment, &alternative.with), &below, gathered);
            }
            let Some(first) = places.first() else { return Ok(()) };
            if places.iter().any(|place| place.type_id != first.type_id) {
                return Err(source.wrong(alternative.at, "these places are of different types"));
            }
            let test = one_test(&places)
                .ok_or_else(|| source.wrong(alternative.at, "these places are chosen by different values"))?;
            let extras = Extras { rows: alternative.with.clone(), test };
            let scope = self.scope(&fragment, record, first.type_id, extras, here.depth + 1)?;
            // Of a list only those items that say so have their place here.
            if row.alternatives.len() > 1 || field.list {
                choose(&mut field, &alternative.with);
                self.when(alternative, source, &mut field)?;
            }
            carried.scope = Some(scope);
            gathered.carries.push(carried);
            let raw = self.raw(alternative, source, vec![field.steps], &places, RawKind::Record(scope), field.list);
            gathered.rules.raws.push(raw);
            return Ok(());
        };
        carried.note = note(alternative, &kind);
        gathered.carries.push(carried);
        let (mut mine, mut theirs) = (vec![field.steps.clone()], places.clone());
        if let RawKind::Several(function) = &kind {
            if matches!(function, Function::Period) {
                let record = field.record();
                mine.clear();
                for name in ["start_date", "start_time", "end_date", "end_time"] {
                    let below = ours(source, row.at, name, record)?;
                    mine.push([field.steps.clone(), below.steps].concat());
                }
            }
            for (text, at) in alternative.then.iter().chain(&alternative.keep) {
                let below = ours(source, *at, text, here.record)?;
                mine.push([here.ours.clone(), below.steps].concat());
            }
            let names: &[&str] = match function {
                Function::Moment | Function::Period => &["2380", "2379"],
                Function::Party => &["3039", "1131", "3055"],
                Function::Partner => &["", "0007"],
                Function::Codes(_) | Function::PartyText | Function::Same | Function::Wrap { .. } => &[],
            };
            if !names.is_empty() {
                theirs.clear();
                for place in &places {
                    for name in names {
                        // The first of S002 and S003 is called differently.
                        let first = self.parts.grammar.particles(place.type_id).first();
                        let name = if name.is_empty() {
                            first.map_or("0004", |particle| particle.name.as_str())
                        } else {
                            name
                        };
                        let below = self.resolver.theirs(source, alternative.at, name, place.type_id)?;
                        let steps = [place.steps.clone(), below.steps].concat();
                        theirs.push(Theirs { steps, ..below });
                    }
                }
            }
        }
        let raw = self.raw(alternative, source, mine, &theirs, kind, field.list);
        gathered.rules.raws.push(raw);
        Ok(())
    }

    /// What a row does with values; none when it is about a record.
    fn kind(
        &self,
        row: &Row,
        alternative: &Alternative,
        field: &Ours,
        places: &[Theirs],
        here: &Here,
    ) -> Result<Option<RawKind>> {
        let source = &row.source;
        let record = field.record();
        if let Some(width) = alternative.wrap {
            let Some((place, name)) = places.first().and_then(|place| Some((place, place.steps.last()?.name))) else {
                return Err(source.wrong(alternative.at, "pieces have to stand somewhere"));
            };
            let (base, most) = self.resolver.positions(place.parent, name);
            let last = match alternative.then.last() {
                Some((text, at)) => ours(source, *at, text, here.record)?,
                None => field.clone(),
            };
            if record.is_some() || last.record().is_some() {
                return Err(source.wrong(row.at, "only texts are wrapped"));
            }
            let narrow = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
            return Ok(Some(RawKind::Several(Function::Wrap {
                width: narrow(width),
                most: narrow(most),
                base: narrow(base),
                list: last.list,
            })));
        }
        if let Some((name, at)) = &alternative.function {
            return match (name.as_str(), record.map(|record| record.name)) {
                ("party-text", None) => Ok(Some(RawKind::Several(Function::PartyText))),
                ("same", None) => Ok(Some(RawKind::Several(Function::Same))),
                ("percent", None) => Ok(Some(RawKind::Percent)),
                ("partner", None) => Ok(Some(RawKind::Several(Function::Partner))),
                ("date", None) => Ok(Some(RawKind::Several(Function::Moment))),
                ("party", None) => Ok(Some(RawKind::Several(Function::Party))),
                ("period", Some("Period")) if !field.list => Ok(Some(RawKind::Several(Function::Period))),
                ("date" | "party" | "period", _) => Err(source.wrong(*at, format!("{} is no {name}", row.ours))),
                _ => Err(source.wrong(
                    *at,
                    format!("there is no function {name}; there are date, partner, party, party-text, percent, period and same"),
                )),
            };
        }
        if record.is_some() || alternative.with.iter().any(|row| row.ours == ".") {
            return Ok(None);
        }
        let Some((name, at)) = &alternative.codes else { return Ok(Some(RawKind::Text)) };
        let standard = &self.parts.message_type.standard;
        let table = (self.parts.codes)(name, standard)?;
        let table = table.ok_or_else(|| source.wrong(*at, format!("there is no code table {name} for {standard}")))?;
        Ok(Some(match alternative.keep {
            None => RawKind::Codes(table),
            Some(_) => RawKind::Several(Function::Codes(table)),
        }))
    }

    fn raw(
        &mut self,
        alternative: &Alternative,
        source: &Arc<Source>,
        ours: Vec<Vec<Step>>,
        theirs: &[Theirs],
        kind: RawKind,
        list: bool,
    ) -> Raw {
        let inherit = self.register(alternative.inherit.as_deref());
        let hoist = self.register(alternative.hoist.as_deref());
        Raw {
            ours,
            theirs: theirs.iter().map(|place| place.steps.clone()).collect(),
            kind,
            way: alternative.way,
            default: alternative.default.clone(),
            fill: alternative.fill.clone(),
            must: alternative.must,
            inherit,
            hoist,
            list,
            source: Arc::clone(source),
            at: alternative.at,
        }
    }

    /// Which of several places an item of ours goes to may be said by a field that it has.
    fn when(&self, alternative: &Alternative, source: &Source, field: &mut Ours) -> Result<()> {
        let Some((text, at)) = &alternative.when else { return Ok(()) };
        let path = ours(source, *at, text, field.record())?.steps;
        if let Some(last) = field.steps.last_mut() {
            last.test = Some(StepTest { path, want: Want::Something });
        }
        Ok(())
    }

    fn register(&mut self, name: Option<&str>) -> Option<u8> {
        let name = Name::intern(name?);
        let known = self.registers.iter().position(|known| *known == name);
        let index = known.unwrap_or_else(|| {
            self.registers.push(name);
            self.registers.len() - 1
        });
        u8::try_from(index).ok()
    }
}

/// The values that choose the nodes of a record; none in the outer option when they stand at different paths.
fn one_test(places: &[Theirs]) -> Option<Option<StepTest>> {
    let mut tests = places.iter().map(|place| place.steps.last().and_then(|step| step.test.clone()));
    let mut first = tests.next().flatten();
    for test in tests {
        match (&mut first, test) {
            (None, None) => {}
            (
                Some(StepTest { path, want: Want::OneOf(values) }),
                Some(StepTest { path: other, want: Want::OneOf(more) }),
            ) if path.iter().map(|step| step.name).eq(other.iter().map(|step| step.name)) => {
                values.extend(more);
            }
            _ => return None,
        }
    }
    Some(first)
}

/// Which of several places an item of ours goes to is said by the first fixed value of the row.
fn choose(field: &mut Ours, with: &[Row]) {
    let fixed = with.iter().find_map(|row| {
        let constant = &row.alternatives.first()?.constant;
        (!constant.is_empty()).then(|| (row.ours.clone(), constant.clone()))
    });
    if let (Some((path, values)), Some(last)) = (fixed, field.steps.last_mut()) {
        let path = path.split('.').filter(|name| *name != "1").map(|name| Step::named(Name::intern(name))).collect();
        last.test = Some(StepTest { path, want: Want::OneOf(values) });
    }
}

/// A fragment with the rows that one use of it adds or changes.
fn with(fragment: &Fragment, rows: &[Row]) -> Fragment {
    let mut own = fragment.clone();
    for row in rows {
        own.rows.retain(|known| known.ours != row.ours);
        own.rows.push(row.clone());
    }
    own
}

/// Takes from a further file what the nearer ones do not say.
fn overlay(near: &mut Fragment, far: &Fragment) {
    let said: Vec<String> = near.rows.iter().map(|row| row.ours.clone()).collect();
    // The rows of the further file first, so that a dialect adds at the end.
    let mut rows: Vec<Row> = far.rows.iter().filter(|row| !said.contains(&row.ours)).cloned().collect();
    rows.append(&mut near.rows);
    near.rows = rows;
    fn add<T: Clone>(near: &mut Vec<(Word, T)>, far: &[(Word, T)]) {
        let said: Vec<String> = near.iter().map(|((path, _), _)| path.clone()).collect();
        near.extend(far.iter().filter(|((path, _), _)| !said.contains(path)).cloned());
    }
    add(&mut near.include, &far.include);
    add(&mut near.constants, &far.constants);
    add(&mut near.beside, &far.beside);
    add(&mut near.ignored, &far.ignored);
    if near.record.is_none() {
        near.record.clone_from(&far.record);
    }
    if near.party_id.is_none() {
        near.party_id.clone_from(&far.party_id);
    }
}

fn ours_through_lists(
    source: &Source,
    at: super::file::Offset,
    text: &str,
    record: Option<&'static Record>,
) -> Result<Box<[Name]>> {
    let mut known = record;
    let mut names = Vec::new();
    for name in text.split('.') {
        let found = ours(source, at, name, known)?;
        known = found.record();
        names.push(Name::intern(name));
    }
    match known {
        Some(record) if record.name == "Identifier" => Ok(names.into()),
        _ => Err(source.wrong(at, format!("{text} is no identifier"))),
    }
}

fn note(alternative: &Alternative, kind: &RawKind) -> String {
    let mut notes = Vec::new();
    match kind {
        RawKind::Several(Function::Moment) => notes.push("date".to_owned()),
        RawKind::Several(Function::Period) => notes.push("period".to_owned()),
        RawKind::Several(Function::Party) => notes.push("party".to_owned()),
        RawKind::Several(Function::Wrap { width, .. }) => notes.push(format!("pieces of {width} characters")),
        RawKind::Codes(table) | RawKind::Several(Function::Codes(table)) => {
            notes.push(format!("codes {}", table.name));
        }
        RawKind::Several(Function::Partner) => notes.push("partner".to_owned()),
        RawKind::Several(Function::PartyText) => notes.push("party identifier or number".to_owned()),
        RawKind::Several(Function::Same) => notes.push("the same".to_owned()),
        RawKind::Percent => notes.push("percent".to_owned()),
        RawKind::Text | RawKind::Record(_) | RawKind::Count(_) => {}
    }
    let further = || alternative.then.iter().chain(&alternative.keep);
    if further().next().is_some() {
        let fields: Vec<&str> = further().map(|(name, _)| name.as_str()).collect();
        notes.push(format!("then {}", fields.join(", ")));
    }
    for (word, text) in [
        ("default", &alternative.default),
        ("filled with", &alternative.fill),
        ("else the head's", &alternative.inherit),
        ("else the first", &alternative.hoist),
    ] {
        if let Some(text) = text {
            notes.push(format!("{word} {text}"));
        }
    }
    notes.join("; ")
}

fn joined(before: &str, text: &str, separator: char) -> String {
    match (before, text) {
        ("", text) | (text, ".") => text.to_owned(),
        (before, text) => format!("{before}{separator}{text}"),
    }
}
