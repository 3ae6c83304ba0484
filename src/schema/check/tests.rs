//! The checker on small grammars. Trees are written as `Doc(@a=1 b=text c(d e))`.

use super::*;
use crate::model::finding::Language;
use crate::model::message::MessageType;
use crate::model::tree::{At, Shape};
use crate::schema::library::Library;
use crate::schema::simple::Lengths;

fn grammar(text: &str) -> Arc<Grammar> {
    let library = Library::from_texts([("x/1/Doc.toml".to_owned(), text.to_owned())]);
    library.compile(&MessageType::new("x", "1", "Doc")).unwrap_or_else(|error| panic!("{error}")).unwrap()
}

fn tree(text: &str) -> Tree {
    let mut tree = Tree::new(Shape::Xml);
    let mut offset = 0;
    let mut word = String::new();
    let mut put = |tree: &mut Tree, word: &mut String| {
        if !word.is_empty() {
            offset += 1;
            let (name, value) = word.split_once('=').unwrap_or((word.as_str(), ""));
            tree.open_text(name, At { line: offset, ..At::default() });
            tree.push_text(&value.replace('_', " "));
            word.clear();
            return true;
        }
        false
    };
    for c in text.chars() {
        match c {
            '(' => assert!(put(&mut tree, &mut word)),
            ' ' | ')' => {
                if put(&mut tree, &mut word) {
                    tree.close();
                }
                if c == ')' {
                    tree.close();
                }
            }
            _ => word.push(c),
        }
    }
    if put(&mut tree, &mut word) {
        tree.close();
    }
    tree
}

fn said(findings: &Findings) -> Vec<String> {
    let spell = |finding: &Finding| {
        let path = finding.place.path.clone().unwrap_or_default();
        format!("{path}: {}", finding.text(Language::En))
    };
    findings.as_slice().iter().map(spell).collect()
}

fn check_with(grammar: Arc<Grammar>, options: Options, text: &str, expected: &[&str]) {
    let mut findings = Findings::default();
    Checker::with(grammar, options).whole(&tree(text), &mut findings);
    assert_eq!(said(&findings), expected, "{text}");
}

fn check(schema: &str, cases: &[(&str, &[&str])]) {
    let grammar = grammar(schema);
    for (text, expected) in cases {
        check_with(Arc::clone(&grammar), Options::default(), text, expected);
    }
}

const SEQUENCE: &str = "[types]\nDoc = \"a b? c{0,2} d+ e\"\nc = \"x\"\n[simple]\na = \"string\"\nb = \"string\"\nd = \"date\"\ne = \"string\"\nx = \"an..3\"\n";

#[test]
fn sequences() {
    check(
        SEQUENCE,
        &[
            ("Doc(a b c(x=1) d=2026-01-31 e)", &[]),
            ("Doc(a d=2026-01-31 d=2026-02-01 e)", &[]),
            ("Other(a)", &["/Other: Other is not expected here; expected is Doc"]),
            ("Doc(a e)", &["/Doc: d is missing"]),
            ("Doc", &["/Doc: a is missing", "/Doc: d is missing", "/Doc: e is missing"]),
            ("Doc(a c(x) c(x) c(x) c(x) d=2026-01-31 e)", &["/Doc/c[3]: c occurs more than 2 times"]),
            ("Doc(a d=2026-01-31 b e)", &["/Doc/b: b is not expected here; expected is d, e"]),
            ("Doc(a zz d=2026-01-31 e)", &["/Doc/zz: zz is not expected here; expected is b, c, d"]),
            ("Doc(a d=2026-01-31 e e)", &["/Doc/e[2]: e occurs more than 1 times"]),
            (
                "Doc(a d=2026-01-31 e d=tomorrow)",
                &[
                    "/Doc/d[2]: d is not expected here; expected is nothing more",
                    "/Doc/d[2]: tomorrow is not a date such as 2026-01-31",
                ],
            ),
        ],
    );
}

#[test]
fn every_finding_and_not_only_the_first() {
    check(
        SEQUENCE,
        &[(
            "Doc(zz c(x=abcd) d=x e(y)",
            &[
                "/Doc/zz: zz is not expected here; expected is a",
                "/Doc: a is missing",
                "/Doc/c/x: abcd is longer than 3 characters",
                "/Doc/d: x is not a date such as 2026-01-31",
                "/Doc/e/y: y is not expected here; expected is nothing more",
            ],
        )],
    );
}

