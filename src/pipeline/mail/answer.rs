//! What the sender of a mail is told, in its language: what was understood, with a link, or what is wrong, in a clerk's words.
//! The question whether a mail is really the partner's is asked here as well.

use super::super::told::{File, say};
use crate::document::notice::Notice;
use crate::model::disposition::Disposition;
use crate::model::finding::Language;
use crate::model::id::DeliveryId;
use crate::model::mail::{LeftOut, Why};
use crate::store::mails::Mail;

/// Files that were not read that are told.
const MOST_LEFT_OUT: usize = 30;
/// Characters of an answer.
const LONGEST_TEXT: usize = 60_000;

/// Everything an answer says.
pub(super) struct Report<'m> {
    /// The mail.
    pub(super) mail: &'m Mail,
    /// The language of its sender.
    pub(super) language: Language,
    /// Who answers.
    pub(super) centre: &'m str,
    /// The hub's address.
    pub(super) url: String,
    /// Files with news.
    pub(super) files: Vec<File>,
    /// Files that were not taken.
    pub(super) left_out: Vec<LeftOut>,
    /// Interchanges whose files go back marked, and the names of those.
    pub(super) marked: Vec<(String, String)>,
}

/// The answer, in the thread of the mail.
pub(super) fn notice(report: &Report<'_>, id: i64) -> Notice {
    let language = report.language;
    let mut text =
        say(language, "보내 주신 메일에 대한 자동 답장입니다.\n", "This answers your mail automatically.\n").to_owned();
    for file in &report.files {
        file.write(&mut text, language, &report.url);
    }
    if report.files.is_empty() {
        text.push('\n');
        text.push_str(say(
            language,
            "메일에서 처리할 문서를 찾지 못했습니다. XML, EDI, CSV, 엑셀 파일을 첨부해 주십시오. ZIP으로 묶어도 됩니다.\n",
            "No document was found in it. Please attach XML, EDI, CSV or Excel files; they may be in a ZIP archive.\n",
        ));
    }
    if !report.left_out.is_empty() {
        text.push('\n');
        text.push_str(say(language, "읽지 않은 파일:\n", "Files that were not read:\n"));
        for left in report.left_out.iter().take(MOST_LEFT_OUT) {
            let name = if left.name.is_empty() { say(language, "메일", "the mail") } else { &left.name };
            text.push_str(&format!("  - {name}: {}\n", why(left.why, language)));
        }
    }
    if !report.marked.is_empty() {
        let names: Vec<&str> = report.marked.iter().map(|(_, name)| name.as_str()).collect();
        text.push('\n');
        text.push_str(say(
            language,
            "지적한 칸을 표시한 파일을 붙였습니다(빨강: 오류, 노랑: 주의, 까닭은 칸의 메모에 있습니다): ",
            "What is wrong is marked in the attached file (red: errors, yellow: remarks; why stands in the comments): ",
        ));
        text.push_str(&format!("{}\n", names.join(", ")));
    }
    let all = report
        .files
        .iter()
        .flat_map(|file| file.documents.iter().map(|told| told.disposition).chain([file.disposition]));
    if all.into_iter().any(|disposition| disposition == Disposition::Rejected) {
        text.push('\n');
        text.push_str(say(
            language,
            "고친 문서를 이 메일에 답장으로 보내 주십시오.\n",
            "Please send the corrected document as a reply to this mail.\n",
        ));
    }
    text.push_str(&format!("\n{}\n{}\n", report.centre, report.url));
    let notice = finish(report.mail, id, language, &report.mail.sender, again_subject(&report.mail.subject), text);
    Notice { marked: report.marked.iter().map(|(interchange, _)| interchange.clone()).collect(), ..notice }
}

/// The question whether a mail is the partner's. It repeats nothing of the mail, which may be anybody's.
pub(super) fn question(mail: &Mail, language: Language, to: &str, at: &str, url: &str, id: i64) -> Notice {
    let count = mail.documents;
    let (subject, text) = match language {
        Language::Ko => (
            "메일로 받은 문서를 확인해 주십시오",
            format!(
                "{at}에 이 주소에서 보낸 것으로 된 메일로 문서 {count}건을 받았습니다.\n직접 보내셨다면 아래 주소를 열어 확인해 주십시오. \
                 확인 전에는 처리하지 않습니다.\n\n{url}\n\n보내지 않으셨다면 아무것도 하지 않으셔도 됩니다.\n"
            ),
        ),
        Language::En => (
            "Please confirm the documents that came by mail",
            format!(
                "On {at} a mail that names this address as its sender brought documents: {count}.\nIf it is yours, please open this \
                 address and confirm it. Until then nothing is done with it.\n\n{url}\n\nIf it is not yours, nothing needs to be done.\n"
            ),
        ),
    };
    finish(mail, id, language, to, subject.to_owned(), text)
}

