//! Groups of clients: the addresses of one application, user or owner as one client.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Client, Members, Task};
use crate::report::Shares;

/// What clients are grouped by, within one instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Nothing: each address of each application, user and database is a client.
    #[default]
    Address,
    /// User, database and application.
    Application,
    /// User.
    User,
    /// Owner of the address; what has no known owner is not grouped.
    Owner,
}

/// What is the same for all clients of a group.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    arn: String,
    names: Vec<Option<String>>,
    /// Clients that rejected the certificate, and proxies, stand apart: they have something else to do.
    apart: (bool, bool),
}

impl By {
    /// The groups, in the order of their first clients.
    pub(super) fn group(self, clients: Vec<Client>) -> Vec<Client> {
        if self == Self::Address {
            return clients;
        }
        let mut groups: Vec<Vec<Client>> = Vec::new();
        let mut known: BTreeMap<Key, usize> = BTreeMap::new();
        for client in clients {
            let group = *known.entry(self.key(&client)).or_insert(groups.len());
            match groups.get_mut(group) {
                Some(group) => group.push(client),
                None => groups.push(vec![client]),
            }
        }
        groups.into_iter().filter_map(merged).collect()
    }

    fn key(self, client: &Client) -> Key {
        let seen = &client.seen;
        let owner = || client.owner.as_ref().map(|owner| owner.label());
        let names = match self {
            Self::Application => vec![seen.user.clone(), seen.database.clone(), seen.application.clone()],
            Self::User => vec![seen.user.clone()],
            Self::Owner | Self::Address => vec![owner()],
        };
        // Clients without a name have nothing in common.
        let address = names.iter().all(Option::is_none).then(|| seen.address.clone()).flatten();
        let apart = (client.certificate_rejected > 0, client.tasks.contains(&Task::BehindProxy));
        Key { arn: client.id.arn.clone(), names: names.into_iter().chain([address]).collect(), apart }
    }
}

/// Clients as one; none where there are none.
fn merged(clients: Vec<Client>) -> Option<Client> {
    let mut members = Members::default();
    // A rejection is of an address, and stands beside each of its clients.
    let mut rejected: BTreeMap<Option<String>, u64> = BTreeMap::new();
    for client in &clients {
        let seen = &client.seen;
        members.clients += 1;
        members.users.extend(seen.user.clone());
        members.databases.extend(seen.database.clone());
        members.applications.extend(seen.application.clone());
        members.owners.extend(client.owner.as_ref().map(|owner| owner.label()));
        rejected.insert(seen.address.clone(), client.certificate_rejected);
    }
    let mut clients = clients.into_iter();
    let mut one = clients.next()?;
    for other in clients {
        add(&mut one, other);
    }
    one.certificate_rejected = rejected.values().sum();
    if one.seen.sessions.tls > 0 {
        one.seen.tls_share_at_most = None;
    }
    one.members = Some(members);
    Some(one)
}

/// Adds a client to a group. What is not the same for both is left out.
fn add(one: &mut Client, other: Client) {
    fn common<T: PartialEq>(one: &mut Option<T>, other: &Option<T>) {
        if *one != *other {
            *one = None;
        }
    }
    one.tasks.extend(other.tasks);
    one.add_cas.extend(other.add_cas);
    let addresses: BTreeSet<String> = std::mem::take(&mut one.addresses).into_iter().chain(other.addresses).collect();
    one.addresses = addresses.into_iter().collect();
    let old: BTreeSet<String> = std::mem::take(&mut one.old_protocols).into_iter().chain(other.old_protocols).collect();
    one.old_protocols = old.into_iter().collect();
    match (&mut one.owner, &other.owner) {
        (Some(owner), Some(another)) if owner.label() == another.label() => {
            owner.seen_at = owner.seen_at.max(another.seen_at);
        }
        (owner, _) => *owner = None,
    }
    let (seen, more) = (&mut one.seen, other.seen);
    common(&mut seen.address, &more.address);
    common(&mut seen.user, &more.user);
    common(&mut seen.database, &more.database);
    common(&mut seen.application, &more.application);
    let (sum, shares) = (seen.sessions, more.sessions);
    seen.sessions = Shares {
        tls: sum.tls + shares.tls,
        plaintext: sum.plaintext + shares.plaintext,
        local: sum.local + shares.local,
        unknown: sum.unknown + shares.unknown,
        gss: sum.gss + shares.gss,
    };
    // The bound of one client is no lower for having company.
    seen.tls_share_at_most = match (seen.tls_share_at_most, more.tls_share_at_most) {
        (Some(one), Some(other)) => Some(one.max(other)),
        _ => None,
    };
    for (version, sessions) in more.tls_versions {
        *seen.tls_versions.entry(version).or_insert(0) += sessions;
    }
    seen.first_seen = seen.first_seen.into_iter().chain(more.first_seen).min();
    seen.last_seen = seen.last_seen.into_iter().chain(more.last_seen).max();
    seen.ignored &= more.ignored;
}
