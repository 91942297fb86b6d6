//! Names that somebody else chose, wherever a report can hold one.

use std::collections::BTreeMap;

use crate::inventory::{AccountRegion, Collection, InstanceId, Member};
use crate::problem::Problem;
use crate::report::Report;
use crate::report::model::{Certificate, Client, Connections, Coverage, Day, Evidence, Gap, Ignored, Instance, Shares};
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
        },
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
        reasons: vec![Reason { code: ReasonCode::TlsConnections, text: text() }],
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
    let mut page = Vec::new();
    super::write(report, &mut page).expect("a page");
    String::from_utf8(page).expect("UTF-8")
}

/// Everything of a page behind its style and before its script that is not text.
fn markup(page: &str) -> Vec<&str> {
    let body = page.split_once("</style>").and_then(|(_, rest)| rest.split_once("<script>")).expect("a body").0;
    body.split('<').skip(1).map(|tag| tag.split_once('>').expect("a tag").0).collect()
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
        // Only a name that is long is marked as such.
        let unmarked = hostile.replace(super::LONG, "");
        assert!(markup(&unmarked) == markup(&plain), "{}", &name[..name.len().min(80)]);
        assert_eq!(unmarked.len() < hostile.len(), name == long, "what is scrolled can be reached by the keyboard");
        let moves = |letter: char| letter != '\n' && letter.is_control() || matches!(letter, '\u{202a}'..='\u{2069}');
        assert!(!hostile.contains(moves), "{name}");
    }
    assert!(page(&report("a\u{202e}b", 1)).contains("<bdi>a\\u{202e}b</bdi>"), "it can still be read");
}

#[test]
fn what_is_left_out_is_said() {
    let page = page(&report("plain", 27));
    assert!(page.contains("Not shown: 7 clients with fewer sessions"));
    assert!(page.contains("Not shown: 2 shorter gaps"));
}
