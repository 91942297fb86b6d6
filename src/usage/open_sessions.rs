//! Sessions that were certainly open during a whole hour and whose login is logged.
//!
//! Where as many are open as DatabaseConnections counts at its lowest in that hour, no other is: none that began before the
//! logs, or in a gap. An hour may be measured in part, so that a session that is open in a part of it proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::{Engine, is_local};

use crate::bundle::metric::HOUR;
use crate::bundle::{Event, EventKind, Facts, exported_type};
use crate::window::Window;

/// How long before [`Fact::open_from`](crate::bundle::Fact::open_from) a session can have begun: an hour, and some minutes to be sure.
const BEFORE: SignedDuration = SignedDuration::from_mins(65);

/// What sessions that ended tell of how many were open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Proven {
    /// By the start of the hour, in seconds since 1970: sessions of clients that were open all through it, and began where
    /// logs are seen.
    pub open: BTreeMap<i64, u64>,
    /// A whole hour at which the oldest session was open that began where no log is seen.
    pub oldest_unseen: Option<i64>,
}

/// Looks at the sessions that ended. Only those count that CloudWatch counts too: of clients over a network, with a
/// database (a replica has none), and not AWS's own. A record that was asked of CloudWatch Logs alone may be forged, and
/// proves nothing.
///
/// Engines differ in what tells how long a session lasted:
///
/// - PostgreSQL logs it with the end of the session. A physical replica may have a database there, and has none where it
///   begins. So all sessions of such a client are left out.
/// - Audit logs of MySQL and MariaDB have a number for each connection, by which the parser pairs its beginning and its end.
///   After a restart that no record shows, another session may have the same number. So the logs must show all of the time
///   between. A session may choose its database later, so only the one at its end counts; a replica never has one.
pub(super) fn proven(facts: &Facts, seen: &[Window], engine: Option<&Engine>) -> Proven {
    let is_paired = engine.is_some_and(|engine| engine.changes_database);
    let who = |event: &Event| (event.user.clone(), event.address.clone());
    let is_replica =
        |event: &Event| !event.system && !is_paired && event.kind == EventKind::Connected && event.database.is_none();
    let is_of_replica = facts.of_events(is_replica);
    let of_replicas = facts.with(&is_of_replica).filter(|(_, is_of_replica)| **is_of_replica);
    let replicas: BTreeSet<_> = of_replicas.filter_map(|(fact, _)| facts.event(fact).map(who)).collect();
    let is_counted = |event: &Event, address: &str| {
        !is_local(address.as_bytes()) && event.database.is_some() && !replicas.contains(&who(event))
    };
    // Of each event that ends a client's session over a network, whether CloudWatch counts such sessions.
    let ends = facts.of_events(|event| {
        let address = event.address.as_deref().filter(|_| event.kind == EventKind::Disconnected && !event.system);
        address.map(|address| is_counted(event, address))
    });
    // A record may say any time: no hour counts that is not of the window.
    let end = seen.last().map_or(0, |span| span.to.as_second());
    let mut proven = Proven::default();
    for (fact, is_counted) in facts.with(&ends) {
        let (Some(from), Some(to), Some(is_counted)) = (fact.open_from, fact.open_to, is_counted) else { continue };
        if !began_in(from, seen) {
            proven.oldest_unseen = Some(proven.oldest_unseen.map_or(from, |oldest| oldest.min(from)));
            continue;
        }
        if is_paired && !began_in_one_with(from, to, seen) {
            continue;
        }
        if !is_counted || exported_type(facts.source(fact)).is_some() {
            continue;
        }
        for hour in (from..to.min(end)).step_by(HOUR as usize) {
            *proven.open.entry(hour).or_default() += fact.count;
        }
    }
    proven
}

/// Whether a session that was first open at this whole hour certainly began where logs are seen.
fn began_in(hour: i64, seen: &[Window]) -> bool {
    began_in_one_with(hour, hour, seen)
}

