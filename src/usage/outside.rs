//! TLS outside of the window: a client that connects once a month shows itself in older evidence only.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Client;
use crate::bundle::fact::cause;
use crate::bundle::{Event, Facts};
use crate::window::Window;

/// What clients did outside of the window.
pub(super) struct Outside {
    /// Clients with TLS, and when each was last seen there. Clients that rejected the certificate are among them.
    pub tls: BTreeMap<Client, Timestamp>,
    /// Whether clients connected without TLS.
    pub plaintext: bool,
}

/// What clients did before and after a window. An instance that was made anew under an old name has the same clients.
pub(super) fn of(facts: &Facts, window: Window) -> Outside {
    let (from, to) = (window.from.as_microsecond(), window.to.as_microsecond());
    let mut last_seen: Vec<Option<i64>> = vec![None; facts.events().len()];
    for fact in facts.rows().iter().filter(|fact| fact.last_seen < from || fact.first_seen >= to) {
        if let Some(last) = last_seen.get_mut(fact.event as usize) {
            *last = (*last).max(Some(fact.last_seen));
        }
    }
    let seen = || facts.events().iter().zip(&last_seen).filter(|(event, last)| !event.system && last.is_some());
    let is_plain =
        |event: &Event| event.is_session() && matches!(event.transport.as_deref(), Some("plaintext" | "gss"));
    let is_wanted =
        |event: &Event| event.is_session() && event.is_tls() || event.cause.as_deref() == Some(cause::CLIENT_REJECTED);
    let mut tls: BTreeMap<Client, Timestamp> = BTreeMap::new();
    for (event, last) in seen().filter(|(event, _)| is_wanted(event)) {
        if let Some(last) = last.and_then(|last| Timestamp::from_microsecond(last).ok()) {
            tls.entry(Client::of(event)).and_modify(|at| *at = last.max(*at)).or_insert(last);
        }
    }
    Outside { tls, plaintext: seen().any(|(event, _)| is_plain(event)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::test_support::facts_at;

    #[test]
    fn tls_counts_before_and_after_the_window() {
        let at = |second: i64| Timestamp::from_second(second).expect("in range");
        let window = Window { from: at(1000), to: at(2000) };
        let seen = |sessions: &[(i64, &'static str)]| {
            let found = of(&facts_at(sessions), window);
            let tls: Vec<i64> = found.tls.into_values().map(Timestamp::as_second).collect();
            (tls, found.plaintext)
        };
        assert_eq!(seen(&[(500, "tls"), (1500, "tls"), (1500, "plaintext")]), (vec![500], false));
        assert_eq!(seen(&[(500, "tls"), (900, "plaintext"), (2500, "tls")]), (vec![2500], true));
        assert_eq!(seen(&[(1500, "tls")]), (Vec::new(), false));
    }
}
