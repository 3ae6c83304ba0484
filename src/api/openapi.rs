//! `GET /openapi.json`: the description of the interface, OpenAPI 3.1. A test holds it to the routes.

use axum::body::Body;
use axum::http::Response;

use super::call::json;

/// The description.
pub const DESCRIPTION: &str = include_str!("openapi.json");

pub(super) async fn get() -> Response<Body> {
    json(DESCRIPTION.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::DESCRIPTION;
    use crate::api::problem::Kind;

    #[test]
    fn describes_every_route_and_no_other() {
        let description: serde_json::Value = serde_json::from_str(DESCRIPTION).unwrap();
        let mut described = BTreeSet::new();
        for (path, item) in description["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
                described.insert((path.clone(), method.clone()));
            }
        }
        let routes = crate::api::paths();
        let there: BTreeSet<_> = routes
            .iter()
            .flat_map(|(path, methods)| methods.iter().map(|m| ((*path).to_owned(), (*m).to_owned())))
            .collect();
        assert_eq!(described, there);
    }

    #[test]
    fn names_every_problem() {
        let description: serde_json::Value = serde_json::from_str(DESCRIPTION).unwrap();
        let named = &description["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
        let named: BTreeSet<_> =
            named.as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_owned()).collect();
        let there: BTreeSet<_> = Kind::ALL.iter().map(|kind| format!("urn:dure:problem:{}", kind.slug())).collect();
        assert_eq!(named, there);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let description: serde_json::Value = serde_json::from_str(DESCRIPTION).unwrap();
        let mut open = vec![&description];
        while let Some(value) = open.pop() {
            match value {
                serde_json::Value::Object(members) => {
                    if let Some(reference) = members.get("$ref").and_then(|reference| reference.as_str()) {
                        let pointer = reference.strip_prefix('#').unwrap();
                        assert!(description.pointer(pointer).is_some(), "{reference}");
                    }
                    open.extend(members.values());
                }
                serde_json::Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
    }
}
