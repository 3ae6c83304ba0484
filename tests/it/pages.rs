//! The pages of the portal: each as each role in both languages, what forms carry and refuse, what is told of what does not
//! exist, lists without anything, findings beside their fields.

use axum::body::Body;
use axum::http::Request;
use dure::model::id::{AccountId, DeliveryId, DocumentId, InterchangeId};
use dure::model::role::Role;
use dure::pipeline::worker;
use dure::portal::PAGES;
use dure::portal::rights::{Method, Scope};
use dure::store::accounts;
use dure::transport::mail::intake::{Intake, Settings};
use dure::transport::smtp::Envelope;
use futures_util::StreamExt;
use serde_json::json;

use crate::harness::{Harness, NOON, Trade, order};
use crate::pages_people::{Page, Person, check_page, fields, statement};

/// The organisation a role is tried with.
fn party(role: Role) -> &'static str {
    match role {
        Role::Administrator | Role::Operator | Role::Reviewer => "centre",
        Role::Buyer => "buyer",
        Role::Producer => "maker-a",
        Role::Seller => "shop",
    }
}

async fn people(harness: &Harness, language: &str) -> Vec<Person> {
    let mut people = Vec::new();
    for &role in Role::ALL {
        people.push(harness.person(&format!("{role:?}-{language}"), role, party(role), language).await);
    }
    people
}

/// An address of a page that this person may see something at: an object of its own.
fn address(path: &str, person: &Person, trade: &Trade, agreement: &str, statement: DeliveryId) -> String {
    let own = |name: &str| person.party == "centre" || person.party == name;
    let interchange = trade.interchanges.iter().find(|(who, _)| own(who)).map(|(_, id)| id.to_string());
    let document = trade.documents.iter().find(|(who, ..)| own(who)).map(|(.., id)| id.to_string());
    let delivery = trade.deliveries.iter().find(|(to, ..)| own(to)).map(|(_, _, id, _)| *id);
    let delivery = Some(delivery.unwrap_or(statement).to_string());
    // The seller sent nothing: the order names it, and it was sent a statement.
    let named = || trade.documents.iter().find(|(_, kind, _)| kind == "Order").map(|(.., id)| id.to_string());
    let id = match path.split('/').nth(1).unwrap() {
        "interchanges" => interchange,
        "documents" => document.or_else(named),
        "deliveries" => delivery,
        "trades" => Some(trade.trade.to_string()),
        "agreements" => Some(agreement.to_owned()),
        "accounts" => Some(AccountId(person.id).to_string()),
        _ => None,
    };
    path.replace("{id}", &id.unwrap_or_else(|| InterchangeId(1).to_string())).replace("{short}", person.party)
}

/// The id of an agreement of the centre.
fn an_agreement(harness: &Harness) -> String {
    let id = harness.hub.directory().agreements().iter().find(|agreed| agreed.terms.party == "buyer").unwrap().id;
    dure::model::id::AgreementId(id).to_string()
}

/// The id of a parcel of the trade.
fn a_parcel(harness: &Harness, trade: &Trade) -> String {
    let id = trade.trade.0;
    let found = harness.hub.store.read_blocking(move |tx| dure::store::parcels::of_trade(tx, id)).unwrap();
    dure::model::id::ParcelId(found[0].id).to_string()
}

/// Words that stand in English pages because the data is Korean.
const KOREAN_DATA: &[&str] = &["충청 표본센터", "레이저 거리계", "교정용 타깃", "한국어"];

