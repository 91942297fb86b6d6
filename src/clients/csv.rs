//! CSV: a row a client.

use std::io::{self, Write};

use super::{Client, Clients, Owner};
use crate::report::columns::{Column, Get, filter_cell, titles};
use crate::report::csv::Dialect;

const COLUMNS: &[Column<Clients, Client>] = &[
    ("tasks", Get::List(|_, row| row.tasks.iter().map(|task| task.code()).map(str::to_owned).collect())),
    ("account", Get::Account(|_, row| row.id.account.clone())),
    ("region", Get::Text(|_, row| Some(row.id.region.clone()))),
    ("instance", Get::Text(|_, row| Some(row.id.instance.clone()))),
    ("rotation", Get::Text(|_, row| Some(row.rotation.to_string()))),
    ("address", Get::Text(|_, row| row.seen.address.clone())),
    ("user", Get::Text(|_, row| row.seen.user.clone())),
    ("database", Get::Text(|_, row| row.seen.database.clone())),
    ("application", Get::Text(|_, row| row.seen.application.clone())),
    ("tls_versions", Get::List(|_, row| row.seen.tls_versions.keys().cloned().collect())),
    ("old_protocols", Get::List(|_, row| row.old_protocols.clone())),
    ("certificate_rejected", Get::Count(|_, row| row.certificate_rejected)),
    ("tls", Get::Count(|_, row| row.seen.sessions.tls)),
    ("plaintext", Get::Count(|_, row| row.seen.sessions.plaintext)),
    ("local", Get::Count(|_, row| row.seen.sessions.local)),
    ("unknown", Get::Count(|_, row| row.seen.sessions.unknown)),
    ("gss", Get::Count(|_, row| row.seen.sessions.gss)),
    ("first_seen", Get::Time(|_, row| row.seen.first_seen)),
    ("last_seen", Get::Time(|_, row| row.seen.last_seen)),
    ("arn", Get::Text(|_, row| Some(row.id.arn.clone()))),
    ("window_from", Get::Time(|list, _| Some(list.window.from))),
    ("window_to", Get::Time(|list, _| Some(list.window.to))),
    ("instances_that_may_hide", Get::Count(|list, _| list.may_hide.len() as u64)),
    ("errors_in_run", Get::Count(|list, _| list.errors.len() as u64)),
    ("owner", Get::Text(|_, row| row.owner.as_ref().map(Owner::label))),
    ("owner_kind", Get::Text(|_, row| row.owner.as_ref().map(|owner| owner.kind.code().to_owned()))),
    ("owner_name", Get::Text(|_, row| row.owner.as_ref()?.name.clone())),
    ("owner_id", Get::Text(|_, row| row.owner.as_ref().map(|owner| owner.id.clone()))),
    ("owner_seen_at", Get::Time(|_, row| row.owner.as_ref().map(|owner| owner.seen_at))),
    ("owner_shared", Get::Text(|_, row| row.owner.as_ref().map(|owner| owner.shared.to_string()))),
    ("address_count", Get::Count(|_, row| row.addresses.len() as u64)),
    ("addresses", Get::List(|_, row| row.addresses.clone())),
    ("add_cas", Get::List(|_, row| row.add_cas.iter().cloned().collect())),
    ("filter", Get::Text(|list, _| Some(filter_cell(&list.filter)))),
];

pub(super) fn write(list: &Clients, dialect: Dialect, out: &mut dyn Write) -> io::Result<()> {
    let rows = list.clients.iter().map(|row| COLUMNS.iter().map(|(_, get)| get.cell(list, row)).collect());
    dialect.write(titles(COLUMNS), rows, out)
}
