//! Parts that wait to be given, with the findings about a message whose start is among them: who reads tells whose a
//! finding is by the message that is open, so those are held until it is.

use std::collections::VecDeque;

use super::Part;
use crate::model::finding::Findings;

/// Parts that wait.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    parts: VecDeque<Part>,
    /// Starts among them.
    starts: usize,
    held: Findings,
}

impl Outbox {
    pub(super) fn push(&mut self, part: Part) {
        self.starts += usize::from(matches!(part, Part::Start(_)));
        self.parts.push_back(part);
    }

    /// Whether a message's start is among them.
    pub(super) fn has_started(&self) -> bool {
        self.starts > 0
    }

    /// Takes findings of the message that was started last.
    pub(super) fn tell(&mut self, own: Findings, findings: &mut Findings) {
        if own.is_empty() {
            return;
        }
        if self.starts > 0 {
            self.held.extend(own.into_vec());
        } else {
            findings.extend(own.into_vec());
        }
    }

    /// The next part, with what was held when its message is open.
    pub(super) fn pop(&mut self, findings: &mut Findings) -> Option<Part> {
        if self.starts == 0 && !self.held.is_empty() {
            findings.extend(std::mem::take(&mut self.held).into_vec());
        }
        let part = self.parts.pop_front()?;
        self.starts -= usize::from(matches!(part, Part::Start(_)));
        Some(part)
    }
}