#[tokio::test]
async fn every_page_as_every_role_in_both_languages() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    let (agreement, statement) = (an_agreement(&harness), statement(&harness).await);
    for language in ["ko", "en"] {
        for person in people(&harness, language).await {
            for page in PAGES.iter().filter(|page| page.method == Method::Get && page.path != "/live") {
                let label = page.path == "/parcels/{id}/label";
                let path = match label {
                    true => page.path.replace("{id}", &a_parcel(&harness, &trade)),
                    false => address(page.path, &person, &trade, &agreement, statement),
                };
                let answer = person.get(&harness, &path).await;
                let case = format!("{language} {:?} {path}", person.role);
                if page.rights.of(person.role) == Scope::Nothing {
                    assert_eq!(answer.status, 404, "{case}");
                    check_page(&answer, language, Some(&person));
                    continue;
                }
                if page.path == "/find" {
                    // Nothing was looked for.
                    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/trades"), "{case}");
                    continue;
                }
                if label && !["centre", "maker-a"].contains(&person.party) {
                    assert_eq!(answer.status, 404, "a label is of who ships: {case}");
                    continue;
                }
                if person.party == "shop" && page.path.starts_with("/interchanges/{id}") {
                    assert_eq!(answer.status, 404, "a seller hands in nothing: {case}");
                    continue;
                }
                assert_eq!(answer.status, 200, "{case}: {}", answer.text());
                if ["/payload", "/body", "/json"].iter().any(|end| page.path.ends_with(end)) {
                    let disposition = answer.header("content-disposition");
                    assert!(disposition.starts_with("attachment; filename=\""), "{case}: {disposition}");
                    assert!(!answer.header("content-type").contains("html"), "{case}");
                    continue;
                }
                let page = check_page(&answer, language, Some(&person));
                if language == "en" {
                    let mut words = page.words();
                    KOREAN_DATA.iter().for_each(|data| words = words.replace(data, ""));
                    let korean = |word: &&str| word.chars().any(|c| ('가'..='힣').contains(&c));
                    let left: Vec<&str> = words.split_whitespace().filter(korean).collect();
                    assert!(left.is_empty(), "Korean in English, {case}: {left:?}");
                }
                // The menu has what is the person's, and says where the page stands.
                let menu = page.between("<nav", "</nav>")[0].to_owned();
                for entry in
                    ["/trades", "/interchanges", "/deliveries", "/partners", "/bookings", "/channels", "/accounts"]
                {
                    let table = PAGES.iter().find(|page| page.path == entry).unwrap();
                    let expected = table.rights.of(person.role) != Scope::Nothing;
                    assert_eq!(menu.contains(&format!("href=\"{entry}\"")), expected, "{case} {entry}");
                }
            }
        }
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_the_door() {
    let harness = Harness::new().await;
    for page in PAGES {
        let path = page.path.replace("{id}", "trd_0000000000001").replace("{short}", "buyer").replace("{key}", "key_1");
        let method = if page.method == Method::Get { "GET" } else { "POST" };
        let answer = harness.call(method, &path, &[], Body::empty()).await;
        let to = match (method, path.as_str()) {
            ("GET", "/") | ("POST", _) => "/sign-in".to_owned(),
            _ => format!("/sign-in?{}", fields(&[("next", &path)])),
        };
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, to.as_str()), "{path}");
    }
    // An address that is no page says as little.
    let answer = harness.call("GET", "/nothing-here", &[], Body::empty()).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/sign-in"));
    for (asked, language) in [("en-GB,en;q=0.9", "en"), ("ko", "ko"), ("de", "ko")] {
        let answer = harness.call("GET", "/sign-in?next=/trades", &[("accept-language", asked)], Body::empty()).await;
        let page = check_page(&answer, language, None);
        assert_eq!((answer.status.as_u16(), page.hidden("next").as_str()), (200, "/trades"));
        let away = harness.call("GET", "/sign-in?next=//evil.example/", &[], Body::empty()).await;
        assert_eq!(Page::of(&away).hidden("next"), "/");
    }
}

