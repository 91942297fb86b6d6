//! Names that somebody else chose, wherever a report can hold one.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::inventory::{AccountRegion, Collection, InstanceId, Member};
use crate::problem::Problem;
use crate::report::escape::terminal;
use crate::report::explain::explain;
use crate::report::model::{Certificate, Client, Connections, Coverage, Day, Evidence, Gap, Ignored, Instance, Shares};
use crate::report::{Layout, Report};
use crate::usage::GapReason;
use crate::verdict::{
    Change, Command, CommandKind, EffectTime, Enforcement, Policy, Procedure, Reason, ReasonCode, Restart, Rotation,
    UsageVerdict,
};
use crate::window::Window;

/// An error in which everything that can be is called `name`.
fn problem(name: &str) -> Problem {
    let (text, some) = (|| name.to_owned(), || Some(name.to_owned()));
    Problem {
        account: some(),
        region: some(),
        subject: text(),
        call: some(),
        code: text(),
        message: text(),
        aws_message: some(),
        request_id: some(),
    }
}

/// A report in which everything that can be is called `name`.
fn report(name: &str, clients: usize) -> Report {
    let window = Window::days_before("2026-11-23T00:00:00Z".parse().expect("a time"), 3);
    let (text, some) = (|| name.to_owned(), || Some(name.to_owned()));
    let mut report = Report::without_instances(window, Policy::default(), vec![problem(name)]);
    let of = AccountRegion { account: some(), region: text() };
    report.collections.push(Collection { of, collected_at: window.to, caller: some() });
    report.callers.insert(text());
    report.instances.push(Instance {
        evidence: Evidence::new(None, false),
        member: Member {
            id: InstanceId { account: text(), region: text(), instance: text(), arn: text() },
            cluster: some(),
        },
        engine: text(),
        engine_version: text(),
        status: "available".to_owned(),
        role: None,
        certificate: Certificate {
            pending_ca: some(),
            ca: some(),
            valid_till: Some(window.to),
            ca_valid_till: None,
            target_ca: some(),
            change: Change::Root,
            served: Vec::new(),
        },
        sampled: None,
        usage: UsageVerdict::InUse,
        rotation: Rotation::Required,
        restart: Restart::None,
        enforcement: Enforcement::Breaks,
        act_by: None,
        unproven: false,
        connections: connections(name, clients, window),
        coverage: Coverage {
            asked: Some(window),
            share: 0.5,
            judged: None,
            judged_share: 1.0,
            longest_gap_seconds: 0,
            gaps: vec![Gap { span: window, cause: GapReason::Missing }; 12],
            files: 1,
            files_failed: 1,
            files_mute: 0,
            log_line_prefix: Vec::new(),
            bytes: 0,
            unparsed: 1,
        },
        reasons: vec![Reason { code: ReasonCode::TlsConnections, text: format!("{name}. Then {name}.") }],
        not_examined: Vec::new(),
        procedure: Procedure::default(),
        commands: vec![Command { kind: CommandKind::Rotate, takes_effect: EffectTime::AtOnce, words: vec![text()] }],
        collected_at: window.to,
        caller: some(),
        verify: None,
        clients_incomplete: false,
    });
    report
}

/// Sessions of clients that are all called `name`.
fn connections(name: &str, clients: usize, window: Window) -> Connections {
    let some = || Some(name.to_owned());
    let counts = || BTreeMap::from([(name.to_owned(), 7)]);
    let sessions = Shares { tls: 3, plaintext: 2, local: 0, unknown: 0, gss: 1 };
    let client = Client {
        user: some(),
        database: some(),
        address: some(),
        application: some(),
        sessions,
        ignored: false,
        tls_share_at_most: None,
        tls_versions: counts(),
        first_seen: Some(window.from),
        last_seen: None,
    };
    Connections {
        clients_sessions: sessions,
        system: sessions,
        by_day: vec![Day { day: "2026-11-21".parse().expect("a day"), sessions }],
        ignored: Ignored { sessions, attempts: 0 },
        tls_share_at_most: None,
        unaccounted: None,
        oldest_unseen: None,
        received: 0,
        rejected: 0,
        handshake_failed: counts(),
        certificate_rejected_by: counts(),
        disconnected: 0,
        tls_versions: counts(),
        ciphers: counts(),
        clients: vec![client; clients],
    }
}