/// Whether logs show all the time from the beginning of a session that was first open at `hour` until a later hour.
fn began_in_one_with(hour: i64, until: i64, seen: &[Window]) -> bool {
    let at = |hour: i64| Timestamp::from_second(hour).ok();
    let Some((from, to)) = at(hour).and_then(|first| Some((first.checked_sub(BEFORE).ok()?, at(until)?))) else {
        return false;
    };
    seen.iter().any(|span| span.from <= from && to <= span.to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::fact::{Key, Tallied};

    fn key(event: &'static str, open: Option<(i64, i64)>) -> Key {
        Key {
            source: "error/postgresql.log.2026-11-23-10".to_owned(),
            hour: 0,
            event,
            transport: None,
            tls_version: None,
            cipher: None,
            user: Some("app".to_owned()),
            database: Some("orders".to_owned()),
            address: Some("10.0.0.7".to_owned()),
            application: None,
            auth_method: None,
            cause: None,
            system: false,
            open: open.map(|(from, to)| (from * HOUR, to * HOUR)),
        }
    }

    fn of(keys: &[Key]) -> Proven {
        of_engine(None, keys)
    }

    fn of_engine(engine: Option<&Engine>, keys: &[Key]) -> Proven {
        let tallied = Tallied { count: 2, first_seen: 0, last_seen: 0 };
        let facts: Vec<_> = keys.iter().map(|key| (key.clone(), tallied)).collect();
        let at = |hour: i64| Timestamp::from_second(hour * HOUR).expect("in range");
        let seen = [Window { from: at(2), to: at(6) }, Window { from: at(8), to: at(20) }];
        proven(&Facts::of(&facts), &seen, engine)
    }

    #[test]
    fn a_session_is_proven_open_in_the_hours_that_it_spans() {
        let sessions = [(4, 7), (6, 8), (6, 6)].map(|open| key("disconnected", Some(open)));
        let open = of(&[sessions.as_slice(), &[key("connected", None)]].concat());
        let far = of(&[key("disconnected", Some((18, i64::MAX / HOUR)))]);
        assert_eq!(far.open.into_keys().collect::<Vec<_>>(), [18 * HOUR, 19 * HOUR], "hours of the window alone");
        assert_eq!(open.open, BTreeMap::from([(4 * HOUR, 2), (5 * HOUR, 2), (6 * HOUR, 4), (7 * HOUR, 2)]));
        assert_eq!(open.oldest_unseen, None);
    }

    #[test]
    fn what_began_unseen_or_is_not_counted_by_cloudwatch_proves_nothing() {
        for from in [2, 3, 8, 9] {
            let unseen = of(&[key("disconnected", Some((from, 12)))]);
            assert_eq!((unseen.open.len(), unseen.oldest_unseen), (0, Some(from * HOUR)), "hour {from}");
        }
        let change = |change: fn(&mut Key)| {
            let mut key = key("disconnected", Some((12, 14)));
            change(&mut key);
            of(&[key]).open.len()
        };
        assert_eq!(change(|_| {}), 2);
        assert_eq!(change(|key| key.system = true), 0);
        assert_eq!(change(|key| key.address = Some("127.0.0.1".to_owned())), 0);
        assert_eq!(change(|key| key.address = None), 0);
        assert_eq!(change(|key| key.database = None), 0);
        assert_eq!(change(|key| key.source = "cloudwatch:/aws/rds/instance/o/postgresql:1970-01-01T12".to_owned()), 0);
        let replica = Key { database: None, ..key("connected", None) };
        assert_eq!(of(&[key("disconnected", Some((12, 14))), replica]).open.len(), 0, "a replica, by its arrival");
    }

    #[test]
    fn a_session_that_is_paired_by_its_number_is_seen_from_beginning_to_end() {
        let mysql = Engine::named("mysql");
        let open = |keys: &[Key]| of_engine(mysql, keys).open.into_keys().map(|hour| hour / HOUR).collect::<Vec<_>>();
        assert_eq!(open(&[key("disconnected", Some((4, 6)))]), [4, 5]);
        assert_eq!(open(&[key("disconnected", Some((4, 9)))]), NONE, "there is a gap in between");
        assert_eq!(of(&[key("disconnected", Some((4, 9)))]).open.len(), 5, "which does not matter to PostgreSQL");
        let without = |key: Key| Key { database: None, ..key };
        assert_eq!(open(&[without(key("connected", None)), key("disconnected", Some((4, 6)))]), [4, 5], "chosen later");
        assert_eq!(open(&[without(key("disconnected", Some((4, 6))))]), NONE, "it may be a replica");
    }

    const NONE: [i64; 0] = [];
}