#[tokio::test]
async fn signing_in_and_out() {
    let harness = Harness::new().await;
    let person = harness.person("kim@sample.example", Role::Operator, "centre", "en").await;
    let hash = dure::portal::password::hash(&dure::model::secret::Secret::new("두레 두레 두레")).unwrap();
    harness.hub.store.write(move |tx| accounts::set_password(tx, "kim@sample.example", &hash)).await.unwrap();
    // Setting a password ended the session.
    assert_eq!(person.get(&harness, "/").await.header("location"), "/sign-in");

    let door = harness.call("GET", "/sign-in", &[("accept-language", "en")], Body::empty()).await;
    let (page, cookie) =
        (check_page(&door, "en", None), door.header("set-cookie").split(';').next().unwrap().to_owned());
    let token = page.hidden("csrf");
    let enter = async |cookie: &str, token: &str, password: &str| {
        let body =
            fields(&[("csrf", token), ("login", "kim@sample.example"), ("password", password), ("next", "/trades")]);
        let headers =
            [("cookie", cookie), ("content-type", "application/x-www-form-urlencoded"), ("accept-language", "en")];
        harness.call("POST", "/sign-in", &headers, body).await
    };
    assert_eq!(enter(&cookie, "guessed", "두레 두레 두레").await.status, 403);
    assert_eq!(enter("", &token, "두레 두레 두레").await.status, 403);
    assert_eq!(enter(&cookie, &token, "\0").await.status, 401);
    let wrong = enter(&cookie, &token, "no").await;
    assert_eq!(wrong.status, 401);
    let text = check_page(&wrong, "en", None).0;
    assert!(text.contains("role=\"alert\"") && text.contains("value=\"kim@sample.example\""), "{text}");
    let right = enter(&cookie, &token, "두레 두레 두레").await;
    assert_eq!((right.status.as_u16(), right.header("location")), (303, "/trades"), "{}", right.text());
    let set = right.header("set-cookie");
    assert!(set.starts_with("dure=") && set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
    let person = Person { cookie: set.split(';').next().unwrap().to_owned(), ..person };
    let start = person.get(&harness, "/").await;
    assert_eq!(start.status, 200);
    let person = Person { csrf: Page::of(&start).hidden("csrf"), ..person };

    // One's own password: a wrong one and a short one change nothing, a good one ends other sessions.
    let change = async |person: &Person, present: &str, next: &str, again: &str| {
        let pairs = [("present", present), ("next_password", next), ("again", again)];
        person.post(&harness, "/account", &pairs).await
    };
    let old = "두레 두레 두레";
    for (present, next, again, field) in [
        ("guessed", "a long enough one", "a long enough one", "present"),
        (old, "short", "short", "next_password"),
        (old, "a long enough one", "another long one", "next_password"),
        (old, old, old, "next_password"),
    ] {
        let answer = change(&person, present, next, again).await;
        assert_eq!(answer.status, 422, "{present} {next}");
        assert_eq!(check_page(&answer, "en", Some(&person)).wrong(field).len(), 1, "{present} {next}");
    }
    let second = enter(&cookie, &token, old).await.header("set-cookie").split(';').next().unwrap().to_owned();
    let answer = change(&person, old, "a long enough one", "a long enough one").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, "/account?said=password"),
        "{}",
        answer.text()
    );
    assert_eq!(Person { cookie: second, ..person.clone() }.get(&harness, "/").await.header("location"), "/sign-in");
    let person = Person { cookie: answer.header("set-cookie").split(';').next().unwrap().to_owned(), ..person };
    let start = person.get(&harness, "/account?said=password").await;
    let person = Person { csrf: Page::of(&start).hidden("csrf"), ..person };
    assert!(check_page(&start, "en", Some(&person)).words().contains("The password was changed"));
    assert_eq!(enter(&cookie, &token, old).await.status, 401);

    // The language is the account's from now on, and of this browser.
    let answer = person.post(&harness, "/language", &[("language", "ko"), ("next", "/trades")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/trades"));
    assert!(answer.header("set-cookie").starts_with("dure-language=ko;"));
    check_page(&person.get(&harness, "/").await, "ko", Some(&person));

    assert_eq!(person.post_as_it_is(&harness, "/sign-out", &[]).await.status, 403);
    let answer = person.post(&harness, "/sign-out", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/sign-in"));
    assert_eq!(person.get(&harness, "/").await.header("location"), "/sign-in");

    // Too many failures: nothing is looked at until they are old.
    let note = |tx: &mut dure::store::Tx<'_>| {
        (0..8).try_for_each(|_| accounts::note_failure(tx, "name kim@sample.example", NOON, NOON - 1_000_000))
    };
    harness.hub.store.write(note).await.unwrap();
    let slow = enter(&cookie, &token, "두레 두레 두레").await;
    assert_eq!((slow.status.as_u16(), slow.header("retry-after")), (429, "900"), "{}", slow.text());
    check_page(&slow, "en", None);
}

#[tokio::test]
async fn forms_of_others_and_of_other_sites_change_nothing() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    let operator = harness.person("operator", Role::Operator, "centre", "ko").await;
    let other = harness.person("other", Role::Administrator, "centre", "en").await;
    let agreement = an_agreement(&harness);
    for page in PAGES.iter().filter(|page| page.method == Method::Post) {
        let path = address(page.path, &other, &trade, &agreement, DeliveryId(1)).replace("{key}", "key_0000000000001");
        for pairs in [&[][..], &[("csrf", "")], &[("csrf", operator.csrf.as_str())]] {
            let answer = other.post_as_it_is(&harness, &path, pairs).await;
            assert_eq!(answer.status, 403, "{path} {pairs:?}");
            check_page(&answer, "en", Some(&other));
        }
        let headers = [
            ("cookie", other.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "cross-site"),
        ];
        let answer = harness.call("POST", &path, &headers, fields(&[("csrf", &other.csrf)])).await;
        assert_eq!(answer.status, 403, "{path} from another site");
    }
    // Rights are read anew at every request: an account that ended is out at once.
    assert_eq!(other.get(&harness, "/").await.status, 200);
    let ended =
        json!({"type": "Account", "id": "other", "role": "administrator", "party": "centre", "status": "ended"});
    harness.accepted(harness.org("centre"), ended).await;
    assert_eq!(other.get(&harness, "/").await.header("location"), "/sign-in");
}

