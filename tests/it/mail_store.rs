//! Mails in the store, the same on every engine: kept once, released by a link once, adopted.

use dure::model::disposition::Transport;
use dure::store::interchanges::{self, NewInterchange};
use dure::store::mails::{self, NewMail};
use dure::store::{Store, is_unique_violation};

use crate::engines::{NOW_MS, each};

fn mail(id: i64, message_id: &str, sender: &str) -> NewMail {
    NewMail {
        id,
        centre_id: 1,
        organisation_id: 1,
        known: false,
        channel: "listener".to_owned(),
        message_id: message_id.to_owned(),
        documents_digest: [1; 32],
        sender: sender.to_owned(),
        sender_shown: format!("<{sender}>"),
        return_path: String::new(),
        recipients: "orders@hub.example".to_owned(),
        subject: "발주서".to_owned(),
        thread: vec!["a@x".to_owned(), "b@x".to_owned()],
        automatic: "",
        evidence: "{}".to_owned(),
        documents: 1,
        left_out: "[]".to_owned(),
        answers_delivery_id: None,
        digest: [2; 32],
        size_bytes: 3,
        received_ms: NOW_MS,
    }
}

fn with_interchange(store: &Store, id: i64, mail_id: i64) {
    let new = NewInterchange {
        id,
        centre_id: 1,
        organisation_id: 1,
        transport: Transport::Mail,
        transport_id: Some(format!("mail:{mail_id}")),
        content_type: String::new(),
        charset: String::new(),
        file_name: "a.csv".to_owned(),
        digest: [3; 32],
        size_bytes: 1,
        received_ms: NOW_MS,
        account_id: None,
        answers_delivery_id: None,
        mail_id: Some(mail_id),
    };
    store.write_blocking(move |tx| interchanges::insert(tx, &new, Some(b"x"))).unwrap();
    let held = "UPDATE interchange SET state = 'held', due_ms = NULL WHERE id = ?1";
    store.write_blocking(move |tx| tx.run(held, dure::params![id])).unwrap();
}

#[test]
fn mails_are_kept_released_and_adopted() {
    each(|fresh| {
        let store = fresh.open();
        store
            .write_blocking(|tx| {
                mails::insert_chunk(tx, 7, 0, b"raw")?;
                mails::insert(tx, &mail(7, "1@x", "lee@buyer.example"))?;
                mails::insert(tx, &mail(8, "2@x", "kim@buyer.example"))
            })
            .unwrap();
        let again = store.write_blocking(|tx| mails::insert(tx, &mail(9, "1@x", "eve@x.example")));
        assert!(is_unique_violation(&again.unwrap_err()));
        with_interchange(&store, 20, 7);
        with_interchange(&store, 21, 8);

        let found = store.read_blocking(|tx| mails::same(tx, "1@x", &[1; 32])).unwrap().unwrap();
        assert_eq!((found.id, found.subject.as_str(), found.thread.as_str()), (7, "발주서", "a@x\nb@x"));
        assert_eq!(store.read_blocking(|tx| mails::chunk(tx, 7, 0)).unwrap().as_deref(), Some(&b"raw"[..]));
        assert_eq!(store.read_blocking(|tx| mails::unknown(tx, 10)).unwrap().len(), 2);

        let link = |id, digest: [u8; 32]| {
            store.write_blocking(move |tx| mails::put_link(tx, id, &digest, NOW_MS + 1)).unwrap()
        };
        assert!(link(7, [5; 32]) && !link(7, [6; 32]) && link(8, [6; 32]));
        assert_eq!(store.read_blocking(|tx| mails::by_link(tx, &[5; 32])).unwrap().unwrap().id, 7);
        assert_eq!(store.read_blocking(|tx| mails::links_since(tx, 1, NOW_MS)).unwrap(), 2);

        let state = |id| store.read_blocking(move |tx| interchanges::get(tx, id)).unwrap().unwrap();
        assert_eq!(store.write_blocking(|tx| mails::release(tx, 7, "link", NOW_MS)).unwrap(), 1);
        assert_eq!((state(20).state.as_str(), state(21).state.as_str()), ("received", "held"));
        assert_eq!(store.write_blocking(|tx| mails::adopt(tx, 8, 4, NOW_MS)).unwrap(), 1);
        assert_eq!((state(21).organisation_id, state(21).state.as_str()), (4, "received"));

        store.write_blocking(|tx| mails::told(tx, 21, "accepted")).unwrap();
        let parts = store.read_blocking(|tx| mails::parts(tx, 8)).unwrap();
        assert_eq!((parts.len(), parts[0].told.as_deref()), (1, Some("accepted")));
        let all = store.read_blocking(|tx| mails::list(tx, 1, Some(4), i64::MAX, 10)).unwrap();
        assert!(all.len() == 1 && all[0].known && all[0].released.is_empty());
    });
}
