//! The clients of one instance, before and after.

use std::collections::{BTreeMap, BTreeSet};

use super::saved_report::{Client, Instance};
use super::{ClientChange, Diff, Sessions};

/// Who a client is wherever it connects from: addresses of containers change every day.
type Name<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

/// A name at an address.
type At<'a> = (Name<'a>, Option<&'a str>);

/// Adds what changed of an instance's clients.
pub(super) fn compare(diff: &mut Diff, was: &Instance, now: &Instance) {
    let (before, mut after) = (by_address(was), by_address(now));
    // Of a client that is seen, and not how it connects, as little is known as of one that is not seen.
    after.retain(|_, sessions| sessions.tls > 0 || sessions.without > 0);
    let named_before = by_name(&before);
    // Names that connect from somewhere new: what is missing elsewhere may have moved there.
    let moved: BTreeSet<Name> = after.keys().filter(|at| !before.contains_key(at)).map(|(name, _)| *name).collect();
    let change = |(name, address): At, before: Sessions, now_: Sessions| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (user, database, application) = (owned(name.0), owned(name.1), owned(name.2));
        ClientChange { id: now.id.clone(), user, database, address: owned(address), application, before, now: now_ }
    };
    for (at, sessions) in &after {
        // One that moved is compared with what it did everywhere else.
        let elsewhere = || named_before.get(&at.0).copied().unwrap_or_default();
        let before = before.get(at).copied().unwrap_or_else(elsewhere);
        if fell_back(before, *sessions) {
            diff.fell_back.push(change(*at, before, *sessions));
        }
        if sessions.tls > 0 && before.tls == 0 {
            diff.tls_clients_new.push(change(*at, before, *sessions));
        }
    }
    for (at, sessions) in &before {
        if sessions.tls > 0 && !after.contains_key(at) && !moved.contains(&at.0) {
            diff.tls_clients_gone.push(change(*at, *sessions, Sessions::default()));
        }
    }
}

/// Whether a client that used TLS does so no more, or not always as it did.
fn fell_back(before: Sessions, now: Sessions) -> bool {
    before.tls > 0 && now.without > 0 && (now.tls == 0 || before.without == 0)
}

fn by_address(instance: &Instance) -> BTreeMap<At<'_>, Sessions> {
    let mut clients: BTreeMap<At, Sessions> = BTreeMap::new();
    for client in &instance.connections.clients {
        let Client { user, database, address, application, tls, plaintext, gss } = client;
        let name = (user.as_deref(), database.as_deref(), application.as_deref());
        clients.entry((name, address.as_deref())).or_default().add(Sessions { tls: *tls, without: plaintext + gss });
    }
    clients
}

fn by_name<'a>(clients: &BTreeMap<At<'a>, Sessions>) -> BTreeMap<Name<'a>, Sessions> {
    let mut names: BTreeMap<Name, Sessions> = BTreeMap::new();
    for ((name, _), sessions) in clients {
        names.entry(*name).or_default().add(*sessions);
    }
    names
}

impl Sessions {
    fn add(&mut self, other: Self) {
        self.tls = self.tls.saturating_add(other.tls);
        self.without = self.without.saturating_add(other.without);
    }
}
