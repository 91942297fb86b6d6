//! The part of the table for people that shows sessions.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::{Table, presets};

use super::sessions::{InstanceSessions, SessionClient, SessionGap};
use super::table::section;
use crate::report::escape::terminal;
use crate::report::lines::paragraph;
use crate::sessions::SessionTransport;
use crate::text::plural;

/// Most clients of an instance that are named.
const NAMED: usize = 5;
/// Most instances that are named in one line.
const MOST_INSTANCES: usize = 20;

/// A column: its title, and what of an instance it holds.
type Column = (&'static str, fn(&InstanceSessions) -> String);

const COLUMNS: [Column; 6] = [
    ("NAME", |of| of.member.id.instance.clone()),
    ("TLS", |of| shown(of, of.tls)),
    ("NO TLS", |of| shown(of, of.plaintext + of.gss)),
    ("LOCAL", |of| shown(of, of.local)),
    ("UNKNOWN", |of| shown(of, of.unknown)),
    ("LAST SAMPLE", |of| of.last_at.map_or_else(|| "-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())),
];

/// A count; `?` where the list lacks sessions or their transport, and `-` without a list.
fn shown(of: &InstanceSessions, count: u64) -> String {
    match (of.samples, &of.gap) {
        (0, _) => "-".to_owned(),
        (_, Some(_)) => format!("{count}?"),
        (_, None) => count.to_string(),
    }
}

/// Writes the sessions of instances, if there are any; `is_below` is whether something is above them.
pub(super) fn write(
    sessions: &[InstanceSessions],
    (width, is_below): (u16, bool),
    out: &mut dyn Write,
) -> io::Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    if is_below {
        writeln!(out)?;
    }
    let listed = sessions.iter().filter(|of| of.samples > 0);
    let samples: u64 = listed.clone().map(|of| of.samples).sum();
    let sum = |count: fn(&InstanceSessions) -> u64| sessions.iter().map(count).sum::<u64>();
    let (tls, others) = (sum(|of| of.tls), sum(|of| of.plaintext + of.gss + of.local + of.unknown));
    let with_tls = listed.filter(|of| of.tls > 0).count();
    let incomplete = sessions.iter().filter(|of| of.gap.is_some()).count() as u64;
    let incomplete =
        if incomplete > 0 { format!(" ({} incomplete)", plural(incomplete, "list")) } else { String::new() };
    let text = format!(
        "Sessions of {}, in {}{incomplete}: {tls} with TLS (SSL), on {}, and {others} others. A list shows one moment: 0 does not mean that no client uses TLS.",
        plural(sessions.len() as u64, "instance"),
        plural(samples, "sample"),
        plural(with_tls as u64, "instance")
    );
    paragraph(out, width, 0, &text)?;
    writeln!(out)?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(COLUMNS.iter().map(|(title, _)| *title));
    for of in sessions {
        table.add_row(COLUMNS.iter().map(|(_, cell)| terminal(&cell(of))));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
    for (title, is) in [("Clients with TLS", WITH_TLS), ("Clients without TLS", WITHOUT_TLS)] {
        section(out, width, title, sessions.iter().filter_map(|of| clients(of, is)))?;
    }
    let title = "Logins in Extended Events (SQL Server encrypts the login even of sessions without TLS, so this says nothing about sessions)";
    section(out, width, title, sessions.iter().filter_map(logins))?;
    let gaps = || sessions.iter().filter_map(|of| of.gap.as_ref().map(|gap| (of, gap)));
    section(out, width, "Incomplete", of_each_reason(gaps()))?;
    // The same statements are for all instances of an engine.
    let mut fixes: BTreeMap<&[String], Vec<&str>> = BTreeMap::new();
    for (of, gap) in gaps().filter(|(_, gap)| !gap.fix.is_empty()) {
        fixes.entry(&gap.fix).or_default().push(&of.member.id.instance);
    }
    for (statements, instances) in fixes {
        paragraph(out, width, 2, &format!("Run as the master user of {}:", first(&instances)))?;
        statements.iter().try_for_each(|statement| writeln!(out, "    {}", terminal(statement)))?;
    }
    let failures = sessions.iter().filter_map(|of| of.failure.as_ref().map(|failure| (of, failure)));
    let title = "No list of sessions (this is no evidence about clients)";
    section(out, width, title, of_each_reason(failures))
}

/// A line for each reason, with the first instances that have it.
fn of_each_reason<'s>(
    all: impl Iterator<Item = (&'s InstanceSessions, &'s SessionGap)>,
) -> impl Iterator<Item = String> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (of, gap) in all {
        reasons.entry(&gap.message).or_default().push(&of.member.id.instance);
    }
    reasons.into_iter().map(|(message, instances)| format!("{}: {message}", first(&instances)))
}

/// The logins of an instance in Extended Events, the most frequent ones; none if they were not asked for.
fn logins(of: &InstanceSessions) -> Option<String> {
    let logins = of.logins.as_ref()?;
    let named = logins.groups.iter().take(NAMED).map(|group| {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "unknown".to_owned());
        let transport = group.tls_version.clone().unwrap_or_else(|| "no TLS".to_owned());
        let rejected = if group.accepted == Some(false) { ", rejected" } else { "" };
        let (application, address) = (name(&group.application), name(&group.address));
        format!("{application} at {address}, {transport}{rejected} ({})", plural(group.count, "login"))
    });
    let more = logins.groups.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("{more} more"));
    let all: Vec<String> = named.chain(more).chain(logins.note.clone()).collect();
    Some(format!("{}: {}", of.member.id.instance, all.join("; ")))
}

/// The first names of a list.
fn first(names: &[&str]) -> String {
    let more = names.len().saturating_sub(MOST_INSTANCES);
    let named = names.iter().take(MOST_INSTANCES).map(|name| (*name).to_owned());
    let names: Vec<String> = named.chain((more > 0).then(|| format!("{more} more"))).collect();
    names.join(", ")
}

const WITH_TLS: &[SessionTransport] = &[SessionTransport::Tls];
const WITHOUT_TLS: &[SessionTransport] = &[SessionTransport::Plaintext, SessionTransport::Gss];

/// The clients of an instance with some transports, the first ones; none if there are none.
fn clients(of: &InstanceSessions, transports: &[SessionTransport]) -> Option<String> {
    let all: Vec<&SessionClient> = of.clients.iter().filter(|client| transports.contains(&client.transport)).collect();
    let named = all.iter().take(NAMED).map(|client| {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "unknown".to_owned());
        let application = client.application.as_ref().map_or_else(String::new, |name| format!(", {name}"));
        let database = client.database.as_ref().map_or_else(String::new, |name| format!(", database {name}"));
        let (user, address) = (name(&client.user), name(&client.address));
        format!("{user} at {address}{application}{database} ({})", plural(client.sessions, "session"))
    });
    let more = all.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("{more} more"));
    let clients: Vec<String> = named.chain(more).collect();
    (!all.is_empty()).then(|| format!("{}: {}", of.member.id.instance, clients.join(", ")))
}
