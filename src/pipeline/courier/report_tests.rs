//! Reports in many layouts, read and written back.

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::model::finding::Language;

fn profile(more: &str) -> Profile {
    let text = format!(
        "name = \"a\"\nsigning = \"standard-webhooks\"\n[report]\nevents = \"/list\"\nid = \"/no\"\n\
         [event]\nwaybill = \"$/parcel\"\ncode = \"/code\"\ntime = \"/at\"\nsequence = \"/n\"\nnote = \"/say\"\n{more}\n\
         [codes]\nDLV = \"delivered\"\n7 = \"in-transit\""
    );
    Profile::parse(&text).unwrap()
}

fn refused(body: &str, expected: &[&str]) {
    let findings = read(&profile(""), body.as_bytes()).unwrap_err();
    let told: Vec<_> =
        findings.iter().map(|f| format!("{} {} {}", f.code.as_str(), f.place, f.text(Language::En))).collect();
    for part in expected {
        assert!(told.iter().any(|one| one.contains(part)), "{part} not in {told:?}");
    }
    assert_eq!(told.len(), expected.len(), "{told:?}");
}

#[test]
fn a_report_with_what_no_field_carries() {
    let body = r#"{"no": 12, "parcel": "W1", "x~/y": [1.5, "", null, {"deep": true}],
        "list": [{"code": 7, "at": "2026-11-24T09:00:00+09:00", "n": 3, "say": " 대전 "},
                 {"code": "X", "at": "2026-11-24T10:00:00+09:00"}]}"#;
    let report = read(&profile(""), body.as_bytes()).unwrap();
    assert_eq!((report.id.as_str(), report.courier.as_str()), ("12", "a"));
    let [first, second] = report.events.as_slice() else { panic!("{report:?}") };
    assert_eq!((first.tracking_id.as_str(), first.status.as_str(), first.sequence), ("W1", "in-transit", Some(3)));
    assert_eq!((first.courier_code.as_str(), first.notes.as_slice()), ("7", ["대전".to_owned()].as_slice()));
    assert_eq!((second.status.as_str(), second.courier_code.as_str()), ("unknown", "X"));
    let kept: Vec<_> = report.unmapped.iter().map(|u| format!("{} {}={}", u.message, u.place, u.value)).collect();
    assert_eq!(kept, ["courier/1/a /x~0~1y/0=1.5", "courier/1/a /x~0~1y/3/deep=true"]);
}

#[test]
fn everything_that_is_wrong_is_told() {
    refused("", &["truncated"]);
    refused("{\"list\": [", &["truncated line 1 column 10"]);
    refused("{]", &["syntax line 1 column 2"]);
    refused("{}", &["missing list"]);
    refused("[]", &["missing list"]);
    refused("{\"list\": []}", &["missing list"]);
    refused("{\"list\": 7}", &["bad-value list 7 is not a list"]);
    refused(
        r#"{"list": [{"code": "DLV", "at": "gestern"}, {"parcel": "x", "code": 1.5, "at": ""}]}"#,
        &[
            "missing parcel waybill is missing",
            "bad-value list[1].at gestern is not RFC 3339",
            "missing parcel waybill is missing",
            "bad-value list[2].code 1.5 is not",
            "missing list[2].at time is missing",
        ],
    );
    let many = format!("{{\"list\": [{}]}}", vec!["{}"; 1001].join(","));
    refused(&many, &["too-many-lines list more than 1000 lines"]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    refused(&deep, &["syntax"]);
    let wide = format!(
        "{{\"parcel\":\"W\",\"list\":[{{\"code\":1,\"at\":\"2026-11-24T09:00:00Z\"}}],\"x\":[{}]}}",
        vec!["1"; 501].join(",")
    );
    refused(&wide, &["too-many-lines"]);
}

#[test]
fn a_wrong_sequence_loses_only_the_order() {
    let body = r#"{"parcel": "W", "list": [{"code": 7, "at": "2026-11-24T09:00:00Z", "n": -1}]}"#;
    assert_eq!(read(&profile(""), body.as_bytes()).unwrap().events[0].sequence, None);
}

/// What a profile with this layout makes of a body: waybill, status and instant of each event.
fn check(layout: &str, body: &str, expected: &[(&str, &str, &str)]) {
    let text = format!("name = \"a\"\nsigning = \"basic\"\n{layout}\n[codes]\n41 = \"delivered\"\n42 = \"in-transit\"");
    let profile = Profile::parse(&text).unwrap();
    let report = read(&profile, body.as_bytes()).unwrap();
    let said = |report: &TransportationStatus| {
        let events = report.events.iter();
        let said = events.map(|one| (one.tracking_id.clone(), one.status.clone(), one.occurred_at.clone()));
        said.collect::<Vec<_>>()
    };
    let expected: Vec<_> =
        expected.iter().map(|(w, s, t)| ((*w).to_owned(), (*s).to_owned(), (*t).to_owned())).collect();
    assert_eq!(said(&report), expected, "{body}");
    let again = read(&profile, profile.body.write(&write(&profile, &report)).as_bytes()).unwrap();
    assert_eq!(said(&again), expected, "written and read again");
}

#[test]
fn nested_lists_xml_and_forms() {
    let nested =
        "[report]\nevents = \"/parcels/*/events\"\n[event]\nwaybill = \"^/no\"\ncode = \"/code\"\ntime = \"/at\"";
    let body = r#"{"parcels": [{"no": "W1", "events": [{"code": 42, "at": "2026-11-24T09:00:00Z"}, {"code": 41,
        "at": "2026-11-24T10:00:00Z"}]}, {"no": "W2", "events": {"code": 9, "at": "2026-11-24T11:00:00Z"}}]}"#;
    let expected = [
        ("W1", "in-transit", "2026-11-24T09:00:00Z"),
        ("W1", "delivered", "2026-11-24T10:00:00Z"),
        ("W2", "unknown", "2026-11-24T11:00:00Z"),
    ];
    check(nested, body, &expected);
    let xml = "body = \"xml\"\n[report]\nevents = \"/Track/Event\"\n[event]\nwaybill = \"$/Track/@invoice\"\ncode = \"/@code\"\n\
        time = \"/At\"\ntime_format = \"%Y%m%d%H%M%S\"";
    let one = "<Track invoice=\"640012345678\"><Event code=\"42\"><At>20261124090000</At></Event></Track>";
    check(xml, one, &[("640012345678", "in-transit", "2026-11-24T09:00:00+09:00")]);
    let two = one.replace("</Track>", "<Event code=\"41\"><At>20261124100000</At></Event></Track>");
    let delivered = ("640012345678", "delivered", "2026-11-24T10:00:00+09:00");
    check(xml, &two, &[("640012345678", "in-transit", "2026-11-24T09:00:00+09:00"), delivered]);
    let form = "body = \"form\"\n[event]\nwaybill = \"/invc_no\"\ncode = \"/crg_st\"\ntime = \"/scan_ymd\"\ntime_format = \"%Y%m%d%H%M%S\"";
    check(form, "invc_no=640012345678&crg_st=41&scan_ymd=20261124100000", &[delivered]);
}

