//! Content models with choices, groups in parentheses or wildcards, as a position automaton (Glushkov): one position for
//! every occurrence in the model, and for each the positions that may follow. Matching keeps the set of positions reached,
//! so it is linear in the children however ambiguous the model is; XML Schema's models reach one position at a time.

use super::grammar::UNBOUNDED;
use super::notation::{Item, Process, What};
use crate::model::name::Name;

/// Most positions of one model; `{0,9999}` on a group would need more.
pub(super) const MOST_POSITIONS: usize = 2000;

/// Any element, by where its name comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wildcard {
    /// Only from some namespace, and not from that of this prefix.
    pub not: Option<Name>,
    /// What is done with it.
    pub process: Process,
}

/// What a position stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Symbol {
    /// A particle of the type, by index.
    Child(u16),
    /// A wildcard.
    Any(Wildcard),
}

/// A compiled model.
#[derive(Clone, Debug, Default)]
pub struct Automaton {
    /// What each position stands for.
    pub symbols: Vec<Symbol>,
    /// The positions a match may start with.
    pub first: Vec<u16>,
    /// For each position those that may follow.
    pub follow: Vec<Vec<u16>>,
    /// Whether a match may end at the position.
    pub last: Vec<bool>,
    /// Whether nothing at all matches.
    pub nullable: bool,
}

/// Positions a piece of a model starts and ends with.
struct Piece {
    first: Vec<u16>,
    last: Vec<u16>,
    nullable: bool,
}

impl Automaton {
    /// Compiles a model; `index` gives the particle of a name.
    pub(super) fn build(items: &[Item], index: &mut impl FnMut(&Item) -> u16) -> Result<Automaton, String> {
        let mut automaton = Automaton::default();
        let piece = automaton.sequence(items, index)?;
        automaton.first = piece.first;
        automaton.nullable = piece.nullable;
        automaton.last = vec![false; automaton.symbols.len()];
        for position in piece.last {
            if let Some(last) = automaton.last.get_mut(usize::from(position)) {
                *last = true;
            }
        }
        Ok(automaton)
    }

    fn sequence(&mut self, items: &[Item], index: &mut impl FnMut(&Item) -> u16) -> Result<Piece, String> {
        let mut whole = Piece { first: Vec::new(), last: Vec::new(), nullable: true };
        for item in items {
            let piece = self.repeated(item, index)?;
            self.append(&mut whole, piece);
        }
        Ok(whole)
    }

    fn append(&mut self, whole: &mut Piece, piece: Piece) {
        for &before in &whole.last {
            self.join(before, &piece.first);
        }
        if whole.nullable {
            whole.first.extend_from_slice(&piece.first);
        }
        if piece.nullable {
            whole.last.extend_from_slice(&piece.last);
        } else {
            whole.last = piece.last;
        }
        whole.nullable &= piece.nullable;
    }

    fn join(&mut self, before: u16, after: &[u16]) {
        if let Some(follow) = self.follow.get_mut(usize::from(before)) {
            for position in after {
                if !follow.contains(position) {
                    follow.push(*position);
                }
            }
        }
    }

    fn repeated(&mut self, item: &Item, index: &mut impl FnMut(&Item) -> u16) -> Result<Piece, String> {
        // Copies: the mandatory ones, then the optional ones, the last of which loops when there is no bound.
        let copies = if item.max == UNBOUNDED { item.min.max(1) } else { item.max };
        let mut whole = Piece { first: Vec::new(), last: Vec::new(), nullable: true };
        for copy in 0..copies {
            let mut piece = self.once(&item.what, item, index)?;
            if item.max == UNBOUNDED && copy + 1 == copies {
                for &before in &piece.last.clone() {
                    self.join(before, &piece.first);
                }
            }
            if copy >= item.min {
                piece.nullable = true;
            }
            self.append(&mut whole, piece);
        }
        Ok(whole)
    }

