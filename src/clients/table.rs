//! The table for people: a line for each client, the most urgent first.

use std::collections::BTreeSet;
use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use unicode_width::UnicodeWidthStr;

use super::{By, Client, Clients, Task};
use crate::problem::grouped;
use crate::report::Layout;
use crate::report::escape::terminal;
use crate::report::lines::{filter, next_steps, paragraph, problems, wrap};
use crate::text::{listed, plural};

/// Blanks between columns.
const GAP: usize = 2;
/// Least columns of text for what to do.
const LEAST: usize = 30;
/// Columns that are left out where the table is too wide, the first of them first.
const LEFT_OUT: &[&str] = &["FIRST SEEN", "LAST SEEN", "DATABASE", "APPLICATION", "SESSIONS", OWNER];
/// Owners that are named where clients of many are grouped.
const OWNERS: usize = 2;
/// The title of a column that is there if any owner is known.
const OWNER: &str = "OWNER";

/// A column: its title, and what of a client it holds.
type Column = (&'static str, fn(&Client) -> String);

const COLUMNS: &[Column] = &[
    ("INSTANCE", |row| terminal(&row.id.instance)),
    ("ADDRESS", |row| match row.addresses.len() {
        many @ 2.. => format!("{many} addresses"),
        _ => name(&row.seen.address),
    }),
    (OWNER, owner),
    ("USER", |row| shared(&row.seen.user, row.members.as_ref().map(|all| &all.users), "user")),
    ("DATABASE", |row| shared(&row.seen.database, row.members.as_ref().map(|all| &all.databases), "database")),
    ("APPLICATION", |row| {
        shared(&row.seen.application, row.members.as_ref().map(|all| &all.applications), "application")
    }),
    ("TLS", versions),
    ("SESSIONS", |row| row.sessions().to_string()),
    ("FIRST SEEN", |row| time(row.seen.first_seen)),
    ("LAST SEEN", |row| time(row.seen.last_seen)),
    ("WHAT TO DO", |row| {
        let tasks: Vec<_> =
            row.tasks.iter().filter(|task| **task != Task::OldProtocol).map(|task| task.text()).collect();
        tasks.join("; ")
    }),
];

fn name(name: &Option<String>) -> String {
    name.as_deref().map_or_else(|| "-".to_owned(), terminal)
}

/// A name that all clients of a group have, or how many there are.
fn shared(one: &Option<String>, all: Option<&BTreeSet<String>>, noun: &str) -> String {
    match all.map(BTreeSet::len) {
        Some(many @ 2..) => plural(many, noun),
        _ => name(one),
    }
}

/// The owner of the address, or owners of grouped clients.
fn owner(row: &Client) -> String {
    let all = row.members.iter().flat_map(|members| &members.owners);
    let (named, more) = match &row.owner {
        Some(owner) => (vec![owner.label()], 0),
        None => (all.clone().take(OWNERS).cloned().collect(), all.count().saturating_sub(OWNERS)),
    };
    match (named.is_empty(), more) {
        (true, _) => "-".to_owned(),
        (_, 0) => terminal(&named.join(", ")),
        _ => format!("{} and {more} more", terminal(&named.join(", "))),
    }
}

/// The TLS versions, old ones marked; what has sessions without TLS too says so.
fn versions(row: &Client) -> String {
    let mark = |version: &String| {
        let old = if row.old_protocols.contains(version) { " (old!)" } else { "" };
        format!("{}{old}", terminal(version))
    };
    match (row.seen.sessions.tls, row.seen.tls_versions.is_empty()) {
        (0, _) if row.seen.sessions.unknown > 0 => "?".to_owned(),
        (0, _) => "-".to_owned(),
        (_, true) => "yes".to_owned(),
        _ => row.seen.tls_versions.keys().map(mark).collect::<Vec<_>>().join(", "),
    }
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}

pub(super) fn write(list: &Clients, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let width = layout.width;
    let minute = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M");
    paragraph(out, width, 0, &headline(list))?;
    writeln!(out, "Window {} to {} UTC", minute(list.window.from), minute(list.window.to))?;
    for line in filter(&list.filter).into_iter().chain(bundle(list)) {
        paragraph(out, width, 0, &line)?;
    }
    if !list.clients.is_empty() {
        writeln!(out)?;
        clients(list, layout, out)?;
        owners(list, width, out)?;
    }
    if !list.may_hide.is_empty() {
        writeln!(out)?;
        paragraph(out, width, 0, "The logs of these instances may not show all clients that use TLS:")?;
    }
    for row in &list.may_hide {
        paragraph(out, width, 2, &format!("{}: {}", row.id.instance, row.why))?;
    }
    problems(out, width, &list.errors)?;
    next_steps(out, &layout.again, &[("Plan the rotation".to_owned(), "plan", "--format sh")])
}

/// AWS's bundle of all CAs of the partition `aws`.
///
/// Source: "Using SSL/TLS to encrypt a connection to a DB instance or cluster" in the RDS user guide. GovCloud and China have
/// bundles of their own.
const CA_BUNDLE: &str = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem";

/// The CAs that clients must add, and where to get them; none where no client must.
fn bundle(list: &Clients) -> Option<String> {
    let clients = || list.clients.iter().filter(|client| !client.add_cas.is_empty());
    let cas: BTreeSet<&str> = clients().flat_map(|client| &client.add_cas).map(String::as_str).collect();
    let of_aws = clients().filter(|client| client.id.arn.starts_with("arn:aws:")).count();
    let where_from = match (of_aws, clients().count()) {
        (0, _) => "the CA bundle of your partition (GovCloud or China)".to_owned(),
        (some, all) if some == all => CA_BUNDLE.to_owned(),
        _ => format!("{CA_BUNDLE}; in GovCloud and China the bundle of your partition"),
    };
    (!cas.is_empty()).then(|| format!("To add to trust stores: {}. From: {where_from}", listed("CA", &cas)))
}

/// How many clients have something to do, most urgent first.
fn headline(list: &Clients) -> String {
    let with = |task: Task| list.clients.iter().filter(|client| client.tasks.contains(&task)).count();
    let tasks = [
        (Task::AcceptCertificate, "rejected the certificate"),
        (Task::UpdateTrustStore, "must update the trust store"),
        (Task::FindOut, "unknown"),
        (Task::BreaksUnderEnforcement, "without TLS"),
        (Task::OldProtocol, "with an old protocol"),
        (Task::BehindProxy, "behind RDS Proxy"),
        (Task::KeepTrustStore, "with TLS and no change"),
    ];
    let counts: Vec<_> = tasks.iter().map(|(task, what)| (with(*task), what)).filter(|(count, _)| *count > 0).collect();
    let counts: Vec<_> = counts.iter().map(|(count, what)| format!("{count} {what}")).collect();
    let all = plural(list.clients.len(), "client");
    if counts.is_empty() { all } else { format!("{all}: {}", counts.join(", ")) }
}

/// What the addresses do not show: clients behind others, and owners that are unknown.
fn owners(list: &Clients, width: u16, out: &mut dyn Write) -> io::Result<()> {
    if list.clients.iter().any(|row| row.addresses.len() > 1) {
        writeln!(out)?;
        paragraph(out, width, 0, "Clients with several addresses are one line. `--by address` lists each address.")?;
    }
    let unowned = list.clients.iter().filter(|row| owner(row) == "-").flat_map(|row| &row.addresses);
    let unowned = unowned.collect::<BTreeSet<_>>().len();
    if list.by == By::Owner && unowned > 0 {
        let addresses = if unowned == 1 { "1 address".to_owned() } else { format!("{unowned} addresses") };
        let text = format!(
            "No owner is known for {addresses} (another account or region, on-premises, or not collected). Each is a line of its own."
        );
        writeln!(out)?;
        paragraph(out, width, 0, &text)?;
    }
    let known = list.clients.iter().filter_map(|row| row.owner.as_ref());
    let hiding: BTreeSet<_> = known.filter_map(|owner| Some((owner.label(), owner.kind.hides()?))).collect();
    if !hiding.is_empty() {
        writeln!(out)?;
        paragraph(out, width, 0, "These addresses can stand for other clients:")?;
    }
    for (owner, clients) in hiding {
        paragraph(out, width, 2, &format!("{owner}: {clients}"))?;
    }
    if !list.owner_errors.is_empty() {
        writeln!(out)?;
        paragraph(out, width, 0, "Owners of addresses could not be read, which changes no verdict:")?;
    }
    grouped(&list.owner_errors).iter().try_for_each(|brief| paragraph(out, width, 2, &brief.to_string()))
}

/// The table. Names are never broken, so that they can be searched for. Where the table is too wide, columns are left out,
/// and what to do is wrapped.
fn clients(list: &Clients, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let (columns, left_out) = columns(list, layout);
    let widths: usize = columns.iter().rev().skip(1).map(|column| width_of(list, column)).sum();
    let room = if layout.wide { usize::MAX } else { usize::from(layout.width).saturating_sub(widths).max(LEAST) };
    for line in table(list, &columns, room).lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    if !left_out.is_empty() {
        let text = format!("Not shown in {} columns: {}. `--format csv` has all.", layout.width, left_out.join(", "));
        writeln!(out)?;
        paragraph(out, layout.width, 0, &text)?;
    }
    Ok(())
}

/// The columns that there is room for, and the titles of the others.
fn columns(list: &Clients, layout: &Layout) -> (Vec<&'static Column>, Vec<&'static str>) {
    let is_owned = list.clients.iter().any(|row| owner(row) != "-");
    let mut columns: Vec<_> = COLUMNS.iter().filter(|(title, _)| is_owned || *title != OWNER).collect();
    let mut left_out = Vec::new();
    for title in LEFT_OUT.iter().filter(|title| is_owned || **title != OWNER) {
        let needed: usize = columns.iter().rev().skip(1).map(|column| width_of(list, column)).sum();
        if layout.wide || needed + LEAST <= usize::from(layout.width) {
            break;
        }
        columns.retain(|column| column.0 != *title);
        left_out.push(*title);
    }
    (columns, left_out)
}

/// Columns of text that a column takes, with the gap behind it.
fn width_of(list: &Clients, (title, cell): &Column) -> usize {
    GAP + list.clients.iter().map(|row| cell(row).width()).fold(title.width(), usize::max)
}

/// The table of these columns, the last of which is wrapped at `room`.
fn table(list: &Clients, columns: &[&Column], room: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns.iter().map(|(title, _)| *title));
    for row in &list.clients {
        let mut cells: Vec<_> = columns.iter().map(|(_, cell)| cell(row)).collect();
        if let Some(last) = cells.last_mut() {
            *last = wrap(last, room).join("\n");
        }
        table.add_row(cells);
    }
    for (column, (title, _)) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, GAP as u16));
        if *title == "SESSIONS" {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
