//! Tries of paths while they are built, and what they become.

use super::resolve::{Step, StepTest, Want};
use super::rule::{Constant, End, Entry, Level, Port, Test, Trie, Wanted};

/// What stands at the end of a path.
pub(super) enum Goal {
    End(End),
    Constant(Constant),
}

#[derive(Debug, Default)]
struct Node {
    value: Option<End>,
    entries: Vec<Built>,
}

#[derive(Debug)]
struct Built {
    step: Step,
    end: Option<End>,
    constant: Option<Constant>,
    level: Option<Box<Node>>,
    repeat: bool,
    keep: bool,
    always: bool,
}

/// A trie being built.
#[derive(Debug, Default)]
pub(super) struct Builder {
    root: Node,
    /// Whether it is the side that is written.
    to: bool,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Put {
    Done,
    /// A value stands there already.
    Taken,
    /// A record is taken whole there or above.
    Clash,
}

/// How a path is put in.
#[derive(Clone, Copy, Default)]
pub(super) struct How {
    /// Written whether or not there is something for it.
    pub(super) always: bool,
    /// Steps before the last that are written again as long as there is something: which one.
    pub(super) repeat: Option<usize>,
    /// From which step on they are kept for the sake of what is around them.
    pub(super) keep_from: Option<usize>,
}

impl Builder {
    pub(super) fn new(to: bool) -> Builder {
        Builder { root: Node::default(), to }
    }

    /// Puts a path in.
    pub(super) fn put(&mut self, steps: &[Step], goal: Goal, how: How) -> Put {
        let Some((last, before)) = steps.split_last() else {
            return match (goal, &mut self.root.value) {
                (Goal::End(end), value @ None) => {
                    *value = Some(end);
                    Put::Done
                }
                _ => Put::Taken,
            };
        };
        let mut node = &mut self.root;
        for (index, step) in before.iter().enumerate() {
            let entry = node.entry(step, |entry| entry.constant.is_none());
            if entry.end.is_some_and(|end| end.record) {
                return Put::Clash;
            }
            entry.repeat |= step.spread || how.repeat == Some(index);
            entry.always |= how.always;
            entry.keep |= how.keep_from.is_some_and(|from| index >= from);
            node = entry.level.get_or_insert_default();
        }
        let to = self.to;
        match goal {
            Goal::Constant(constant) => {
                let entry = node.entry(last, |_| true);
                if entry.end.is_some() || entry.constant.is_some() || entry.level.is_some() {
                    return Put::Taken;
                }
                entry.always |= constant.always;
                entry.constant = Some(constant);
            }
            Goal::End(end) => {
                // On the side that is written two rules may stand at one name, one behind the other.
                let entry = node.entry(last, |entry| !to || entry.end.is_none());
                if entry.end.is_some() || entry.constant.is_some() {
                    return Put::Taken;
                }
                if end.record && entry.level.is_some() {
                    return Put::Clash;
                }
                entry.always |= how.always;
                entry.end = Some(end);
            }
        }
        Put::Done
    }

    /// The compiled trie. `feeds` says which slots a rule takes from; gates are numbered from `gate` on.
    pub(super) fn finish(self, feeds: &dyn Fn(u16) -> Vec<Port>, gate: &mut Port) -> Trie {
        let mut trie = Trie::default();
        compile(self.root, self.to, feeds, gate, &mut trie);
        trie
    }
}

impl Node {
    fn entry(&mut self, step: &Step, fits: impl Fn(&Built) -> bool) -> &mut Built {
        let known = self
            .entries
            .iter()
            .position(|entry| entry.step.name == step.name && entry.step.test == step.test && fits(entry));
        let index = known.unwrap_or_else(|| {
            self.entries.push(Built {
                step: step.clone(),
                end: None,
                constant: None,
                level: None,
                repeat: false,
                keep: false,
                always: false,
            });
            self.entries.len() - 1
        });
        &mut self.entries[index]
    }
}

fn compile(
    node: Node,
    to: bool,
    feeds: &dyn Fn(u16) -> Vec<Port>,
    gate: &mut Port,
    trie: &mut Trie,
) -> (u16, Vec<Port>) {
    let index = trie.levels.len();
    trie.levels.push(Level::default());
    let mut fed: Vec<Port> = Vec::new();
    if let (Some(end), true) = (node.value, to) {
        fed.extend(feeds(end.index));
    }
    let mut level = Level { value: node.value, ..Level::default() };
    let mut built = node.entries;
    if to {
        built.sort_by_key(|entry| entry.step.order);
    } else {
        // The tested ones of a name before the one that takes the rest.
        built.sort_by_key(|entry| (entry.step.order, entry.step.test.is_none()));
    }
    for mut entry in built {
        let mut below = Vec::new();
        // A text with attributes: the text is the value of the node.
        if let (Some(end), Some(level)) = (entry.end.filter(|end| !end.record), &mut entry.level)
            && level.value.is_none()
        {
            level.value = Some(end);
            entry.end = None;
        }
        let level_index = entry.level.map(|node| {
            let (index, ports) = compile(*node, to, feeds, gate, trie);
            below.extend(ports);
            index
        });
        if let (Some(end), true) = (entry.end, to) {
            below.extend(feeds(end.index));
        }
        below.sort_unstable();
        below.dedup();
        fed.extend(&below);
        let interior = entry.end.is_none() && level_index.is_some();
        let several = entry.step.most > 1 || entry.step.first_only;
        let gate = (!to && interior && several && !entry.repeat).then(|| {
            *gate += 1;
            *gate - 1
        });
        level.names.push(entry.step.name);
        level.entries.push(Entry {
            name: entry.step.name,
            test: if to { None } else { entry.step.test.map(|own| Box::new(test(own))) },
            end: entry.end,
            level: level_index,
            constant: entry.constant.map(Box::new),
            repeat: entry.repeat,
            most: entry.step.most,
            keep: entry.keep,
            always: entry.always,
            gate,
            feeds: below.into(),
        });
    }
    // Kept as long as the hub runs.
    level.names.shrink_to_fit();
    level.entries.shrink_to_fit();
    if let Some(slot) = trie.levels.get_mut(index) {
        *slot = level;
    }
    (u16::try_from(index).unwrap_or(0), fed)
}

fn test(test: StepTest) -> Test {
    let wanted = match test.want {
        Want::OneOf(values) => Wanted::OneOf(values.into_iter().map(String::into_boxed_str).collect()),
        Want::Something => Wanted::Something,
        Want::Nothing => Wanted::Nothing,
    };
    Test { path: test.path.iter().map(|step| step.name).collect(), wanted }
}