fn page(report: &Report) -> String {
    let again = report.instances.iter().map(|row| row.id().instance.clone()).collect();
    let mut page = Vec::new();
    super::write(report, &Layout { again, ..Layout::default() }, &mut page).expect("a page");
    String::from_utf8(page).expect("UTF-8")
}

/// Everything of a page behind its style and script that is not text, without the values of filters.
fn markup(page: &str) -> Vec<&str> {
    let body = page.split_once("</script>").expect("a body").1;
    let tags = body.split('<').skip(1).map(|tag| tag.split_once('>').expect("a tag").0);
    tags.map(|tag| match tag.strip_prefix("option value=") {
        Some(value) => {
            assert!(value.len() >= 2 && value.trim_matches('"').len() == value.len() - 2, "{value}");
            assert!(!value.trim_matches('"').contains('"'), "a value does not end its attribute: {value}");
            "option"
        }
        None => tag,
    })
    .collect()
}

/// What stands between the first two of these marks.
fn between<'p>(page: &'p str, open: &str, close: &str) -> &'p str {
    page.split_once(open).and_then(|(_, rest)| rest.split_once(close)).expect("a part").0
}

/// The data that the script shows.
fn data(page: &str) -> Value {
    serde_json::from_str(between(page, "id=\"data\">", "</script>")).expect("JSON")
}

#[test]
fn a_name_is_text_wherever_it_stands() {
    let plain = page(&report("plain", 1));
    let long = "W".repeat(10_000);
    for name in [
        "<script>alert(1)</script>",
        "\" onmouseover=\"alert(1)",
        "' autofocus onfocus='alert(1)",
        "--><img src=x onerror=alert(1)><!--",
        "</title></style></bdi></summary></table><svg onload=alert(1)>",
        "{{ 7*7 }} &lt;b&gt; &#60;i&#62;",
        "=cmd|' /C calc'!A0",
        "\u{1b}[31mred\u{7}\r\n\0\u{85}",
        "\u{202e}gnp.exe\u{2066}\u{2069}\u{200f}",
        long.as_str(),
    ] {
        let hostile = page(&report(name, 1));
        // Only a name that is long has an element that scrolls.
        let unmarked = hostile.replace(super::LONG, "");
        let is_same = |tag: &&&str| name != long || !["bdi", "/bdi"].contains(*tag);
        let tags = [&unmarked, &plain].map(|page| markup(page));
        let [found, expected] = tags.each_ref().map(|tags| tags.iter().filter(is_same).collect::<Vec<_>>());
        assert!(found == expected, "{}", &name[..name.len().min(80)]);
        assert_eq!(unmarked.len() < hostile.len(), name == long, "what is scrolled can be reached by the keyboard");
        let data = data(&hostile);
        let texts = data["texts"].as_array().expect("texts");
        assert!(texts.contains(&terminal(name).into()), "a name is the same in the data");
        let moves = |letter: char| letter != '\n' && letter.is_control() || matches!(letter, '\u{202a}'..='\u{2069}');
        assert!(!hostile.contains(moves), "{name}");
    }
    let hostile = page(&report("<b> \"&' \n", 1));
    let escaped = "&#60;b&#62; &#34;&#38;&#39; \\u{a}";
    let option = format!("<option value=\"{escaped}\">{escaped} (1)</option>");
    assert_eq!(hostile.matches(&option).count(), 2, "account and engine");
    assert!(page(&report("a\u{202e}b", 1)).contains("<bdi>a\\u{202e}b</bdi>"), "it can still be read");
}

