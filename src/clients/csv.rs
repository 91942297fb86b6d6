//! CSV: a row a client.

use std::io::{self, Write};

use jiff::Timestamp;

use super::{Client, Clients, Owner};
use crate::report::escape::spreadsheet;

/// A column: its name, and what of a client it holds.
type Column = (&'static str, fn(&Clients, &Client) -> String);

const COLUMNS: &[Column] = &[
    ("tasks", |_, row| row.tasks.iter().map(|task| task.code()).collect::<Vec<_>>().join(" ")),
    ("account", |_, row| row.id.account.clone()),
    ("region", |_, row| row.id.region.clone()),
    ("instance", |_, row| row.id.instance.clone()),
    ("rotation", |_, row| row.rotation.to_string()),
    ("address", |_, row| row.seen.address.clone().unwrap_or_default()),
    ("user", |_, row| row.seen.user.clone().unwrap_or_default()),
    ("database", |_, row| row.seen.database.clone().unwrap_or_default()),
    ("application", |_, row| row.seen.application.clone().unwrap_or_default()),
    ("tls_versions", |_, row| row.seen.tls_versions.keys().cloned().collect::<Vec<_>>().join(" ")),
    ("old_protocols", |_, row| row.old_protocols.join(" ")),
    ("certificate_rejected", |_, row| row.certificate_rejected.to_string()),
    ("tls", |_, row| row.seen.sessions.tls.to_string()),
    ("plaintext", |_, row| row.seen.sessions.plaintext.to_string()),
    ("local", |_, row| row.seen.sessions.local.to_string()),
    ("unknown", |_, row| row.seen.sessions.unknown.to_string()),
    ("gss", |_, row| row.seen.sessions.gss.to_string()),
    ("first_seen", |_, row| time(row.seen.first_seen)),
    ("last_seen", |_, row| time(row.seen.last_seen)),
    ("arn", |_, row| row.id.arn.clone()),
    ("window_from", |list, _| list.window.from.to_string()),
    ("window_to", |list, _| list.window.to.to_string()),
    ("instances_that_may_hide", |list, _| list.may_hide.len().to_string()),
    ("errors_in_run", |list, _| list.errors.len().to_string()),
    ("owner", |_, row| of_owner(row, Owner::label)),
    ("owner_kind", |_, row| of_owner(row, |owner| owner.kind.code().to_owned())),
    ("owner_name", |_, row| of_owner(row, |owner| owner.name.clone().unwrap_or_default())),
    ("owner_id", |_, row| of_owner(row, |owner| owner.id.clone())),
    ("owner_seen_at", |_, row| of_owner(row, |owner| owner.seen_at.to_string())),
    ("owner_shared", |_, row| of_owner(row, |owner| owner.shared.to_string())),
    ("address_count", |_, row| row.addresses.len().to_string()),
    ("addresses", |_, row| row.addresses.join(" ")),
];

/// What an owner shows; nothing where it is unknown.
fn of_owner(row: &Client, cell: fn(&Owner) -> String) -> String {
    row.owner.as_ref().map(cell).unwrap_or_default()
}

fn time(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

pub(super) fn write(list: &Clients, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COLUMNS.iter().map(|(name, _)| *name))?;
    for row in &list.clients {
        csv.write_record(COLUMNS.iter().map(|(_, cell)| spreadsheet(&cell(list, row))))?;
    }
    csv.flush()
}