#[tokio::test]
async fn what_does_not_exist_and_what_is_not_yours_are_told_alike() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    let buyer = harness.person("buyer", Role::Buyer, "buyer", "ko").await;
    let nothing = buyer.get(&harness, "/nowhere").await;
    assert_eq!(nothing.status, 404);
    check_page(&nothing, "ko", Some(&buyer));
    let makers = trade.interchanges.iter().find(|(who, _)| *who == "maker-a").unwrap().1;
    let makers_delivery = trade.deliveries.iter().find(|(to, ..)| *to == "maker-a").unwrap().2;
    let own = trade.documents.iter().find(|(who, ..)| *who == "maker-a").unwrap().2;
    let agreement = an_agreement(&harness);
    for path in [
        format!("/interchanges/{makers}"),
        format!("/interchanges/{makers}/payload"),
        "/interchanges/ix_0000000000001".to_owned(),
        "/interchanges/nonsense".to_owned(),
        format!("/deliveries/{makers_delivery}"),
        format!("/deliveries/{makers_delivery}/body"),
        format!("/documents/{own}"),
        format!("/documents/{makers_delivery}"),
        "/trades/trd_0000000000001".to_owned(),
        "/partners/maker-a".to_owned(),
        "/partners/nobody".to_owned(),
        "/partners".to_owned(),
        "/accounts".to_owned(),
        "/bookings".to_owned(),
        "/channels".to_owned(),
        format!("/agreements/{agreement}"),
        "/new/partner".to_owned(),
    ] {
        let answer = buyer.get(&harness, &path).await;
        assert_eq!(answer.status, 404, "{path}");
        let (told, expected) = (check_page(&answer, "ko", Some(&buyer)).words(), Page::of(&nothing).words());
        assert_eq!(told, expected, "{path}");
    }
    for (path, fields) in [("/new/partner", &[("id", "x")][..]), ("/deliveries/dlv_0000000000001/resend", &[])] {
        assert_eq!(buyer.post(&harness, path, fields).await.status, 404, "{path}");
    }
    let found = buyer.get(&harness, "/find?q=no-such-number").await;
    assert_eq!(found.status, 200);
    assert!(check_page(&found, "ko", Some(&buyer)).0.contains("조건에 맞는 것이 없습니다"));
    // Identifiers lead on: as they were written, without hyphens, in any case.
    let to = format!("/trades/{}", trade.trade);
    for known in ["PO-1107", "po1107", "571200341178", trade.trade.to_string().as_str()] {
        assert_eq!(buyer.get(&harness, &format!("/find?q={known}")).await.header("location"), to, "{known}");
    }
    // A number of another leg is nothing to the buyer.
    let found = buyer.get(&harness, "/find?q=PO-1107/1").await;
    assert_eq!(found.status, 200, "{}", found.header("location"));
}

#[tokio::test]
async fn lists_without_anything_say_so() {
    let harness = Harness::new().await;
    for (language, login) in [("ko", "a"), ("en", "b")] {
        let buyer = harness.person(login, Role::Buyer, "buyer-2", language).await;
        let say = |ko: &'static str, en: &'static str| if language == "ko" { ko } else { en };
        for (path, sentence) in [
            ("/", say("아직 거래가 없습니다.", "No trades yet.")),
            ("/trades", say("아직 거래가 없습니다.", "No trades yet.")),
            ("/interchanges", say("아직 문서가 없습니다.", "No documents yet.")),
            ("/deliveries", say("아직 나간 문서가 없습니다.", "Nothing has gone out yet.")),
            ("/interchanges?standing=held", say("조건에 맞는 것이 없습니다.", "Nothing matches.")),
            ("/deliveries?state=dead", say("조건에 맞는 것이 없습니다.", "Nothing matches.")),
        ] {
            let page = check_page(&buyer.get(&harness, path).await, language, Some(&buyer));
            assert!(page.0.contains(sentence), "{path}: {sentence}: {}", page.words());
        }
    }
    // Nonsense in the address narrows to nothing or to everything, and breaks nothing.
    let buyer = harness.person("c", Role::Buyer, "buyer-2", "ko").await;
    for path in [
        "/trades?before=x",
        "/trades?before=1.trd_",
        "/interchanges?before=ix_zz&standing=nothing",
        "/interchanges?transport=%20&partner=%EA%B0%80",
        "/deliveries?before=1&partner=nobody",
        "/find?q=%ef%bf%bf",
        "/?said=nothing",
    ] {
        let answer = buyer.get(&harness, path).await;
        assert_eq!(answer.status, 200, "{path} {}", answer.text());
    }
    for path in ["/partners/%00", "/interchanges?standing=%00", "/deliveries?state=%00", "/find?q=%00", "/trades/%00/x"]
    {
        assert_eq!(buyer.get(&harness, path).await.status, 404, "{path}");
    }
    let answer = buyer.get(&harness, "/documents/%ff").await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
}

/// The fields of a form as it came, with some filled in otherwise.
fn filled<'a>(page: &'a Page, changes: &[(&'a str, &'a str)]) -> Vec<(String, String)> {
    let form = page.between("<form class=\"form\"", "</form>")[0].to_owned();
    let inner = Page(form);
    let attribute = |tag: &str, name: &str| {
        tag.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("").to_owned()
    };
    let mut pairs: Vec<(String, String)> = Vec::new();
    for tag in inner.tags("input") {
        if !tag.contains("type=\"checkbox\"") || tag.contains(" checked") {
            pairs.push((attribute(tag, "name"), attribute(tag, "value")));
        }
    }
    for select in inner.between("<select", "</select>") {
        let options: Vec<&str> = select.split("<option").skip(1).collect();
        let chosen = options.iter().find(|option| option.contains(" selected")).or(options.first());
        pairs.push((attribute(select, "name"), chosen.map_or(String::new(), |option| attribute(option, "value"))));
    }
    for (name, value) in changes {
        pairs.retain(|(field, _)| field != name);
        pairs.push(((*name).to_owned(), (*value).to_owned()));
    }
    pairs
}