    fn once(&mut self, what: &What, item: &Item, index: &mut impl FnMut(&Item) -> u16) -> Result<Piece, String> {
        let symbol = match what {
            What::Choice(branches) => {
                let mut whole = Piece { first: Vec::new(), last: Vec::new(), nullable: false };
                for branch in branches {
                    let piece = self.sequence(branch, index)?;
                    whole.first.extend_from_slice(&piece.first);
                    whole.last.extend_from_slice(&piece.last);
                    whole.nullable |= piece.nullable;
                }
                return Ok(whole);
            }
            What::Name { .. } => Symbol::Child(index(item)),
            What::Wildcard { not, process } => {
                Symbol::Any(Wildcard { not: not.as_deref().map(Name::intern), process: *process })
            }
        };
        if self.symbols.len() >= MOST_POSITIONS {
            return Err(format!("the model has more than {MOST_POSITIONS} positions"));
        }
        let position = self.symbols.len() as u16;
        self.symbols.push(symbol);
        self.follow.push(Vec::new());
        Ok(Piece { first: vec![position], last: vec![position], nullable: false })
    }

    /// The positions that may come after those reached; `None` at the start.
    pub fn next<'a>(&'a self, reached: Option<&'a [u16]>) -> impl Iterator<Item = u16> + 'a {
        let start: &[u16] = if reached.is_none() { &self.first } else { &[] };
        let follow = reached.unwrap_or(&[]).iter().filter_map(|position| self.follow.get(usize::from(*position)));
        start.iter().chain(follow.flatten()).copied()
    }

    /// Whether a match may end at the positions reached.
    pub fn may_end(&self, reached: Option<&[u16]>) -> bool {
        match reached {
            None => self.nullable,
            Some(reached) => {
                reached.iter().any(|position| self.last.get(usize::from(*position)).copied().unwrap_or(false))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::notation;
    use super::*;

    /// Whether a word of one-letter children matches a model.
    fn matches(model: &str, word: &str) -> bool {
        let items = notation::content(model).unwrap();
        let automaton = Automaton::build(&items, &mut |item| match &item.what {
            What::Name { name, .. } => u16::from(name.as_bytes()[0]),
            _ => 0,
        })
        .unwrap();
        let mut reached: Option<Vec<u16>> = None;
        for letter in word.bytes() {
            let next: Vec<u16> = automaton
                .next(reached.as_deref())
                .filter(|position| match automaton.symbols[usize::from(*position)] {
                    Symbol::Child(child) => child == u16::from(letter),
                    Symbol::Any(_) => true,
                })
                .collect();
            if next.is_empty() {
                return false;
            }
            reached = Some(next);
        }
        automaton.may_end(reached.as_deref())
    }

    fn check(model: &str, good: &[&str], bad: &[&str]) {
        for word in good {
            assert!(matches(model, word), "{model} should match {word}");
        }
        for word in bad {
            assert!(!matches(model, word), "{model} should not match {word}");
        }
    }

    #[test]
    fn matches_what_the_model_says() {
        check("a (b | c)* d?", &["a", "ad", "abcbd", "acc"], &["", "d", "abda", "adb"]);
        check("(a b){2,3}", &["abab", "ababab"], &["", "ab", "aba", "abababab"]);
        check("(a | b c)+", &["a", "bc", "abca"], &["", "b", "cb"]);
        check("(a? b?)", &["", "a", "b", "ab"], &["ba", "aa"]);
        check("a{2,} b", &["aab", "aaaab"], &["ab", "b", "aa"]);
        check("((a | b)? c){0,2}", &["", "c", "ac", "cbc"], &["a", "ccc", "abc"]);
        check("a <any lax>{1,2}", &["ax", "axx"], &["a", "axxx"]);
        check("(a | a b) b?", &["a", "ab", "abb"], &["abbb"]);
    }

    #[test]
    fn a_model_is_bounded() {
        let items = notation::content("(a b){0,9999}").unwrap();
        assert!(Automaton::build(&items, &mut |_| 0).is_err());
    }
}
