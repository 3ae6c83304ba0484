//! What a mail may do: nothing as long as its sender is not proved as agreed. Then it is a draft that waits; a link sent to
//! the sender's registered address, or a person of the centre, releases it. When everything in it is settled it is answered.

use super::super::commit::Work;
use super::super::hub::Hub;
use super::super::told::File;
use super::answer::{self, Report};
use super::marked;
use crate::document::directory::{Agreed, Organisation};
use crate::document::notice::Notice;
use crate::error::{Error, Result};
use crate::model::disposition::InterchangeState;
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Place};
use crate::model::mail::{Evidence, LeftOut, Proof, Released, Why};
use crate::store::Tx;
use crate::store::deliveries::{self, NewDelivery};
use crate::store::mails::{self, Mail};

/// How long a link releases a mail: a week.
const LINK_MS: i64 = 7 * 86_400_000;
/// Links sent to one partner in an hour, so that a forged From cannot fill a mailbox.
const MOST_LINKS: i64 = 20;
const HOUR_MS: i64 = 3_600_000;

fn evidence(mail: &Mail) -> Evidence {
    serde_json::from_str(&mail.evidence).unwrap_or_default()
}

fn is_proved(mail: &Mail, proofs: &[Proof]) -> bool {
    mail.known && evidence(mail).proves(Released::from_word(&mail.released), proofs)
}

fn holds_as_draft(finding: &Finding) -> bool {
    matches!(finding.code, Code::SenderUnproven | Code::UnknownSender)
}

impl Work {
    /// Why a mail must wait, if it must: nobody has its address, or nothing of what is agreed proves it.
    pub(in crate::pipeline) fn unproven(&self, mail: &Mail, agreed: Option<&Agreed>) -> Option<Finding> {
        if !mail.known {
            let shown = if mail.sender.is_empty() { &mail.sender_shown } else { &mail.sender };
            return Some(Finding::error(Code::UnknownSender, Place::default()).found(shown));
        }
        let proofs = match agreed {
            Some(agreed) => agreed.mail_proofs(),
            None => self.directory.mail_proofs(self.interchange.organisation_id, &self.today),
        };
        if is_proved(mail, &proofs) {
            return None;
        }
        let mut words: Vec<String> = proofs.iter().map(ToString::to_string).collect();
        words.dedup();
        Some(Finding::error(Code::SenderUnproven, Place::default()).found(&mail.sender).expected(words.join(", ")))
    }

    /// After an interchange of a mail was decided: the link is sent if the mail is a draft, the answer when all of its
    /// interchanges are settled. Gives how many deliveries that makes.
    pub(in crate::pipeline) fn settle_mail(&self, tx: &mut Tx<'_>, mail: &Mail, now_ms: i64) -> Result<usize> {
        let Some(sender) = self.directory.organisation(mail.organisation_id).filter(|_| mail.known) else {
            return Ok(0);
        };
        let parts = mails::parts(tx, mail.id)?;
        let received = InterchangeState::Received.as_str();
        if (parts.len() as i64) < mail.documents || parts.iter().any(|part| part.state == received) {
            return Ok(0);
        }
        let mut files = Vec::new();
        let mut draft = false;
        for part in &parts {
            let file = File::read(
                tx,
                part.interchange_id,
                &part.file_name,
                part.disposition.as_deref(),
                part.findings.as_deref(),
                sender.language,
            )?;
            draft |=
                file.findings.iter().chain(file.documents.iter().flat_map(|told| &told.findings)).any(holds_as_draft);
            let news = part.told.as_deref() != part.disposition.as_deref();
            files.push((part, file, news));
        }
        if draft {
            return self.ask(tx, mail, sender, now_ms);
        }
        files.retain(|(_, _, news)| *news);
        if files.is_empty() || !mail.automatic.is_empty() {
            return Ok(0);
        }
        for (part, _, _) in &files {
            mails::told(tx, part.interchange_id, part.disposition.as_deref().unwrap_or(""))?;
        }
        let marked = marked::named(files.iter().map(|(part, file, _)| (*part, file)));
        let first = parts.iter().all(|part| part.told.is_none());
        let report = Report {
            mail,
            language: sender.language,
            centre: self.directory.organisation(mail.centre_id).map_or("", |centre| centre.name.as_str()),
            url: self.hub.config.url(),
            files: files.into_iter().map(|(_, file, _)| file).collect(),
            left_out: if first { told_left_out(mail) } else { Vec::new() },
            marked,
        };
        let id = self.hub.ids.next(now_ms);
        put_notice(tx, mail, &answer::notice(&report, id), self.interchange.id, id, now_ms)?;
        Ok(1)
    }

