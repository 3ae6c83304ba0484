//! JSON events into trees: members are nodes, lists are siblings of one name, null is absent, numbers stay as written.

use super::pull::{Event, More, Pull};
use crate::error::Result;
use crate::format::Limits;
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::name::Name;
use crate::model::tree::{At, Shape, Tree};

/// Why building stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// The object ended.
    End,
    /// The list that is read element by element has begun.
    Cut,
    /// The text is broken; the finding was given.
    Broken,
}

/// An open bracket.
struct Frame {
    /// The name of a list's elements; none for an object.
    list: Option<String>,
    /// Where its member names start in `keys`.
    keys: usize,
}

/// Builds trees.
pub(super) struct Build {
    pub(super) tree: Tree,
    limits: Limits,
    frames: Vec<Frame>,
    /// Names of the members of all open objects, to find those that stand twice.
    keys: Vec<String>,
    starts_at: u64,
    large: bool,
}

impl Build {
    pub(super) fn new(limits: &Limits) -> Build {
        Build {
            tree: Tree::new(Shape::Json),
            limits: *limits,
            frames: Vec::new(),
            keys: Vec::new(),
            starts_at: 0,
            large: false,
        }
    }

    /// Starts a tree whose root is an object that was just begun.
    pub(super) fn begin(&mut self, root: &str, at: At) {
        self.tree = Tree::new(Shape::Json);
        self.tree.open_text(root, at);
        self.frames.clear();
        self.keys.clear();
        self.frames.push(Frame { list: None, keys: 0 });
        self.starts_at = at.offset;
        self.large = false;
    }

    /// The names of the members so far, for [`Build::resume`].
    pub(super) fn pause(&mut self) -> Vec<String> {
        std::mem::take(&mut self.keys)
    }

    /// Goes on with the object whose members were paused, in a new tree.
    pub(super) fn resume(&mut self, root: &str, at: At, keys: Vec<String>) {
        self.begin(root, at);
        self.keys = keys;
    }

    /// The tree that was built, closed.
    pub(super) fn take(&mut self) -> Tree {
        while self.tree.depth() > 0 {
            self.tree.close();
        }
        std::mem::replace(&mut self.tree, Tree::new(Shape::Json))
    }

    /// Whether something was left out because the message is larger than allowed.
    pub(super) fn is_too_large(&self) -> bool {
        self.large
    }

    /// A place at a member of what is open.
    fn place(&self, at: At, name: &str) -> Place {
        let open = self.tree.innermost().map(|open| self.tree.path(open)).unwrap_or_default();
        let list = self.frames.last().and_then(|frame| frame.list.as_deref()).unwrap_or("");
        let steps: Vec<&str> = [open.as_str(), list, name].into_iter().filter(|step| !step.is_empty()).collect();
        Place { path: Some(steps.join(".")), ..Place::from_at(at) }
    }

    /// Members of the object that is open, up to its end or to the list `cut`.
    pub(super) fn members<S: More>(
        &mut self,
        pull: &mut Pull<S>,
        cut: Option<&str>,
        skip: &[&str],
        findings: &mut Findings,
    ) -> Result<Stop> {
        let bottom = self.frames.len();
        let mut name = String::new();
        loop {
            let event = match pull.next()? {
                Ok(event) => event,
                Err(finding) => {
                    findings.push(*finding);
                    return Ok(Stop::Broken);
                }
            };
            let at = pull.place;
            let large = self.tree.len() >= self.limits.nodes || at.offset - self.starts_at > self.limits.whole_bytes;
            if large && !std::mem::replace(&mut self.large, true) {
                let (found, allowed) = (at.offset - self.starts_at, self.limits.whole_bytes);
                let finding = Finding::error(Code::TooLarge, Place::from_at(at));
                findings.push(finding.found(format!("{found} bytes")).expected(format!("{allowed} bytes")));
            }
            let leave = |build: &mut Build| {
                let frame = build.frames.pop();
                build.keys.truncate(frame.map_or(0, |frame| frame.keys));
            };
            match event {
                Event::Key => {
                    name.clear();
                    name.push_str(&pull.text);
                    let top = self.frames.len() == bottom;
                    let skipped = self.large || !self.is_new(&name, at, findings);
                    if skipped || (top && skip.contains(&name.as_str())) {
                        match pull.next()? {
                            Ok(event) => {
                                if let Err(finding) = pull.skip(event)? {
                                    findings.push(*finding);
                                    return Ok(Stop::Broken);
                                }
                            }
                            Err(finding) => {
                                findings.push(*finding);
                                return Ok(Stop::Broken);
                            }
                        }
                        continue;
                    }
                }
                Event::BeginArray => {
                    if self.frames.len() == bottom && cut == Some(name.as_str()) {
                        return Ok(Stop::Cut);
                    }
                    if self.frames.last().is_some_and(|frame| frame.list.is_some()) {
                        findings.push(
                            Finding::error(Code::Unexpected, self.place(at, ""))
                                .found("a list in a list")
                                .expected("a value"),
                        );
                        if let Err(finding) = pull.skip(event)? {
                            findings.push(*finding);
                            return Ok(Stop::Broken);
                        }
                        continue;
                    }
                    self.frames.push(Frame { list: Some(std::mem::take(&mut name)), keys: self.keys.len() });
                }
                Event::EndArray => leave(self),
                Event::BeginObject => {
                    if self.frames.len() == bottom && cut == Some(name.as_str()) {
                        let place = self.place(at, &name);
                        findings.push(Finding::error(Code::Unexpected, place).found("one value").expected("a list"));
                    }
                    let list = self.frames.last().and_then(|frame| frame.list.as_deref());
                    open(&mut self.tree, list.unwrap_or(&name), at);
                    self.frames.push(Frame { list: None, keys: self.keys.len() });
                }
                Event::EndObject => {
                    leave(self);
                    if self.frames.len() < bottom {
                        return Ok(Stop::End);
                    }
                    self.tree.close();
                }
                Event::String | Event::Number => self.scalar(&name, &pull.text, at),
                Event::True => self.scalar(&name, "true", at),
                Event::False => self.scalar(&name, "false", at),
                Event::Null => {}
                Event::End => return Ok(Stop::Broken),
            }
        }
    }

    fn scalar(&mut self, name: &str, value: &str, at: At) {
        let list = self.frames.last().and_then(|frame| frame.list.as_deref());
        open(&mut self.tree, list.unwrap_or(name), at);
        self.tree.push_text(value);
        self.tree.close();
    }

    /// Whether a member's name stands for the first time in its object, and there is room for it.
    fn is_new(&mut self, name: &str, at: At, findings: &mut Findings) -> bool {
        let from = self.frames.last().map_or(0, |frame| frame.keys);
        let known = self.keys.get(from..).unwrap_or(&[]);
        let (code, most) = (Code::TooManyAttributes, self.limits.attributes);
        if known.iter().any(|other| other == name) {
            let place = self.place(at, name);
            findings.push(Finding::error(Code::Syntax, place).found(format!("{name} stands twice in one object")));
            return false;
        }
        if known.len() >= most {
            if known.len() == most {
                findings.push(Finding::error(code, self.place(at, name)).expected(most.to_string()));
                // One more, so that this is said once.
                self.keys.push(name.to_owned());
            }
            return false;
        }
        self.keys.push(name.to_owned());
        true
    }
}

fn open(tree: &mut Tree, name: &str, at: At) {
    match Name::find(name) {
        Some(known) => tree.open(known, at),
        None => tree.open_text(name, at),
    };
}