#[test]
fn text_and_attributes() {
    check(
        "[types]\nDoc = { content = \"a b?\", attributes = \"id kind=Kind? n=integer?\" }\nb = { content = \"a\", mixed = true, any_attributes = true }\n[simple]\na = { base = \"string\", attributes = \"lang=language?\" }\nKind = { base = \"token\", enumeration = [\"x\", \"y\"] }\n",
        &[
            ("Doc(@id=1 @kind=_x_ a(@lang=ko) b=text(@any=1 a))", &[]),
            (
                "Doc(@kind=z @n=1.5 a)",
                &[
                    "/Doc/@kind: z is not in the code list x, y",
                    "/Doc/@n: 1.5 is not a whole number",
                    "/Doc: the attribute id is missing",
                ],
            ),
            (
                "Doc=text(@id=1 a(@lang=k_o @no=1) b=x(a))",
                &[
                    "/Doc: text is not allowed here: text",
                    "/Doc/a/@lang: k o is not a language tag such as en or ko-KR",
                    "/Doc/a/@no: the attribute no is not allowed here",
                ],
            ),
            ("Doc=_(@id=1 @xsi:schemaLocation=x a)", &[]),
            ("Doc(@id=1 @xsi:nil=true a)", &["/Doc/@xsi:nil: the attribute xsi:nil is not allowed here"]),
        ],
    );
}

#[test]
fn choices() {
    check(
        "[types]\nDoc = \"(a | b c)+ d?\"\n[simple]\na = \"string\"\nb = \"string\"\nc = \"string\"\nd = \"string\"\n",
        &[
            ("Doc(a b c a d)", &[]),
            ("Doc(a b a)", &["/Doc/a[2]: a is not expected here; expected is c", "/Doc: c is missing"]),
            ("Doc(d)", &["/Doc/d: d is not expected here; expected is a, b", "/Doc: a, b is missing"]),
        ],
    );
}

#[test]
fn any_order() {
    check(
        "[types]\nDoc = { content = \"id=string lines=Line{1,2} note=string?\", unordered = true }\nLine = { content = \"q=decimal\", unordered = true }\n",
        &[
            ("Doc(lines(q=1) id=1 lines(q=2))", &[]),
            (
                "Doc(note note lines(q=x) lines(p) lines)",
                &[
                    "/Doc/note[2]: note occurs more than 1 times",
                    "/Doc/lines[1]/q: x is not a decimal number such as 12.50",
                    "/Doc/lines[2]/p: p is not expected here; expected is q",
                    "/Doc/lines[2]: q is missing",
                    "/Doc/lines[3]: lines occurs more than 2 times",
                    "/Doc/lines[3]: q is missing",
                    "/Doc: id is missing",
                ],
            ),
        ],
    );
}

#[test]
fn wildcards() {
    let schema = "namespace = \"urn:x\"\n[prefixes]\np = \"urn:p\"\n[types]\nDoc = \"p:lax p:skip? p:strict?\"\nLax = \"<not p lax>*\"\nSkip = \"<any skip>*\"\nStrict = \"<any strict>*\"\n\"q:known\" = \"p:day\"\n[elements]\n\"p:lax\" = \"Lax\"\n\"p:skip\" = \"Skip\"\n\"p:strict\" = \"Strict\"\n\"p:day\" = \"date\"\n\"q:known\" = \"q:known\"\n";
    check(
        schema,
        &[
            ("Doc(p:lax({urn:y}z=text(@a p:day=2026-01-31)) p:skip(p:day=x {}y) p:strict(p:day=2026-01-31))", &[]),
            (
                "Doc(p:lax(p:day=2026-01-31 {}y {urn:y}z(w(p:day=x))) p:strict(zz))",
                &[
                    "/Doc/p:lax/p:day: p:day is not expected here; expected is an element of another namespace",
                    "/Doc/p:lax/{}y: {}y is not expected here; expected is an element of another namespace",
                    "/Doc/p:lax/{urn:y}z/w/p:day: x is not a date such as 2026-01-31",
                    "/Doc/p:strict/zz: zz is not expected here; expected is a known element",
                ],
            ),
            ("Doc(p:lax(q:known))", &["/Doc/p:lax/q:known: p:day is missing"]),
            (
                "Doc(p:lax({urn:y}z=x(@xsi:type={http://www.w3.org/2001/XMLSchema}date)))",
                &["/Doc/p:lax/{urn:y}z: x is not a date such as 2026-01-31"],
            ),
            ("Doc(p:lax(q:known(@xsi:type=q:knownType p:day=2026-01-31)))", &[]),
            (
                "Doc(p:lax(q:known(@xsi:type=p:dayType p:day=2026-01-31)))",
                &["/Doc/p:lax/q:known/@xsi:type: p:dayType is not the type of q:known"],
            ),
        ],
    );
}

