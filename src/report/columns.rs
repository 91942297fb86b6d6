//! What a row holds in the formats that have rows, CSV and Parquet: a row an instance, or a row a client. As of when, what
//! window and which version are in every row, so that a row can stand alone.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::model::{Client, Instance};
use super::{Report, policy};
use crate::window::Window;

/// What there is a row for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// A row an instance.
    #[default]
    Instances,
    /// A row a client of an instance; an instance whose clients were not seen has none.
    Clients,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text that others may have chosen.
    Text,
    /// Codes and names, separated by a blank in CSV.
    List,
    /// The number of an account, which is no quantity.
    Account,
    /// A version of a program, which is no number.
    Version,
    /// A whole number.
    Count,
    /// A share, 0 to 1.
    Share,
    /// Whether something is so.
    Flag,
    /// A time.
    Time,
}

/// What a cell holds, by the type of its column.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "they are those of `Kind`")]
pub enum Cell {
    Text(Option<String>),
    List(Vec<String>),
    Account(String),
    Version(String),
    Count(u64),
    Share(f64),
    Flag(bool),
    Time(Option<Timestamp>),
}

/// What a column holds of a row `R` of a document `D`.
#[expect(missing_docs, reason = "they are those of `Kind`")]
pub enum Get<D, R> {
    Text(fn(&D, &R) -> Option<String>),
    List(fn(&D, &R) -> Vec<String>),
    Account(fn(&D, &R) -> String),
    Version(fn(&D, &R) -> String),
    Count(fn(&D, &R) -> u64),
    Share(fn(&D, &R) -> f64),
    Flag(fn(&D, &R) -> bool),
    Time(fn(&D, &R) -> Option<Timestamp>),
}

impl<D, R> Get<D, R> {
    /// The type of the column.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::List(_) => Kind::List,
            Self::Account(_) => Kind::Account,
            Self::Version(_) => Kind::Version,
            Self::Count(_) => Kind::Count,
            Self::Share(_) => Kind::Share,
            Self::Flag(_) => Kind::Flag,
            Self::Time(_) => Kind::Time,
        }
    }

    /// The cell of a row.
    pub fn cell(&self, document: &D, row: &R) -> Cell {
        match self {
            Self::Text(get) => Cell::Text(get(document, row)),
            Self::List(get) => Cell::List(get(document, row)),
            Self::Account(get) => Cell::Account(get(document, row)),
            Self::Version(get) => Cell::Version(get(document, row)),
            Self::Count(get) => Cell::Count(get(document, row)),
            Self::Share(get) => Cell::Share(get(document, row)),
            Self::Flag(get) => Cell::Flag(get(document, row)),
            Self::Time(get) => Cell::Time(get(document, row)),
        }
    }
}

