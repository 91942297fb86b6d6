//! Totals: everything that is counted apart, over all hours and logs.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Client, Ignores, Usage};
use crate::bundle::fact::cause;
use crate::bundle::{Event, EventKind, Facts};

/// Adds the facts to a usage.
pub(super) fn add(facts: &Facts, judged_from: Timestamp, usage: &mut Usage, ignores: Ignores<'_>) {
    let judged_from = judged_from.as_microsecond();
    // Of each event, what was seen before the judged part of the window, and since.
    let mut sums = vec![[None::<Sum>; 2]; facts.events().len()];
    for fact in facts.rows() {
        let is_judged = usize::from(fact.last_seen >= judged_from);
        if let Some(sum) = sums.get_mut(fact.event as usize).and_then(|sums| sums.get_mut(is_judged)) {
            let known = sum.get_or_insert(Sum { count: 0, first: fact.first_seen, last: fact.last_seen });
            known.count += fact.count;
            known.first = known.first.min(fact.first_seen);
            known.last = known.last.max(fact.last_seen);
        }
    }
    for (event, sums) in facts.events().iter().zip(sums) {
        for (sum, judged) in sums.into_iter().zip([false, true]) {
            if let Some(sum) = sum {
                let total = Total::of(event, sum, judged);
                let ignored_by = ignores(&total.client);
                total.add_to(usage, ignored_by);
            }
        }
    }
}

/// How many events, and when they were first and last seen.
#[derive(Clone, Copy)]
struct Sum {
    count: u64,
    first: i64,
    last: i64,
}

/// Events of one kind and one client.
pub(super) struct Total<'t> {
    pub kind: EventKind,
    pub transport: &'t str,
    pub tls_version: Option<&'t str>,
    pub cipher: Option<&'t str>,
    pub auth_method: Option<&'t str>,
    pub cause: &'t str,
    pub system: bool,
    /// Whether they have a part in the judged part of the window.
    pub judged: bool,
    pub count: u64,
    /// When they were first and last seen, in microseconds since 1970.
    pub seen: (i64, i64),
    pub client: Client,
}

impl<'t> Total<'t> {
    fn of(event: &'t Event, sum: Sum, judged: bool) -> Self {
        Self {
            kind: event.kind,
            transport: event.transport.as_deref().unwrap_or("unknown"),
            tls_version: event.tls_version.as_deref(),
            cipher: event.cipher.as_deref(),
            auth_method: event.auth_method.as_deref(),
            cause: event.cause.as_deref().unwrap_or("other"),
            system: event.system,
            judged,
            count: sum.count,
            seen: (sum.first, sum.last),
            client: Client::of(event),
        }
    }

    pub(super) fn add_to(self, usage: &mut Usage, ignored_by: Option<usize>) {
        let count = self.count;
        match (self.kind, self.system) {
            (EventKind::Connected, true) => usage.system.add(self.transport, count),
            (EventKind::Connected, false) => self.add_session(usage, ignored_by),
            (EventKind::Received, _) => usage.received += count,
            (EventKind::Rejected, false) if ignored_by.is_some() => usage.ignored.attempts.add(self.transport, count),
            (EventKind::HandshakeFailed, _)
                if ignored_by.is_some() && !["client-rejected-certificate", "probe"].contains(&self.cause) =>
            {
                usage.ignored.attempts.tls += count;
            }
            (EventKind::Rejected, false) => usage.rejected.add(self.transport, count),
            (EventKind::HandshakeFailed, _) => {
                if self.cause == "client-rejected-certificate" {
                    let address = self.client.address.unwrap_or_else(|| "an unknown address".to_owned());
                    *usage.certificate_rejected_by.entry(address).or_default() += count;
                }
                *usage.handshakes_failed.entry(self.cause.to_owned()).or_default() += count;
            }
            (EventKind::Disconnected, false) => {
                usage.disconnected += count;
                if ignored_by.is_some() {
                    return;
                }
                *usage.older_sessions.entry(Client { application: None, ..self.client }).or_default() += count;
            }
            // AWS's own users decide nothing, and what a newer version may have written is unknown here.
            _ => {}
        }
    }

    fn add_session(self, usage: &mut Usage, ignored_by: Option<usize>) {
        let count = self.count;
        let named = |counts: &mut BTreeMap<String, u64>, name: Option<&str>| {
            if let Some(name) = name {
                *counts.entry(name.to_owned()).or_default() += count;
            }
        };
        if self.cause == cause::TEXT_BEHIND_MARK {
            usage.imitable_tls += count;
        }
        if ignored_by.is_some() {
            usage.ignored.sessions.add(self.transport, count);
        } else {
            usage.connections.add(self.transport, count);
            if self.judged {
                usage.judged.add(self.transport, count);
            }
            named(&mut usage.tls_versions, self.tls_version);
            named(&mut usage.ciphers, self.cipher);
            named(&mut usage.auth_methods, self.auth_method);
        }
        let client = usage.clients.entry(self.client).or_default();
        client.ignored_by = ignored_by;
        client.sessions.add(self.transport, count);
        named(&mut client.tls_versions, self.tls_version);
        let instant = |micros: i64| Timestamp::from_microsecond(micros).ok();
        let (first, last) = (instant(self.seen.0), instant(self.seen.1));
        client.first_seen = [client.first_seen, first].into_iter().flatten().min();
        client.last_seen = client.last_seen.max(last);
    }
}
