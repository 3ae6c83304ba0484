//! What happened to a parcel, in eleven words of ours, and its state, which cannot go backwards.
//!
//! The state is a function of the *set* of a parcel's events: the order of arrival and repeats make no difference. All it
//! needs of the set is the latest event of each word (by event time, then the courier's sequence number), so that taking
//! an event in is a maximum, and the summary of a parcel is at most ten pairs of numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::disposition::words;

words! {
    /// What happened to a parcel.
    ParcelStatus {
        /// The courier knows of it.
        Registered "registered" "접수" "registered"
        /// The courier has it.
        PickedUp "picked-up" "집화" "picked up"
        /// Between two places of the courier.
        InTransit "in-transit" "배송 중" "in transit"
        /// On its last way.
        OutForDelivery "out-for-delivery" "배달 출발" "out for delivery"
        /// The receiver has it.
        Delivered "delivered" "배송 완료" "delivered"
        /// Nobody took it; it is tried again.
        AttemptFailed "attempt-failed" "배달 실패" "delivery attempt failed"
        /// Somebody else has it.
        WrongDelivery "wrong-delivery" "오배송" "delivered to the wrong place"
        /// On its way back.
        Returning "returning" "반송 중" "on its way back"
        /// The shipper has it again.
        Returned "returned" "반송 완료" "returned"
        /// The courier cannot find it.
        Lost "lost" "분실" "lost"
        /// The courier's wording is not in our table; never counts as progress.
        Unknown "unknown" "알 수 없음" "unknown"
    }
}

/// Number of words.
const WORDS: usize = ParcelStatus::ALL.len();

/// One event of one parcel, as far as its state depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// What happened.
    pub status: ParcelStatus,
    /// When it happened, UTC milliseconds.
    pub at_ms: i64,
    /// The courier's sequence number; 0 where it has none.
    pub sequence: i64,
}

/// When an event was: its time, then its sequence number.
type Key = (i64, i64);

/// What is known of a parcel: the latest event of each word. Its text form is kept beside the parcel.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    latest: [Option<Key>; WORDS],
}

/// The state after all these events, in whatever order they came and however often.
pub fn state(events: &[Event]) -> State {
    events.iter().fold(State::default(), |state, event| step(state, *event))
}

/// The state after one event more.
pub fn step(mut state: State, event: Event) -> State {
    if let Some(latest) = state.latest.get_mut(event.status as usize)
        && event.status != ParcelStatus::Unknown
    {
        *latest = (*latest).max(Some((event.at_ms, event.sequence)));
    }
    state
}

impl State {
    /// What is to be said of the parcel now; `Unknown` as long as nothing known happened.
    ///
    /// A return stands whatever else is reported. A delivery stands until a wrong delivery is reported, and that stands
    /// until the parcel moved again afterwards. A loss stands until the parcel was seen afterwards. On the way there the
    /// furthest word counts, never the last one.
    pub fn status(&self) -> ParcelStatus {
        use ParcelStatus::*;
        let returning = self.latest(Returning);
        let wrong = self.latest(WrongDelivery);
        let lost = self.latest(Lost);
        let moved = self.latest(InTransit).max(self.latest(OutForDelivery)).max(self.latest(AttemptFailed));
        if self.latest(Returned).is_some() {
            Returned
        } else if returning.is_some() {
            if lost > returning { Lost } else { Returning }
        } else if wrong.is_some() {
            if moved <= wrong {
                if lost > wrong { Lost } else { WrongDelivery }
            } else if self.latest(Delivered) > wrong {
                Delivered
            } else {
                self.on_the_way(wrong)
            }
        } else if self.latest(Delivered).is_some() {
            Delivered
        } else {
            self.on_the_way(None)
        }
    }