#[test]
fn every_built_in_profile_reads_what_its_courier_says() {
    let couriers = super::super::Couriers::load(&[]).unwrap();
    for profile in couriers.iter() {
        let event = |status: ParcelStatus, occurred_at: &str| ParcelEvent {
            tracking_id: "640012345678".to_owned(),
            status: status.as_str().to_owned(),
            occurred_at: occurred_at.to_owned(),
            ..ParcelEvent::default()
        };
        let events = vec![
            event(ParcelStatus::InTransit, "2026-11-24T09:00:00+09:00"),
            event(ParcelStatus::Delivered, "2026-11-24T10:00:00+09:00"),
        ];
        let said = TransportationStatus { events, ..TransportationStatus::default() };
        let words = |report: TransportationStatus| {
            report.events.into_iter().map(|one| (one.status, one.occurred_at)).collect::<Vec<_>>()
        };
        let answer = profile.body.write(&write_answer(profile, &said));
        assert_eq!(words(read_answer(profile, answer.as_bytes()).unwrap()), words(said.clone()), "{}", profile.name);
        let callback = profile.body.write(&write(profile, &said));
        match &profile.hint {
            Some(hint) => {
                let ask = read_hint(profile, hint, callback.as_bytes()).unwrap();
                assert_eq!(ask, ("kr.cjlogistics".to_owned(), "640012345678".to_owned()));
            }
            None => assert_eq!(words(read(profile, callback.as_bytes()).unwrap()), words(said)),
        }
    }
}

#[test]
fn an_answer_that_says_nothing_yet() {
    let couriers = super::super::Couriers::load(&[]).unwrap();
    let profile = couriers.get("tracker-delivery").unwrap();
    let says = |body: &str| says_something(profile, body.as_bytes());
    assert!(!says(r#"{"data": {"track": {"trackingNumber": "1", "events": {"edges": []}}}}"#));
    assert!(!says(r#"{"errors": [{"message": "NOT_FOUND"}], "data": {"track": null}}"#));
    assert!(says("no JSON: kept and told of"));
    assert!(says(r#"{"data": {"track": {"trackingNumber": "1", "events": {"edges": [{"node": {}}]}}}}"#));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_again(
        id in "[a-z0-9]{0,8}",
        events in prop::collection::vec(
            ("[0-9]{1,14}", "DLV|7|[A-Z]{1,3}", 0i64..4_000_000_000, prop::option::of(0u32..9), "[가-힣]{0,4}"),
            1..5,
        ),
    ) {
        let couriers = super::super::Couriers::load(&[]).unwrap();
        let profile = couriers.get("sample-courier").unwrap();
        let events = events.into_iter().map(|(tracking_id, code, at_s, sequence, note)| ParcelEvent {
            tracking_id,
            status: profile.status(&code).as_str().to_owned(),
            courier_code: code,
            occurred_at: DateTime::from_timestamp(at_s, 0).unwrap().to_rfc3339(),
            sequence,
            notes: if note.is_empty() { Vec::new() } else { vec![note] },
            ..ParcelEvent::default()
        });
        let report = TransportationStatus {
            id,
            courier: profile.name.clone(),
            events: events.collect(),
            ..TransportationStatus::default()
        };
        prop_assert_eq!(read(profile, write(profile, &report).to_string().as_bytes()), Ok(report));
    }

    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let couriers = super::super::Couriers::load(&[]).unwrap();
        if let Err(findings) = read(couriers.get("sample-courier").unwrap(), &body) {
            prop_assert!(!findings.is_empty());
        }
    }
}