async fn send(harness: &Harness, person: &Person, path: &str, pairs: &[(String, String)]) -> crate::harness::Answer {
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    person.post_as_it_is(harness, path, &pairs).await
}

#[tokio::test]
async fn a_partner_by_form() {
    let mut harness = Harness::new().await;
    let operator = harness.person("operator", Role::Operator, "centre", "ko").await;
    harness.work();
    let page = check_page(&operator.get(&harness, "/new/partner").await, "ko", Some(&operator));
    // A wrong check digit, and no name.
    let pairs = filled(&page, &[("id", "maker-c"), ("roles", "producer"), ("identifiers.1", "gln:8801234500013")]);
    let answer = send(&harness, &operator, "/new/partner", &pairs).await;
    assert_eq!(answer.status, 422);
    let page = check_page(&answer, "ko", Some(&operator));
    assert_eq!(page.wrong("identifiers.1"), ["gln:8801234500013의 검증 숫자는 2이어야 합니다"]);
    assert_eq!(page.wrong("name").len(), 1, "{}", page.words());
    assert!(
        page.0.contains("value=\"maker-c\"") && page.0.contains("value=\"producer\" checked"),
        "what was typed stays"
    );

    let pairs = filled(&page, &[("name", "표본광학"), ("identifiers.1", "gln:8801234500074")]);
    let answer = send(&harness, &operator, "/new/partner", &pairs).await;
    let to = "/partners/maker-c?said=saved";
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, to), "{}", Page(answer.text()).words());
    // A second click is the same call.
    assert_eq!(send(&harness, &operator, "/new/partner", &pairs).await.status, 422, "the name is taken by now");
    let page = check_page(&operator.get(&harness, to).await, "ko", Some(&operator));
    assert!(page.words().contains("저장했습니다") && page.words().contains("GLN 8801234500074"), "{}", page.words());
    let taken = filled(
        &check_page(&operator.get(&harness, "/new/partner").await, "ko", Some(&operator)),
        &[("id", "buyer"), ("name", "x")],
    );
    assert_eq!(send(&harness, &operator, "/new/partner", &taken).await.status, 422);
    assert_eq!(harness.hub.directory().by_short("buyer").unwrap().name, "buyer");

    // Two clerks and one form: the second is told what differs, and what is there stays.
    let edit = "/partners/maker-c/edit";
    let first = check_page(&operator.get(&harness, edit).await, "ko", Some(&operator));
    let second = check_page(&operator.get(&harness, edit).await, "ko", Some(&operator));
    let answer = send(&harness, &operator, edit, &filled(&first, &[("contact.telephone", "042-000-0001")])).await;
    assert_eq!(answer.status, 303);
    let answer = send(&harness, &operator, edit, &filled(&second, &[("contact.telephone", "042-000-0002")])).await;
    assert_eq!(answer.status, 422);
    let page = check_page(&answer, "ko", Some(&operator));
    assert!(page.words().contains("다른 사람이 고쳤습니다"));
    assert_eq!(page.between("<table class=\"compare\">", "</table>").len(), 1);
    assert!(page.0.contains("042-000-0001") && page.0.contains("042-000-0002"));
    let answer = send(&harness, &operator, edit, &filled(&page, &[])).await;
    assert_eq!(answer.status, 303, "knowing what differs it may be saved");
    let page = check_page(&operator.get(&harness, "/partners/maker-c").await, "ko", Some(&operator));
    assert!(page.words().contains("042-000-0002"));
}