fn finish(mail: &Mail, id: i64, language: Language, to: &str, subject: String, text: String) -> Notice {
    let mut thread: Vec<String> = mail.thread.lines().map(str::to_owned).collect();
    thread.push(mail.message_id.clone());
    // Message ids of ours for mails without one are nobody else's.
    thread
        .retain(|id| !id.ends_with(".invalid") && id.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')));
    Notice {
        id: DeliveryId(id).to_string().replace("dlv_", "M").to_uppercase(),
        to: to.to_owned(),
        subject,
        text: text.chars().take(LONGEST_TEXT).collect(),
        language: language.as_str().to_owned(),
        thread,
        automatic_answer: Some(true),
        ..Notice::default()
    }
}

fn again_subject(subject: &str) -> String {
    let answered = subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    if answered { subject.to_owned() } else { format!("Re: {subject}").trim_end().to_owned() }
}

fn why(why: Why, language: Language) -> &'static str {
    match why {
        Why::Damaged => say(language, "손상되어 열 수 없습니다", "it is damaged"),
        Why::Encrypted => say(language, "암호가 걸려 있습니다", "it is protected by a password"),
        Why::NoDocument | Why::PassedOver => {
            say(language, "읽을 수 있는 문서 형식이 아닙니다", "its format is not read here")
        }
        Why::TooDeep => say(language, "너무 여러 겹으로 들어 있습니다", "it is too deep inside other files"),
        Why::TooLarge => say(language, "너무 큽니다", "it is too large"),
        Why::TooMany => say(language, "파일이 너무 많습니다", "there are too many files"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::told::Told;
    use super::*;
    use crate::model::finding::{Code, Finding, Place};
    use crate::model::parts::Amount;

    fn mail() -> Mail {
        Mail {
            id: 1,
            centre_id: 1,
            organisation_id: 2,
            known: true,
            channel: "listener".to_owned(),
            message_id: "1@buyer.example".to_owned(),
            sender: "lee@buyer.example".to_owned(),
            sender_shown: "Lee".to_owned(),
            return_path: String::new(),
            recipients: String::new(),
            subject: "발주".to_owned(),
            thread: "0@buyer.example\nx@unnamed.invalid".to_owned(),
            automatic: String::new(),
            evidence: String::new(),
            released: String::new(),
            link_until_ms: None,
            documents: 2,
            left_out: String::new(),
            answers_delivery_id: None,
            digest: Vec::new(),
            size_bytes: 0,
            received_ms: 0,
        }
    }

    fn told(disposition: Disposition, findings: Vec<Finding>) -> Told {
        Told {
            title: "주문".to_owned(),
            number: "PO-1".to_owned(),
            lines: Some(2),
            total: Some(Amount { value: "1234000.50".parse().unwrap(), currency: "KRW".to_owned() }),
            disposition,
            findings,
            path: "/documents/doc_1".to_owned(),
        }
    }

    #[test]
    fn the_answer_says_what_was_understood_and_what_is_wrong() {
        let place = Place { line: Some(3), path: Some("품목코드".to_owned()), ..Place::default() };
        let wrong = Finding::error(Code::UnknownItem, place).found("X-9");
        let mail = mail();
        let file = |name: &str, told: Told| File {
            name: name.to_owned(),
            disposition: told.disposition,
            documents: vec![told],
            more: 0,
            findings: Vec::new(),
        };
        let report = Report {
            mail: &mail,
            language: Language::Ko,
            centre: "충청 표본센터",
            url: "https://hub.example".to_owned(),
            files: vec![
                file("a.csv", told(Disposition::Accepted, Vec::new())),
                file("b.csv", told(Disposition::Rejected, vec![wrong])),
            ],
            left_out: vec![LeftOut { name: "c.pdf".to_owned(), size_bytes: 1, why: Why::NoDocument }],
            marked: Vec::new(),
        };
        let notice = notice(&report, 5);
        assert_eq!((notice.subject.as_str(), notice.to.as_str()), ("Re: 발주", "lee@buyer.example"));
        assert_eq!(notice.thread, ["0@buyer.example", "1@buyer.example"]);
        let expected = "보내 주신 메일에 대한 자동 답장입니다.\n\n[a.csv]\n주문 PO-1: 접수되었습니다\n  2줄, 합계 1,234,000.50 KRW\n  \
                        https://hub.example/documents/doc_1\n\n[b.csv]\n주문 PO-1: 접수되지 않았습니다\n  2줄, 합계 1,234,000.50 KRW\n  - \
                        3번째 줄, 품목코드: X-9 품목이 목록에 없습니다\n  https://hub.example/documents/doc_1\n\n읽지 않은 파일:\n  - c.pdf: \
                        읽을 수 있는 문서 형식이 아닙니다\n\n고친 문서를 이 메일에 답장으로 보내 주십시오.\n\n충청 표본센터\nhttps://hub.example\n";
        assert_eq!(notice.text, expected);
        let report = Report { language: Language::En, ..report };
        let text = super::notice(&report, 5).text;
        assert!(text.contains("line 3, 품목코드: the item X-9 is not in the catalogue"), "{text}");
    }

    #[test]
    fn subjects_of_answers() {
        assert_eq!((again_subject("RE: x"), again_subject("")), ("RE: x".to_owned(), "Re:".to_owned()));
    }
}
