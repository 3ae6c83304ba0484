//! What the hub counts, as Prometheus reads it (OpenMetrics text).

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::hub::Hub;
use crate::error::{Error, Result};
use crate::store::{deliveries, interchanges};

/// One label and its value.
type Label = [(&'static str, String); 1];

/// All counters.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Interchanges received, by transport.
    pub received: Family<Label, Counter>,
    /// Receipts that were refused or repeated, by outcome.
    pub refused: Family<Label, Counter>,
    /// Documents decided, by disposition.
    pub documents: Family<Label, Counter>,
    /// Attempts at deliveries, by outcome.
    pub attempts: Family<Label, Counter>,
    /// Seconds from claim to decision.
    pub decide_seconds: Histogram,
    /// Seconds of one attempt.
    pub attempt_seconds: Histogram,
    /// Panics that were caught and held one interchange each.
    pub panics: Counter,
    /// Whether channels work: 1 or 0, by channel.
    pub channels: Family<Label, Gauge>,
    /// Failures of channels.
    pub channel_failures: Family<Label, Counter>,
    /// Questions to couriers, by outcome.
    pub courier_asks: Family<Label, Counter>,
    /// Attempts to book parcels with couriers by outcome.
    pub bookings: Family<Label, Counter>,
    /// Events in codes and wordings that no table has, by courier.
    pub unknown_wordings: Family<Label, Counter>,
    /// Interchanges not decided, by state.
    pub interchanges: Family<Label, Gauge>,
    /// Deliveries not delivered, by state.
    pub deliveries: Family<Label, Gauge>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("dure");
        let seconds = || Histogram::new(exponential_buckets(0.000_1, 4.0, 10));
        let metrics = Metrics {
            received: Family::default(),
            refused: Family::default(),
            documents: Family::default(),
            attempts: Family::default(),
            decide_seconds: seconds(),
            attempt_seconds: seconds(),
            panics: Counter::default(),
            channels: Family::default(),
            channel_failures: Family::default(),
            courier_asks: Family::default(),
            bookings: Family::default(),
            unknown_wordings: Family::default(),
            interchanges: Family::default(),
            deliveries: Family::default(),
            registry: Registry::default(),
        };
        registry.register("interchanges_received", "Interchanges received", metrics.received.clone());
        registry.register("receipts_refused", "Receipts refused or repeated", metrics.refused.clone());
        registry.register("documents_decided", "Documents decided", metrics.documents.clone());
        registry.register("delivery_attempts", "Attempts at deliveries", metrics.attempts.clone());
        registry.register_with_unit("decide", "From claim to decision", Unit::Seconds, metrics.decide_seconds.clone());
        registry.register_with_unit(
            "attempt",
            "One attempt at a delivery",
            Unit::Seconds,
            metrics.attempt_seconds.clone(),
        );
        registry.register("panics_caught", "Panics caught, one interchange held each", metrics.panics.clone());
        registry.register("channel_up", "Whether a channel works", metrics.channels.clone());
        registry.register("channel_failures", "Failures of channels", metrics.channel_failures.clone());
        registry.register("courier_asks", "Questions to couriers", metrics.courier_asks.clone());
        registry.register("bookings", "Attempts to book parcels with couriers", metrics.bookings.clone());
        let unknown = "Events of parcels in words that no table of their courier has";
        registry.register("courier_unknown_wordings", unknown, metrics.unknown_wordings.clone());
        registry.register("interchanges_open", "Interchanges not decided", metrics.interchanges.clone());
        registry.register("deliveries_open", "Deliveries not delivered", metrics.deliveries.clone());
        Metrics { registry, ..metrics }
    }
}

/// A label.
pub fn label(name: &'static str, value: impl Into<String>) -> Label {
    [(name, value.into())]
}

impl Hub {
    /// The text that `/metrics` answers, with the queues counted now.
    pub async fn metrics_text(&self) -> Result<String> {
        let (open, due) = self.store.read(|tx| Ok((interchanges::counts(tx)?, deliveries::counts(tx)?))).await?;
        self.metrics.interchanges.clear();
        for (state, count) in open {
            self.metrics.interchanges.get_or_create(&label("state", state)).set(count);
        }
        for (state, count) in due {
            self.metrics.deliveries.get_or_create(&label("state", state)).set(count);
        }
        let mut text = String::new();
        encode(&mut text, &self.metrics.registry)
            .map_err(|error| Error::bug("writing the metrics").caused_by(error))?;
        Ok(text)
    }
}