#[tokio::test]
async fn an_agreement_by_form_releases_what_was_held() {
    let mut harness = Harness::new().await;
    let held = harness.hand_in(harness.org("maker-b"), &crate::harness::despatch("DA-9", "PO-1107/2")).await;
    assert_eq!(harness.state(held).await.0, "held");
    harness.work();
    let operator = harness.person("operator", Role::Operator, "centre", "en").await;
    let page = check_page(
        &operator.get(&harness, &format!("/interchanges/{}", InterchangeId(held))).await,
        "en",
        Some(&operator),
    );
    assert!(page.words().contains("There is no agreement for this yet."), "{}", page.words());

    let page = check_page(&operator.get(&harness, "/new/agreement?party=maker-b").await, "en", Some(&operator));
    assert!(page.0.contains("<option value=\"maker-b\" selected>"));
    // Without an address nothing can go out.
    let out = filled(&page, &[("direction", "out"), ("document_type", "Statement"), ("seller_share_percent", "120")]);
    let answer = send(&harness, &operator, "/new/agreement", &out).await;
    assert_eq!(answer.status, 422);
    let back = check_page(&answer, "en", Some(&operator));
    assert_eq!((back.wrong("address").len(), back.wrong("seller_share_percent").len()), (1, 1), "{}", back.words());

    let good = filled(
        &page,
        &[
            ("direction", "in"),
            ("document_type", "DespatchAdvice"),
            ("format", "dure-json"),
            ("retry_s", "60 300"),
            ("mail_proof", "dkim, link"),
        ],
    );
    let answer = send(&harness, &operator, "/new/agreement", &good).await;
    assert_eq!(answer.header("location"), "/partners/maker-b?said=saved", "{}", Page(answer.text()).words());
    let directory = harness.hub.directory();
    let agreed =
        directory.agreements().into_iter().find(|agreed| agreed.terms.id == "maker-b-in-DespatchAdvice").unwrap();
    assert_eq!((agreed.version, agreed.terms.retry_s.as_slice()), (1, &[60, 300][..]));
    assert_eq!(agreed.terms.mail_proof, ["dkim", "link"]);
    harness.hub.wait_decided(held, 5_000).await.unwrap();
    assert_ne!(harness.state(held).await.0, "held", "what waited for the agreement is processed again");

    let edit = format!("/agreements/{}", dure::model::id::AgreementId(agreed.id));
    let page = check_page(&operator.get(&harness, &edit).await, "en", Some(&operator));
    let answer =
        send(&harness, &operator, &edit, &filled(&page, &[("id", "another-name"), ("patience_s", "60")])).await;
    assert_eq!(answer.status, 303, "{}", Page(answer.text()).words());
    let directory = harness.hub.directory();
    let versions: Vec<i64> = directory
        .agreements()
        .iter()
        .filter(|agreed| agreed.terms.party == "maker-b" && agreed.terms.document_type == "DespatchAdvice")
        .map(|agreed| agreed.version)
        .collect();
    assert!(versions.contains(&2), "the name of what is changed is not up to the form: {versions:?}");
}

#[tokio::test]
async fn accounts_by_form() {
    let mut harness = Harness::new().await;
    harness.work();
    let admin = harness.person("admin", Role::Administrator, "centre", "ko").await;
    let page = check_page(&admin.get(&harness, "/new/account").await, "ko", Some(&admin));
    // Who sees the whole centre belongs to it.
    let wrong = filled(&page, &[("id", "lee"), ("role", "operator"), ("party", "buyer")]);
    let answer = send(&harness, &admin, "/new/account", &wrong).await;
    assert_eq!(answer.status, 422);
    assert_eq!(check_page(&answer, "ko", Some(&admin)).wrong("party").len(), 1);

    let good =
        filled(&page, &[("id", "lee"), ("name", "이두레"), ("role", "buyer"), ("party", "buyer"), ("_nonce", "n2")]);
    let answer = send(&harness, &admin, "/new/account", &good).await;
    assert_eq!(answer.header("location"), "/accounts?said=added", "{}", Page(answer.text()).words());
    let list = check_page(&admin.get(&harness, "/accounts?said=added").await, "ko", Some(&admin));
    assert!(list.words().contains("이두레") && list.words().contains("비밀번호 없음"), "{}", list.words());
    let again = filled(&page, &[("id", "lee"), ("role", "seller"), ("party", "shop"), ("_nonce", "n3")]);
    assert_eq!(send(&harness, &admin, "/new/account", &again).await.status, 422, "nobody is overwritten");

    let found = harness.hub.store.read(|tx| accounts::by_login(tx, "lee")).await.unwrap().unwrap();
    let path = format!("/accounts/{}", AccountId(found.id));
    let answer = admin.post(&harness, &format!("{path}/password"), &[]).await;
    let page = check_page(&answer, "ko", Some(&admin));
    let password = page.between("<output class=\"id\">", "</output>")[0].to_owned();
    let kept = harness.hub.store.read(|tx| accounts::by_login(tx, "lee")).await.unwrap().unwrap();
    assert!(dure::portal::password::fits(&dure::model::secret::Secret::new(password.as_str()), &kept.password));
    assert!(!check_page(&admin.get(&harness, "/accounts").await, "ko", Some(&admin)).0.contains(&password));

    let page = check_page(&admin.get(&harness, &path).await, "ko", Some(&admin));
    let answer = send(&harness, &admin, &path, &filled(&page, &[("status", "ended")])).await;
    assert_eq!(answer.header("location"), "/accounts?said=saved", "{}", Page(answer.text()).words());
    assert_eq!(harness.hub.store.read(|tx| accounts::by_login(tx, "lee")).await.unwrap().unwrap().status, "ended");
    assert_eq!(admin.post(&harness, &format!("{path}/password"), &[]).await.status, 404, "it is over");

    // Nobody locks out themselves.
    let own = format!("/accounts/{}", AccountId(admin.id));
    let page = check_page(&admin.get(&harness, &own).await, "ko", Some(&admin));
    for change in [("status", "ended"), ("role", "buyer")] {
        assert_eq!(send(&harness, &admin, &own, &filled(&page, &[change])).await.status, 422, "{change:?}");
    }
    assert_eq!(admin.get(&harness, "/accounts").await.status, 200);
}