/// A column: its name, and what of a row it holds.
pub type Column<D, R> = (&'static str, Get<D, R>);

/// The name of a column, and its type.
pub type Title = (&'static str, Kind);

/// The names and types of columns.
pub fn titles<D, R>(columns: &[Column<D, R>]) -> impl Iterator<Item = Title> {
    columns.iter().map(|(name, get)| (*name, get.kind()))
}

/// What all rows of a report share, made once: a fleet has ten thousand rows.
struct Shared {
    window: Window,
    as_of: Timestamp,
    errors: u64,
    tool_version: &'static str,
    policy: String,
    evidence_digest: Option<String>,
    filter: String,
}

impl Shared {
    fn of(report: &Report) -> Self {
        Self {
            window: report.window,
            as_of: report.generated_at,
            errors: report.summary.errors,
            tool_version: report.tool_version,
            policy: policy::lines(report).join(" "),
            evidence_digest: report.evidence.digest.clone(),
            filter: filter_cell(&report.filter),
        }
    }
}

/// A column of the report with a row an instance, or a row a client.
type OfInstance = Column<Shared, Instance>;
type OfClient = Column<Shared, Client>;

/// The columns before those that are the rows' own.
const WHICH: &[OfInstance] = &[
    ("account", Get::Account(|_, row| row.id().account.clone())),
    ("region", Get::Text(|_, row| text(&row.id().region))),
    ("instance", Get::Text(|_, row| text(&row.id().instance))),
    ("cluster", Get::Text(|_, row| row.cluster().map(str::to_owned))),
    ("engine", Get::Text(|_, row| text(&row.engine))),
    ("engine_version", Get::Version(|_, row| row.engine_version.clone())),
];

const INSTANCE: &[OfInstance] = &[
    ("rotation", Get::Text(|_, row| text(row.rotation.name()))),
    ("unproven", Get::Flag(|_, row| row.unproven)),
    ("usage", Get::Text(|_, row| text(row.usage.name()))),
    ("restart", Get::Text(|_, row| text(row.restart.name()))),
    ("enforcement", Get::Text(|_, row| text(row.enforcement.name()))),
    ("act_by", Get::Time(|_, row| row.act_by)),
    ("ca", Get::Text(|_, row| row.certificate.ca.clone())),
    ("valid_till", Get::Time(|_, row| row.certificate.valid_till)),
    ("target_ca", Get::Text(|_, row| row.certificate.target_ca.clone())),
    ("change", Get::Text(|_, row| text(row.certificate.change.name()))),
    ("tls", Get::Count(|_, row| row.connections.clients_sessions.tls)),
    ("plaintext", Get::Count(|_, row| row.connections.clients_sessions.plaintext)),
    ("local", Get::Count(|_, row| row.connections.clients_sessions.local)),
    ("unknown", Get::Count(|_, row| row.connections.clients_sessions.unknown)),
    ("gss", Get::Count(|_, row| row.connections.clients_sessions.gss)),
    ("certificate_rejected", Get::Count(|_, row| row.connections.certificate_rejected_by.values().sum())),
    ("coverage", Get::Share(|_, row| row.coverage.share)),
    ("longest_gap_seconds", Get::Count(|_, row| row.coverage.longest_gap_seconds.unsigned_abs())),
    ("unparsed", Get::Count(|_, row| row.coverage.unparsed)),
    ("reasons", Get::List(|_, row| words(row.reasons.iter().map(|reason| reason.code.code())))),
    ("why", Get::Text(|_, row| row.reasons.first().map(|reason| reason.text.clone()))),
];

const CLIENT: &[OfClient] = &[
    ("user", Get::Text(|_, client| client.user.clone())),
    ("database", Get::Text(|_, client| client.database.clone())),
    ("address", Get::Text(|_, client| client.address.clone())),
    ("application", Get::Text(|_, client| client.application.clone())),
    ("tls", Get::Count(|_, client| client.sessions.tls)),
    ("plaintext", Get::Count(|_, client| client.sessions.plaintext)),
    ("local", Get::Count(|_, client| client.sessions.local)),
    ("unknown", Get::Count(|_, client| client.sessions.unknown)),
    ("gss", Get::Count(|_, client| client.sessions.gss)),
    ("tls_versions", Get::List(|_, client| words(client.tls_versions.keys().map(String::as_str)))),
    ("first_seen", Get::Time(|_, client| client.first_seen)),
    ("last_seen", Get::Time(|_, client| client.last_seen)),
];

/// The columns behind those that are the rows' own.
const WHENCE: &[OfInstance] = &[
    ("arn", Get::Text(|_, row| text(&row.id().arn))),
    ("window_from", Get::Time(|shared, _| Some(shared.window.from))),
    ("window_to", Get::Time(|shared, _| Some(shared.window.to))),
    ("as_of", Get::Time(|shared, _| Some(shared.as_of))),
    ("errors_in_run", Get::Count(|shared, _| shared.errors)),
    ("tool_version", Get::Version(|shared, _| shared.tool_version.to_owned())),
    (
        "gaps",
        Get::List(|_, row| {
            let causes: BTreeSet<_> = row.coverage.gaps.iter().map(|gap| gap.cause.name()).collect();
            words(causes)
        }),
    ),
    ("files_failed", Get::Count(|_, row| row.coverage.files_failed)),
    ("not_examined", Get::Text(|_, row| text(&row.not_examined.join("; ")))),
    ("ignored", Get::Count(|_, row| row.connections.ignored.sessions.sum())),
    ("policy", Get::Text(|shared, _| text(&shared.policy))),
    ("evidence_digest", Get::Text(|shared, _| shared.evidence_digest.clone())),
    ("evidence_verified", Get::Flag(|_, row| row.evidence.verified)),
    ("status", Get::Text(|_, row| text(&row.status))),
    ("role", Get::Text(|_, row| row.role.map(|role| role.name().to_owned()))),
    ("judged_from", Get::Time(|_, row| row.coverage.judged.map(|judged| judged.from))),
    ("judged_to", Get::Time(|_, row| row.coverage.judged.map(|judged| judged.to))),
    ("judged_coverage", Get::Share(|_, row| row.coverage.judged_share)),
    ("collected_at", Get::Time(|_, row| Some(row.collected_at))),
    ("caller", Get::Text(|_, row| row.caller.clone())),
    ("filter", Get::Text(|shared, _| text(&shared.filter))),
];

/// The options that chose the instances, without `--`, which begins a formula: `region eu-west-1, tag env=prod`.
pub fn filter_cell(options: &[String]) -> String {
    options.chunks(2).map(|option| option.join(" ").replacen("--", "", 1)).collect::<Vec<_>>().join(", ")
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// The names and types of the columns.
pub(super) fn columns(rows: Rows) -> Vec<Title> {
    let own: Vec<_> = match rows {
        Rows::Instances => titles(INSTANCE).collect(),
        Rows::Clients => titles(CLIENT).collect(),
    };
    titles(WHICH).chain(own).chain(titles(WHENCE)).collect()
}

/// The rows, one at a time.
pub(super) fn rows(report: &Report, rows: Rows) -> impl Iterator<Item = Vec<Cell>> {
    let shared = Shared::of(report);
    report.instances.iter().flat_map(move |row| {
        let own: Vec<Vec<Cell>> = match rows {
            Rows::Instances => vec![cells(INSTANCE, &shared, row).collect()],
            Rows::Clients => {
                let clients = row.connections.clients.iter();
                clients.map(|client| cells(CLIENT, &shared, client).collect()).collect()
            }
        };
        let whole = |own: Vec<Cell>| -> Vec<Cell> {
            cells(WHICH, &shared, row).chain(own).chain(cells(WHENCE, &shared, row)).collect()
        };
        own.into_iter().map(whole).collect::<Vec<_>>()
    })
}

/// The cells of some columns of a row.
fn cells<D, R>(columns: &[Column<D, R>], document: &D, row: &R) -> impl Iterator<Item = Cell> {
    columns.iter().map(move |(_, get)| get.cell(document, row))
}
