//! Words of a partner for its columns: what an operator says once holds for the next table.

use dure::model::id::InterchangeId;
use dure::model::role::Role;
use dure::pipeline::worker;
use serde_json::json;

use crate::mail_in::{PROVED, Setting, mail};

fn table(number: &str) -> String {
    format!(
        "발주번호,우리 코드,개수,단가,통화,발주처코드,판매자번호,담당\n\
         {number},LM-40,8,540000,KRW,gln:8801234500012,gln:8801234500043,김\n"
    )
}

#[tokio::test]
async fn what_a_word_means_is_said_once() {
    let mut setting = Setting::new(&["server:mx.hub.example"]).await;
    let agreement = json!({"type": "Agreement", "id": "buyer-in-Order", "party": "buyer", "direction": "in",
        "document_type": "Order", "format": "csv", "mail_proof": ["server:mx.hub.example"]});
    setting.harness.accepted(setting.harness.org("centre"), agreement).await;
    let raw = mail("buyer@sample.example", "w1@sample.example", PROVED, "a.csv", table("PO-L1"));
    let taken = setting.take(&raw).await;
    setting.check(&taken, "decided", "rejected", "품목코드 (item_id)").await;
    let id = taken.interchanges[0];
    let (_, _, findings) = setting.harness.state(id).await;
    assert_eq!(findings.matches("no-column").count(), 2, "{findings}");
    assert!(!findings.contains("\"missing\""), "said once, of the header: {findings}");

    setting.harness.work();
    let person = setting.harness.person("op", Role::Operator, "centre", "ko").await;
    let path = format!("/interchanges/{}", InterchangeId(id));
    let page = person.get(&setting.harness, &path).await.text();
    assert!(page.contains("우리 코드</label>") && page.contains("품목코드 (item_id)</option>"), "{page}");
    let other = setting.harness.person("buyer", Role::Buyer, "buyer", "ko").await;
    assert!(!other.get(&setting.harness, &path).await.text().contains("field.1"));
    let learnt = format!("{path}/columns");
    assert_eq!(other.post(&setting.harness, &learnt, &[("field.1", "item_id")]).await.status, 404);
    let said = [("field.1", "item_id"), ("field.2", "quantity")];
    let answer = person.post(&setting.harness, &learnt, &said).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, format!("{path}?said=learned").as_str()));
    setting.harness.hub.wait_decided(id, 10_000).await.unwrap();
    setting.check(&taken, "decided", "accepted", "").await;
    let directory = setting.harness.hub.directory();
    let agreed =
        directory.agreements().into_iter().rfind(|agreed| agreed.active && agreed.terms.id == "buyer-in-Order");
    let agreed = agreed.unwrap();
    assert_eq!(agreed.terms.columns, ["우리 코드=item_id", "개수=quantity"]);
    assert_eq!(agreed.terms.mail_proof, ["server:mx.hub.example"], "all else stays");

    // The next one is read by itself.
    let raw = mail("buyer@sample.example", "w2@sample.example", PROVED, "b.csv", table("PO-L2"));
    let next = setting.take(&raw).await;
    setting.harness.hub.wait_decided(next.interchanges[0], 10_000).await.unwrap();
    setting.check(&next, "decided", "accepted", "").await;
}

#[tokio::test]
async fn a_field_that_is_none_is_refused() {
    let setting = Setting::new(&["link"]).await;
    let agreement = json!({"type": "Agreement", "id": "buyer-in-Order", "party": "buyer", "direction": "in",
        "document_type": "Order", "format": "csv", "columns": ["우리코드=item_id", "x=nothing"]});
    let id = setting.harness.hand_in(setting.harness.org("centre"), &agreement).await;
    worker::run_once(&setting.harness.hub).await.unwrap();
    let (_, disposition, findings) = setting.harness.state(id).await;
    assert_eq!(disposition, "rejected");
    assert!(findings.contains("columns[2]") && !findings.contains("columns[1]"), "{findings}");
}