#[test]
fn what_is_left_out_is_said() {
    let many = report("plain", 127);
    let page = page(&many);
    let row = &data(&page)["rows"][0];
    let length = |value: &Value| value.as_array().map(Vec::len);
    // Three numbers a gap.
    assert_eq!((length(&row[22]), length(&row[24]), &row[25]), (Some(12 * 3), Some(20), &json!(107)), "{row}");
    let explained = between(&page, "<pre>plain: required", "</pre>");
    let (first, rest) = explained.split_once("\n\nNot shown: ").expect("a note");
    let (left_out, last) = rest.split_once(" lines\n\n").expect("a number");
    let mut whole = Vec::new();
    explain(&many, &[&many.instances[0]], 100, &mut whole).expect("text");
    let shown = first.lines().count() + last.lines().count();
    let lines = String::from_utf8(whole).expect("UTF-8").lines().count();
    assert_eq!((shown, left_out.parse()), (100, Ok(lines - 100)), "{explained}");
    assert!(last.contains("  Commands:\n"), "{explained}");
    let few = self::page(&report("plain", 3));
    let explained = between(&few, "<pre>plain: required", "</pre>");
    assert!(!explained.contains("Not shown: "), "{explained}");
}

#[test]
fn a_page_lists_every_instance_without_its_script() {
    let mut fleet = report("plain", 1);
    let row = fleet.instances[0].clone();
    fleet.instances = (0..120).map(|_| row.clone()).collect();
    for (number, row) in fleet.instances.iter_mut().enumerate() {
        row.member.id.instance = format!("orders-{number}");
        row.rotation = if number < 60 { Rotation::Optional } else { Rotation::Required };
    }
    let page = page(&fleet);
    let plain = between(&page, "<div id=\"plain\">", "<form");
    for number in 0..120 {
        let class = if number < 60 { "optional" } else { "required" };
        let row = between(plain, &format!("<tr id=\"i{number}\"><th scope=\"row\">"), "\n");
        let cells: Vec<_> = row.split("<td").collect();
        assert_eq!(cells.len(), 7, "{row}");
        assert_eq!(cells[0], format!("orders-{number}"));
        assert_eq!(cells[1], format!(" class=\"{class}\">{class}"));
        assert_eq!(cells[3], ">tls-connections: plain");
        assert_eq!(cells[4..], [">100%", ">plain", ">plain"]);
    }
    assert_eq!(plain.matches("<details>").count(), super::plain::DETAILED, "of those that must rotate");
    assert!(!plain.contains("<pre>orders-59:") && plain.contains("<pre>orders-60: required"), "{plain}");
    assert!(plain.contains("Print the details of any other instance:") && plain.contains("--explain INSTANCE</code>"));
}

#[test]
fn a_page_runs_its_own_style_and_script_only() {
    let page = page(&report("plain", 1));
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let (style, script) = (between(&page, "<style>", "</style>"), between(&page, "<script>", "</script>"));
    let expected = format!("default-src 'none'; style-src {}; script-src {};", hash(style), hash(script));
    assert!(policy.starts_with(&expected), "{policy}");
    assert_eq!(page.matches("<script").count(), 2, "the other is data");
    assert!(!script.contains("innerHTML") && !script.contains("eval(") && !page.contains(" style=\""));
}

#[test]
fn a_report_without_instances_is_short_and_says_what_to_do() {
    let mut empty = report("plain", 1);
    empty.instances.clear();
    let page_of = |report: &Report| page(report);
    let with_errors = page_of(&empty);
    empty.errors.clear();
    empty.summary.errors = 0;
    let without = page_of(&empty);
    for page in [&with_errors, &without] {
        assert!(page.contains("No instance was found in account plain, region plain."), "{page}");
        assert!(["<form", "<table id=", "id=\"terms\"", "href=\"#instances\""].iter().all(|part| !page.contains(part)));
    }
    assert!(without.contains("Check that the accounts and regions") && !without.contains("id=\"errors\""));
    let place = |part: &str| with_errors.find(part).unwrap_or_else(|| panic!("{part}"));
    assert!(place("id=\"todo\"") < place("Part of the fleet could not be read"));
    assert!(place("<a href=\"#errors\">See 1 problem</a>") < place("Resolve the problems"));
    assert!(place("Resolve the problems") < place("id=\"errors\"") && place("id=\"errors\"") < place("id=\"policy\""));
}