    /// Sends the link that releases a draft, once, where a link is agreed as a proof and somebody would read it.
    fn ask(&self, tx: &mut Tx<'_>, mail: &Mail, sender: &Organisation, now_ms: i64) -> Result<usize> {
        let Some(link) = &self.link else { return Ok(0) };
        let proofs = self.directory.mail_proofs(sender.id, &self.today);
        // What a machine sent is confirmed by the partner's contact; lists and bounces by nobody.
        let to = match mail.automatic.as_str() {
            "" => mail.sender.as_str(),
            "answer" => sender.mail.as_str(),
            _ => "",
        };
        if !proofs.contains(&Proof::Link) || to.is_empty() || !mail.released.is_empty() {
            return Ok(0);
        }
        if mails::links_since(tx, sender.id, now_ms - HOUR_MS)? >= MOST_LINKS
            || !mails::put_link(tx, mail.id, &link.digest(), now_ms + LINK_MS)?
        {
            return Ok(0);
        }
        let url = format!("{}/mail/{}", self.hub.config.url(), link.expose());
        let at = self.time_words(mail.received_ms);
        let id = self.hub.ids.next(now_ms);
        let notice = answer::question(mail, sender.language, to, &at, &url, id);
        put_notice(tx, mail, &notice, self.interchange.id, id, now_ms)?;
        Ok(1)
    }
}

/// The files of a mail whose sender should know that they were not taken.
fn told_left_out(mail: &Mail) -> Vec<LeftOut> {
    let all: Vec<LeftOut> = serde_json::from_str(&mail.left_out).unwrap_or_default();
    all.into_iter().filter(|left| left.why != Why::PassedOver).collect()
}

/// Puts a mail to the sender of a mail into the outbox.
fn put_notice(tx: &mut Tx<'_>, mail: &Mail, notice: &Notice, interchange_id: i64, id: i64, now_ms: i64) -> Result<()> {
    let content =
        serde_json::to_string(notice).map_err(|error| Error::bug("writing a notice as JSON").caused_by(error))?;
    let delivery = NewDelivery {
        id,
        centre_id: mail.centre_id,
        organisation_id: mail.organisation_id,
        agreement_id: 0,
        document_id: None,
        interchange_id,
        trade_id: None,
        kind: "notice",
        document_type: DocumentType::Notice.as_str().to_owned(),
        number: notice.id.clone(),
        message_type: String::new(),
        address: format!("mailto:{}", notice.to),
        content,
        due_ms: now_ms,
        created_ms: now_ms,
    };
    deliveries::insert(tx, &delivery)
}

impl Hub {
    /// Answers a mail in which no document was found, if its sender is proved and did not just write into a thread.
    pub(super) async fn answer_empty(&self, mail_id: i64) -> Result<()> {
        let (directory, today, now_ms) = (self.directory(), self.today(), self.clock.now_ms());
        let (url, id) = (self.config.url(), self.next_id());
        let answered = self
            .store
            .write(move |tx| {
                let Some(mail) = mails::get(tx, mail_id)?.filter(|mail| mail.automatic.is_empty()) else {
                    return Ok(false);
                };
                let left_out = told_left_out(&mail);
                let sender = directory.organisation(mail.organisation_id);
                let proved = is_proved(&mail, &directory.mail_proofs(mail.organisation_id, &today));
                let Some(sender) = sender.filter(|_| proved && (mail.thread.is_empty() || !left_out.is_empty())) else {
                    return Ok(false);
                };
                let report = Report {
                    mail: &mail,
                    language: sender.language,
                    centre: directory.organisation(mail.centre_id).map_or("", |centre| centre.name.as_str()),
                    url: url.clone(),
                    files: Vec::new(),
                    left_out,
                    marked: Vec::new(),
                };
                put_notice(tx, &mail, &answer::notice(&report, id), 0, id, now_ms)?;
                Ok(true)
            })
            .await?;
        if answered {
            self.scheduled.notify_one();
        }
        Ok(())
    }
}