#[tokio::test]
async fn an_interchange_shows_what_its_sender_wrote_and_what_is_wrong_with_it() {
    let harness = Harness::new().await;
    harness.whole_trade().await;
    let mut wrong = order("PO-2");
    wrong["lines"][1]["quantity"]["value"] = json!("many");
    let id = harness.hand_in(harness.org("buyer"), &wrong).await;
    let path = format!("/interchanges/{}", InterchangeId(id));
    for (language, role, party) in [("ko", Role::Buyer, "buyer"), ("en", Role::Operator, "centre")] {
        let person = harness.person(language, role, party, language).await;
        let page = check_page(&person.get(&harness, &path).await, language, Some(&person));
        // In the tree, beside the value it is about; the way to it is unfolded.
        let tree = page.between("<div class=\"tree\">", "</section>")[0].to_owned();
        let row = tree.split("many").nth(1).unwrap();
        assert!(row.split("class=\"leaf\"").next().unwrap().contains("class=\"finding bad\""), "{tree}");
        assert!(tree.contains("<details open><summary><b>lines 2</b>"), "{tree}");
        // And as bytes.
        assert!(page.0.contains("&#34;many&#34;"), "the bytes are there as well");
        let keeper = party == "centre";
        assert_eq!(page.0.contains(&format!("{path}/replay")), keeper, "who keeps the centre may process it again");
        let exact = person.get(&harness, &format!("{path}/payload")).await;
        assert_eq!(exact.text(), wrong.to_string());
    }
    let operator = harness.person("operator", Role::Operator, "centre", "ko").await;
    let answer = operator.post(&harness, &format!("{path}/replay"), &[]).await;
    assert_eq!(answer.header("location"), format!("{path}?said=replayed"));
    worker::run_once(&harness.hub).await.unwrap();
    assert_eq!(harness.state(id).await.1, "rejected");
}

#[tokio::test]
async fn a_document_that_may_be_the_same_again_is_decided_by_a_person() {
    let harness = Harness::new().await;
    harness.whole_trade().await;
    let nameless = order("");
    let first = harness.hand_in(harness.org("buyer"), &nameless).await;
    assert_eq!(harness.state(first).await.1, "accepted", "{:?}", harness.state(first).await);
    let mut body = nameless.to_string();
    body.push('\n');
    let second = harness.hand_in(harness.org("buyer"), &serde_json::from_str(&body).unwrap()).await;
    assert_eq!(harness.state(second).await.0, "held", "{:?}", harness.state(second).await);
    let operator = harness.person("operator", Role::Operator, "centre", "ko").await;
    let path = format!("/interchanges/{}", InterchangeId(second));
    let page = check_page(&operator.get(&harness, &path).await, "ko", Some(&operator));
    assert!(page.words().contains("새 문서인지 같은 문서인지 정해 주십시오"), "{}", page.words());
    assert!(page.0.contains("name=\"confirmed\" value=\"yes\""));
    let day = check_page(&operator.get(&harness, "/").await, "ko", Some(&operator));
    assert!(day.0.contains(&path), "it waits for somebody on the first page");
    let answer = operator.post(&harness, &format!("{path}/replay"), &[("confirmed", "yes")]).await;
    assert_eq!(answer.status, 303);
    worker::run_once(&harness.hub).await.unwrap();
    assert_eq!(harness.state(second).await.1, "accepted");
}

#[tokio::test]
async fn a_mail_is_released_by_who_vouches_for_its_sender() {
    let harness = Harness::new().await;
    let intake = Intake::new(&harness.hub, &Settings::default()).unwrap();
    let body = order("PO-3").to_string();
    let raw = format!(
        "From: 구매 담당 <buyer@sample.example>\r\nTo: orders@hub.example\r\nSubject: 발주 3\r\nMessage-ID: <1@sample.example>\r\n\
         MIME-Version: 1.0\r\nContent-Type: application/json; name=\"order.json\"\r\nContent-Disposition: attachment; filename=\"order.json\"\r\n\r\n{body}"
    );
    let taken = intake.take("listener", Envelope::default(), false, raw.into_bytes().into()).await.unwrap();
    worker::run_once(&harness.hub).await.unwrap();
    let id = taken.interchanges[0];
    assert_eq!(harness.state(id).await.0, "held", "{:?}", harness.state(id).await);
    let path = format!("/interchanges/{}", InterchangeId(id));
    let button = format!("action=\"{path}/release\"");
    let buyer = harness.person("buyer", Role::Buyer, "buyer", "ko").await;
    let page = check_page(&buyer.get(&harness, &path).await, "ko", Some(&buyer));
    assert!(
        page.words().contains("보낸 이가 아직 확인되지 않았습니다") && page.words().contains("발주 3"),
        "{}",
        page.words()
    );
    assert!(!page.0.contains(&button));
    assert_eq!(buyer.post(&harness, &format!("{path}/release"), &[]).await.status, 404);
    let operator = harness.person("operator", Role::Operator, "centre", "ko").await;
    let page = check_page(&operator.get(&harness, &path).await, "ko", Some(&operator));
    assert!(page.0.contains(&button), "{}", page.words());
    let answer = operator.post(&harness, &format!("{path}/release"), &[]).await;
    assert_eq!(answer.header("location"), format!("{path}?said=released"));
    worker::run_once(&harness.hub).await.unwrap();
    // Its items are unknown here: it is decided, and not held any more.
    assert_eq!(harness.state(id).await.0, "decided");
}

