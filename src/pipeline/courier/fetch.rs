//! How a courier is asked: the request of the profile, filled in for one waybill.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::profile::{Event, Report};
use crate::format::template::{fill, inside_json, percent};
use crate::model::secret::Secret;
use crate::pipeline::outbound::Question;

/// How a courier is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// The URL, with `{waybill}` and `{carrier}`.
    pub address: String,
    /// The body, with `{waybill}` and `{carrier}` inside JSON texts; empty: a GET request.
    #[serde(default)]
    pub request: String,
    /// The `Authorization` header, with `{secret}` or, in base64, `{secret64}`: the hub's secret `courier:NAME:fetch`.
    #[serde(default)]
    pub authorization: String,
    /// The carrier of parcels of which no callback has named one.
    #[serde(default)]
    pub carrier: String,
    /// After how many hours of silence a parcel is asked for.
    #[serde(default = "a_day")]
    pub silent_h: u32,
    /// After how many days without a change it is not asked for any more.
    #[serde(default = "a_month")]
    pub give_up_d: u32,
    /// Where things stand in the answer, if not as in a callback.
    pub report: Option<Report>,
    /// Where things stand in an event of the answer, if not as in a callback.
    pub event: Option<Event>,
}

fn a_day() -> u32 {
    24
}

fn a_month() -> u32 {
    30
}

impl Fetch {
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.address.starts_with("https://") && !self.address.starts_with("http://") {
            return Err(format!("address {:?} begins with neither https:// nor http://", self.address));
        }
        if !self.address.contains("{waybill}") && !self.request.contains("{waybill}") {
            return Err("neither address nor request names {waybill}".to_owned());
        }
        if self.silent_h == 0 || self.give_up_d == 0 {
            return Err("silent_h and give_up_d are at least 1".to_owned());
        }
        Ok(())
    }

    /// Whether it needs the secret.
    pub fn needs_secret(&self) -> bool {
        self.authorization.contains("{secret}") || self.authorization.contains("{secret64}")
    }

    /// The request for one waybill.
    pub fn question(&self, waybill: &str, carrier: &str, secret: Option<&Secret>) -> Question {
        let carrier = if carrier.is_empty() { &self.carrier } else { carrier };
        let secret = secret.map_or("", Secret::expose);
        let authorization = fill(&self.authorization, |name| match name {
            "secret" => Some(secret.to_owned()),
            "secret64" => Some(STANDARD.encode(secret)),
            _ => None,
        });
        let named = |name: &str, write: fn(&str) -> String| match name {
            "waybill" => Some(write(waybill)),
            "carrier" => Some(write(carrier)),
            _ => None,
        };
        Question {
            address: fill(&self.address, |name| named(name, percent)),
            authorization: (!authorization.is_empty()).then(|| Secret::new(authorization)),
            content_type: "application/json".to_owned(),
            body: (!self.request.is_empty()).then(|| fill(&self.request, |name| named(name, inside_json)).into()),
            ..Question::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked() {
        let fetch: Fetch = toml::from_str(
            "address = \"https://courier.example/{carrier}/{waybill}?x={y}\"\ncarrier = \"kr.post\"\n\
             authorization = \"Basic {secret64}\"\nrequest = '{\"q\": \"{ track }\", \"n\": \"{waybill}\"}'",
        )
        .unwrap();
        assert_eq!((fetch.check(), fetch.silent_h, fetch.needs_secret()), (Ok(()), 24, true));
        let question = fetch.question("1/2 \"{carrier}\"", "", Some(&Secret::new("key:")));
        assert_eq!(question.address, "https://courier.example/kr.post/1%2F2%20%22%7Bcarrier%7D%22?x={y}");
        assert_eq!(question.authorization.unwrap().expose(), "Basic a2V5Og==");
        assert_eq!(question.body.unwrap(), r#"{"q": "{ track }", "n": "1/2 \"{carrier}\""}"#);
    }
}
