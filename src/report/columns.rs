//! What a row holds in the formats that have rows, CSV and Parquet: a row an instance, or a row a client. As of when, what
//! window and which version are in every row, so that a row can stand alone.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::model::{Client, Instance};
use super::{Report, policy};

/// What there is a row for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// A row an instance.
    #[default]
    Instances,
    /// A row a client of an instance; an instance whose clients were not seen has none.
    Clients,
}

/// What a cell holds.
pub(super) enum Cell {
    Text(Option<String>),
    Count(u64),
    Share(f64),
    Flag(bool),
    Time(Option<Timestamp>),
}

/// A column: its name, and what of a row it holds.
type OfInstance = (&'static str, fn(&Report, &Instance) -> Cell);
type OfClient = (&'static str, fn(&Client) -> Cell);

/// The columns before those that are the rows' own.
const WHICH: &[OfInstance] = &[
    ("account", |_, row| text(&row.id().account)),
    ("region", |_, row| text(&row.id().region)),
    ("instance", |_, row| text(&row.id().instance)),
    ("cluster", |_, row| Cell::Text(row.cluster().map(str::to_owned))),
    ("engine", |_, row| text(&row.engine)),
    ("engine_version", |_, row| text(&row.engine_version)),
];

const INSTANCE: &[OfInstance] = &[
    ("rotation", |_, row| text(row.rotation.name())),
    ("unproven", |_, row| Cell::Flag(row.unproven)),
    ("usage", |_, row| text(row.usage.name())),
    ("restart", |_, row| text(row.restart.name())),
    ("enforcement", |_, row| text(row.enforcement.name())),
    ("act_by", |_, row| Cell::Time(row.act_by)),
    ("ca", |_, row| Cell::Text(row.certificate.ca.clone())),
    ("valid_till", |_, row| Cell::Time(row.certificate.valid_till)),
    ("target_ca", |_, row| Cell::Text(row.certificate.target_ca.clone())),
    ("change", |_, row| text(row.certificate.change.name())),
    ("tls", |_, row| Cell::Count(row.connections.clients_sessions.tls)),
    ("plaintext", |_, row| Cell::Count(row.connections.clients_sessions.plaintext)),
    ("local", |_, row| Cell::Count(row.connections.clients_sessions.local)),
    ("unknown", |_, row| Cell::Count(row.connections.clients_sessions.unknown)),
    ("gss", |_, row| Cell::Count(row.connections.clients_sessions.gss)),
    ("certificate_rejected", |_, row| Cell::Count(row.connections.certificate_rejected_by.values().sum())),
    ("coverage", |_, row| Cell::Share(row.coverage.share)),
    ("longest_gap_seconds", |_, row| Cell::Count(row.coverage.longest_gap_seconds.unsigned_abs())),
    ("unparsed", |_, row| Cell::Count(row.coverage.unparsed)),
    ("reasons", |_, row| text(&words(row.reasons.iter().map(|reason| reason.code.code())))),
    ("why", |_, row| Cell::Text(row.reasons.first().map(|reason| reason.text.clone()))),
];

const CLIENT: &[OfClient] = &[
    ("user", |client| Cell::Text(client.user.clone())),
    ("database", |client| Cell::Text(client.database.clone())),
    ("address", |client| Cell::Text(client.address.clone())),
    ("application", |client| Cell::Text(client.application.clone())),
    ("tls", |client| Cell::Count(client.sessions.tls)),
    ("plaintext", |client| Cell::Count(client.sessions.plaintext)),
    ("local", |client| Cell::Count(client.sessions.local)),
    ("unknown", |client| Cell::Count(client.sessions.unknown)),
    ("gss", |client| Cell::Count(client.sessions.gss)),
    ("tls_versions", |client| text(&words(client.tls_versions.keys().map(String::as_str)))),
    ("first_seen", |client| Cell::Time(client.first_seen)),
    ("last_seen", |client| Cell::Time(client.last_seen)),
];

/// The columns behind those that are the rows' own.
const WHENCE: &[OfInstance] = &[
    ("arn", |_, row| text(&row.id().arn)),
    ("window_from", |report, _| Cell::Time(Some(report.window.from))),
    ("window_to", |report, _| Cell::Time(Some(report.window.to))),
    ("as_of", |report, _| Cell::Time(Some(report.generated_at))),
    ("errors_in_run", |report, _| Cell::Count(report.summary.errors)),
    ("tool_version", |report, _| text(report.tool_version)),
    ("gaps", |_, row| {
        let causes: BTreeSet<_> = row.coverage.gaps.iter().map(|gap| gap.cause).collect();
        text(&words(causes))
    }),
    ("files_failed", |_, row| Cell::Count(row.coverage.files_failed)),
    ("not_examined", |_, row| text(&row.not_examined.join("; "))),
    ("ignored", |_, row| Cell::Count(row.connections.ignored.sessions.sum())),
    ("policy", |report, _| text(&policy::lines(report).join(" "))),
    ("evidence_digest", |report, _| Cell::Text(report.evidence.digest.clone())),
    ("evidence_verified", |_, row| Cell::Flag(row.evidence.verified)),
    ("status", |_, row| text(&row.status)),
    ("role", |_, row| Cell::Text(row.role.map(|role| role.name().to_owned()))),
    ("judged_from", |_, row| Cell::Time(row.coverage.judged.map(|judged| judged.from))),
    ("judged_to", |_, row| Cell::Time(row.coverage.judged.map(|judged| judged.to))),
    ("judged_coverage", |_, row| Cell::Share(row.coverage.judged_share)),
];

fn text(text: &str) -> Cell {
    Cell::Text(Some(text.to_owned()))
}

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(" ")
}

/// The names of the columns.
pub(super) fn names(rows: Rows) -> Vec<&'static str> {
    let own: Vec<_> = match rows {
        Rows::Instances => INSTANCE.iter().map(|(name, _)| *name).collect(),
        Rows::Clients => CLIENT.iter().map(|(name, _)| *name).collect(),
    };
    let shared = |columns: &'static [OfInstance]| columns.iter().map(|(name, _)| *name);
    shared(WHICH).chain(own).chain(shared(WHENCE)).collect()
}

/// The rows, one at a time.
pub(super) fn rows(report: &Report, rows: Rows) -> impl Iterator<Item = Vec<Cell>> {
    report.instances.iter().flat_map(move |row| {
        let of_instance = move |columns: &'static [OfInstance]| columns.iter().map(move |(_, cell)| cell(report, row));
        let of_client = |client| CLIENT.iter().map(|(_, cell)| cell(client)).collect::<Vec<_>>();
        let instance = (rows == Rows::Instances).then(|| of_instance(INSTANCE).collect());
        let clients = row.connections.clients.iter().filter(move |_| rows == Rows::Clients).map(of_client);
        let whole = move |own: Vec<Cell>| of_instance(WHICH).chain(own).chain(of_instance(WHENCE)).collect();
        instance.into_iter().chain(clients).map(whole)
    })
}