#[test]
fn values_as_edifact_writes_them() {
    let schema =
        grammar("[types]\nDoc = \"a? b? c? d?\"\n[simple]\na = \"a3\"\nb = \"n..5\"\nc = \"an..4\"\nd = \"n3\"\n");
    let with = |options, text, expected| check_with(Arc::clone(&schema), options, text, expected);
    with(Options::default(), "Doc(a=KRW b=-123.45 c=주문주문 d=1,5)", &["/Doc/d: 1,5 is shorter than 3 characters"]);
    with(
        Options::default(),
        "Doc(a=K1W b=123456 c=abcde)",
        &[
            "/Doc/a: K1W is not a text without digits",
            "/Doc/b: 123456 is longer than 5 characters",
            "/Doc/c: abcde is longer than 4 characters",
        ],
    );
    let korean = Reading { lengths: Lengths::DoubleBytes, decimal_mark: Some(',') };
    with(
        Options { reading: korean, codes: false },
        "Doc(b=1.5 c=주문주)",
        &["/Doc/b: 1.5 is not a number such as 12.5 or -3", "/Doc/c: 주문주 is longer than 4 characters"],
    );
}

#[test]
fn code_lists_when_asked_for() {
    let library = Library::from_texts(
        [
            ("x/1/Doc.toml", "[types]\nDoc = \"a? b?\"\n[simple]\na = { base = \"an..3\", codes = \"closed\" }\nb = { base = \"an..3\", codes = \"open\" }\n"),
            ("codes/closed.toml", "[codes]\n1 = \"one\"\n"),
            ("codes/open.toml", "open = true\n[codes]\n1 = \"one\"\n"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned())),
    );
    let grammar = library.compile(&MessageType::new("x", "1", "Doc")).unwrap().unwrap();
    check_with(Arc::clone(&grammar), Options::default(), "Doc(a=2 b=2)", &[]);
    let options = Options { codes: true, ..Options::default() };
    let mut findings = Findings::default();
    Checker::with(grammar, options).whole(&tree("Doc(a=2 b=2)"), &mut findings);
    let severities: Vec<_> = findings.as_slice().iter().map(|finding| finding.severity).collect();
    use crate::model::finding::Severity;
    assert_eq!(severities, [Severity::Error, Severity::Warning]);
}

#[test]
fn a_message_in_groups_is_judged_like_the_whole() {
    let schema = "cut = \"g\"\n[types]\nDoc = \"a g{1,3} z?\"\ng = \"n\"\n[simple]\na = \"string\"\nn = \"integer\"\nz = \"string\"\n";
    let grammar = grammar(schema);
    let run = |head: &str, groups: &[&str], tail: &str| {
        let (mut checker, mut findings) = (Checker::new(Arc::clone(&grammar)), Findings::default());
        checker.head(&tree(head), &mut findings);
        for (index, group) in groups.iter().enumerate() {
            let mut group = tree(group);
            group.ordinal = index as u32 + 1;
            group.prefix = "/Doc".to_owned();
            checker.group(&group, &mut findings);
        }
        checker.tail(&tree(tail), &mut findings);
        said(&findings)
    };
    assert_eq!(run("Doc(a)", &["g(n=1)", "g(n=2)"], "Doc(z)"), [""; 0]);
    assert_eq!(run("Doc(a)", &[], "Doc"), ["/Doc: g is missing"]);
    assert_eq!(run("Doc", &["g(n=x)"], "Doc"), ["/Doc: a is missing", "/Doc/g[1]/n: x is not a whole number"]);
    assert_eq!(
        run("Doc(a)", &["g(n=1)", "g(n=1)", "g(n=1)", "g(n=1)"], "Doc(z z)"),
        ["/Doc/g[4]: g occurs more than 3 times", "/Doc/z[2]: z occurs more than 1 times",]
    );
}