#[test]
fn many_accounts_are_counted_and_listed_on_demand() {
    let mut large = report("plain", 1);
    let row = large.instances[0].clone();
    large.instances = (0..12)
        .map(|number| {
            let mut row = row.clone();
            row.member.id.account = format!("{:012}", number % 6);
            row
        })
        .collect();
    large.callers.extend((0..9).map(|number| format!("caller-{number}")));
    let page = page(&large);
    // The account of the collection has no instance.
    assert!(page.contains("<details><summary>7 accounts</summary>"), "{page}");
    assert!(page.contains("<bdi>000000000003</bdi> <span class=\"count\">2 instances</span>"));
    assert!(page.contains("<bdi>plain</bdi> <span class=\"count\">0 instances</span>"));
    assert!(page.contains("<dt>Region</dt><dd><ul><li><bdi>plain</bdi>"));
    assert!(page.contains("<details><summary>10 callers</summary>"));
    assert!(page.contains("<option value=\"000000000003\">000000000003 (2)</option>"));
}

#[test]
fn what_to_do_comes_first_by_date_and_by_cause() {
    let mut fleet = report("plain", 1);
    let row = fleet.instances[0].clone();
    let named = |name: &str, rotation, unproven, act_by: Option<&str>, code| {
        let mut row = row.clone();
        (row.rotation, row.unproven) = (rotation, unproven);
        row.act_by = act_by.map(|date| date.parse().expect("a time"));
        row.member.id.instance = name.to_owned();
        row.reasons[0].code = code;
        row
    };
    fleet.instances = vec![
        named("quiet", Rotation::Required, true, Some("2027-01-01T00:00:00Z"), ReasonCode::LoggingOff),
        named("late", Rotation::Required, false, Some("2027-02-01T00:00:00Z"), ReasonCode::TlsConnections),
        named("soon", Rotation::Required, false, Some("2026-11-30T00:00:00Z"), ReasonCode::TlsConnections),
        named("attested", Rotation::Deferrable, true, None, ReasonCode::AttestedNoTls),
        named("off", Rotation::Optional, false, None, ReasonCode::TlsSwitchedOff),
    ];
    let page = page(&fleet);
    let tasks = page.split_once("id=\"todo\"").and_then(|(_, rest)| rest.split_once("id=\"errors\"")).expect("tasks").0;
    let mut from = 0;
    for part in [
        "<b class=\"sum\">2</b>",
        "Must rotate",
        ">soon<",
        "2026-11-30 (in 7 days)",
        ">late<",
        "<pre><code>ssl-usage clients quiet",
        "<pre><code>ssl-usage plan quiet",
        "Find out",
        "The nearest date is 2027-01-01 (in 39 days)",
        "<code>logging-off</code>",
        ">quiet<",
        "<code>ssl-usage preflight</code> prints the commands",
        "<pre><code>ssl-usage preflight quiet",
        "Can wait",
        "data-verdict=\"deferrable?\"",
        ">attested<",
        "no known date",
        "Nothing to do",
        "A setting turns TLS off and is in effect <code>tls-switched-off</code>",
    ] {
        from += tasks[from..].find(part).unwrap_or_else(|| panic!("{part}: {}", &tasks[from..]));
    }
}

#[test]
fn what_stands_between_backticks_is_code() {
    assert_eq!(super::parts("run `a b`, then `c`"), [(false, "run "), (true, "a b"), (false, ", then "), (true, "c")]);
    assert_eq!(super::parts("a ` <b>"), [(false, "a ` <b>")]);
    assert_eq!(super::parts(""), [(false, ""); 0]);
}