    /// The furthest word on the way, of events later than that.
    fn on_the_way(&self, after: Option<Key>) -> ParcelStatus {
        use ParcelStatus::*;
        let way = [Registered, PickedUp, InTransit, OutForDelivery, AttemptFailed];
        let seen = way.iter().map(|word| self.latest(*word)).max().flatten();
        if self.latest(Lost) > seen.max(after) {
            return Lost;
        }
        let later = |word: ParcelStatus| self.latest(word) > after;
        if later(AttemptFailed) && self.latest(AttemptFailed) >= self.latest(OutForDelivery) {
            AttemptFailed
        } else {
            [OutForDelivery, InTransit, PickedUp, Registered].into_iter().find(|word| later(*word)).unwrap_or(Unknown)
        }
    }

    /// When the word was last reported, UTC milliseconds.
    pub fn latest_ms(&self, word: ParcelStatus) -> Option<i64> {
        self.latest(word).map(|(at_ms, _)| at_ms)
    }

    fn latest(&self, word: ParcelStatus) -> Option<Key> {
        self.latest.get(word as usize).copied().flatten()
    }
}

/// `picked-up 1700000000000 0;delivered 1700000360000 2`.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = ParcelStatus::ALL.iter().filter_map(|word| Some((word, self.latest(*word)?)));
        for (index, (word, (at_ms, sequence))) in known.enumerate() {
            let between = if index == 0 { "" } else { ";" };
            write!(f, "{between}{word} {at_ms} {sequence}")?;
        }
        Ok(())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<State, String> {
        let mut state = State::default();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let mut words = part.split(' ');
            let event = (|| {
                let status = ParcelStatus::from_word(words.next()?)?;
                let at_ms = words.next()?.parse().ok()?;
                let sequence = words.next()?.parse().ok()?;
                words.next().is_none().then_some(Event { status, at_ms, sequence })
            })();
            state = step(state, event.ok_or_else(|| format!("{part} is no event of a parcel"))?);
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ParcelStatus::*;
    use super::*;

    fn event(status: ParcelStatus, at_ms: i64) -> Event {
        Event { status, at_ms, sequence: 0 }
    }

    /// Events one minute apart.
    fn check(words: &[ParcelStatus], expected: ParcelStatus) {
        let events: Vec<_> = words.iter().zip(1..).map(|(word, minute)| event(*word, minute * 60_000)).collect();
        assert_eq!(state(&events).status(), expected, "{words:?}");
    }

    #[test]
    fn forward() {
        check(&[], Unknown);
        check(&[Registered], Registered);
        check(&[Registered, PickedUp, InTransit, InTransit], InTransit);
        check(&[Registered, PickedUp, InTransit, OutForDelivery, Delivered], Delivered);
        check(&[OutForDelivery, AttemptFailed], AttemptFailed);
        check(&[OutForDelivery, AttemptFailed, OutForDelivery], OutForDelivery);
        check(&[Delivered], Delivered);
    }

    #[test]
    fn never_back() {
        check(&[InTransit, PickedUp, Registered], InTransit);
        check(&[OutForDelivery, InTransit], OutForDelivery);
        check(&[OutForDelivery, AttemptFailed, InTransit], AttemptFailed);
        check(&[Delivered, InTransit, OutForDelivery, AttemptFailed, Lost, Unknown], Delivered);
        check(&[Returned, Delivered, InTransit, Lost], Returned);
        check(&[Returning, Delivered, InTransit], Returning);
    }

    #[test]
    fn after_a_delivery() {
        check(&[Delivered, WrongDelivery], WrongDelivery);
        check(&[Delivered, Returning], Returning);
        check(&[Delivered, Returned], Returned);
        // A second report of the same delivery does not hide that it went wrong; a second delivery does.
        check(&[Delivered, WrongDelivery, Delivered], WrongDelivery);
        check(&[Delivered, WrongDelivery, OutForDelivery], OutForDelivery);
        check(&[Delivered, WrongDelivery, OutForDelivery, AttemptFailed], AttemptFailed);
        check(&[Delivered, WrongDelivery, OutForDelivery, Delivered], Delivered);
        check(&[Delivered, WrongDelivery, InTransit, Returning, Returned], Returned);
        check(&[OutForDelivery, Delivered, WrongDelivery, Registered], WrongDelivery);
    }

    #[test]
    fn lost_and_found() {
        check(&[InTransit, Lost], Lost);
        check(&[Lost], Lost);
        check(&[OutForDelivery, Lost, InTransit], OutForDelivery);
        check(&[InTransit, Lost, Delivered], Delivered);
        check(&[Returning, Lost], Lost);
        check(&[Lost, Returning], Returning);
        check(&[WrongDelivery, Lost], Lost);
        check(&[WrongDelivery, OutForDelivery, Lost], Lost);
    }

    #[test]
    fn the_sequence_decides_within_one_time() {
        let at = |status, sequence| Event { status, at_ms: 5, sequence };
        assert_eq!(state(&[at(AttemptFailed, 2), at(OutForDelivery, 1)]).status(), AttemptFailed);
        assert_eq!(state(&[at(AttemptFailed, 2), at(OutForDelivery, 3)]).status(), OutForDelivery);
    }

    /// Puts every order of `rest` behind `done`.
    fn permute(done: &mut Vec<Event>, rest: &mut Vec<Event>, visit: &mut dyn FnMut(&[Event])) {
        if rest.is_empty() {
            visit(done);
        }
        for index in 0..rest.len() {
            let taken = rest.swap_remove(index);
            done.push(taken);
            permute(done, rest, visit);
            done.pop();
            rest.push(taken);
            let last = rest.len() - 1;
            rest.swap(index, last);
        }
    }

    fn any_event() -> impl Strategy<Value = Event> {
        // Few times, so that some are equal.
        (0..WORDS, 0i64..6, 0i64..3).prop_map(|(word, at_ms, sequence)| Event {
            status: ParcelStatus::ALL[word],
            at_ms,
            sequence,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn every_order_of_every_subset_ends_in_the_same_state(events in prop::collection::vec(any_event(), 0..=6)) {
            for subset in 0..1u32 << events.len() {
                let mut chosen: Vec<_> =
                    events.iter().enumerate().filter(|(i, _)| subset >> i & 1 == 1).map(|(_, e)| *e).collect();
                let expected = state(&chosen);
                permute(&mut Vec::new(), &mut chosen, &mut |order| {
                    assert_eq!(state(order), expected);
                    let twice: Vec<_> = order.iter().chain(order).copied().collect();
                    assert_eq!(state(&twice), expected);
                });
            }
        }

        #[test]
        fn an_event_that_is_older_than_a_delivery_changes_nothing(
            events in prop::collection::vec(any_event(), 0..12), late in any_event(),
        ) {
            let before = state(&events);
            let after = step(before.clone(), late);
            if before.status() == Delivered && !matches!(late.status, WrongDelivery | Returning | Returned) {
                prop_assert_eq!(after.status(), Delivered);
            }
            if before.status() == Returned || late.status == Unknown {
                prop_assert_eq!(after.status(), before.status());
            }
        }

        #[test]
        fn the_summary_comes_back(events in prop::collection::vec(any_event(), 0..12)) {
            let summary = state(&events);
            prop_assert_eq!(summary.to_string().parse::<State>(), Ok(summary));
        }
    }

    #[test]
    fn a_summary_is_readable() {
        let summary = state(&[event(Delivered, 9), event(PickedUp, -3)]);
        assert_eq!(summary.to_string(), "picked-up -3 0;delivered 9 0");
        assert_eq!(summary.latest_ms(Delivered), Some(9));
        for wrong in ["delivered", "delivered x 0", "delivered 1 0 0", "arrived 1 0"] {
            assert!(wrong.parse::<State>().is_err(), "{wrong}");
        }
    }
}