#[tokio::test]
async fn a_trade_says_each_thing_once() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    let path = format!("/trades/{}", trade.trade);
    // What the line of time is made of, newest first.
    for (role, party, expected) in [
        (Role::Operator, "centre", &["정산서", "배송 완료", "집화", "출하 통지", "주문 응답", "주문 응답", "주문"][..]),
        (Role::Buyer, "buyer", &["정산", "배송 완료", "집화", "출하 통지", "주문 응답", "주문 응답", "주문"]),
        (Role::Producer, "maker-a", &["정산", "배송 완료", "집화", "출하 통지", "납기 약속", "주문 응답", "주문"]),
        (Role::Producer, "maker-b", &["정산", "배송 완료", "집화", "출하", "주문 응답", "납기 약속", "주문"]),
        (Role::Seller, "shop", &["정산서", "배송 완료", "집화", "출하", "납기 약속", "납기 약속", "주문"]),
    ] {
        let person = harness.person(&format!("of-{party}"), role, party, "ko").await;
        let page = check_page(&person.get(&harness, &path).await, "ko", Some(&person));
        let story = Page(page.between("<ol class=\"story\">", "</ol>")[0].to_owned());
        let titles: Vec<String> =
            story.between("<p><b>", "</b>").into_iter().map(|title| Page(format!("{title}<")).words()).collect();
        let mut titles: Vec<&str> = titles.iter().map(|title| title.trim()).collect();
        let mut expected = expected.to_vec();
        // All of it happened at one moment of the tests' clock.
        titles.sort_unstable();
        expected.sort_unstable();
        assert_eq!(titles, expected, "{party}");
    }
}

#[tokio::test]
async fn pages_hear_of_what_is_theirs() {
    let harness = Harness::new().await;
    let mut streams = Vec::new();
    for (role, party) in [(Role::Buyer, "buyer"), (Role::Producer, "maker-a"), (Role::Operator, "centre")] {
        let person = harness.person(&format!("of-{party}"), role, party, "ko").await;
        let request = Request::get("/live").header("cookie", &person.cookie).body(Body::empty()).unwrap();
        let response = harness.open(request).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        streams.push(response.into_body().into_data_stream());
    }
    // An order without agreement of the other buyer's items: nobody but the buyer and the centre is concerned.
    harness.hand_in(harness.org("buyer"), &order("PO-1")).await;
    let mut heard = Vec::new();
    for stream in &mut streams {
        let wait = std::time::Duration::from_millis(if heard.len() == 1 { 700 } else { 10_000 });
        let next = tokio::time::timeout(wait, stream.next()).await;
        heard.push(next.ok().flatten().is_some_and(|piece| piece.unwrap() == "event: changed\ndata: 1\n\n"));
    }
    assert_eq!(heard, [true, false, true]);
}

#[tokio::test]
async fn a_dead_delivery_is_sent_again_by_hand() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    let (_, _, delivery, document) = trade.deliveries.iter().find(|(to, ..)| *to == "buyer").unwrap().clone();
    let operator = harness.person("operator", Role::Operator, "centre", "en").await;
    let path = format!("/deliveries/{}", DeliveryId(delivery.0));
    let page = check_page(&operator.get(&harness, &path).await, "en", Some(&operator));
    assert!(page.0.contains(&format!("action=\"{path}/resend\"")));
    let answer = operator.post(&harness, &format!("{path}/resend"), &[]).await;
    assert_eq!(answer.header("location"), format!("{path}?said=resent"));
    assert_eq!(harness.sent().await.len(), 1);
    let page = check_page(&operator.get(&harness, &format!("{path}?said=resent")).await, "en", Some(&operator));
    assert!(page.words().contains("It is on its way again."));
    assert_eq!(page.between("<ol class=\"items\">", "</ol>")[0].matches("<li>").count(), 2, "two attempts");
    // The buyer sees the same page and no button.
    let buyer = harness.person("buyer", Role::Buyer, "buyer", "en").await;
    let page = check_page(&buyer.get(&harness, &path).await, "en", Some(&buyer));
    assert!(!page.0.contains("/resend"));
    assert_eq!(buyer.get(&harness, &format!("/documents/{}", DocumentId(document.0))).await.status, 200);
}
