//! Whether the counts of a log agree with its facts. Both were written at once, so where they differ, one is wrong.

use foldhash::HashMap;

use crate::bundle::{EventKind, Facts, LogRead};

/// Sessions, and those with TLS among them.
type Sessions = (u64, u64);

/// The first log whose sessions, all or those with TLS, are not as many as its facts hold.
pub(super) fn find(readings: &[LogRead], facts: Option<&Facts>) -> Option<String> {
    let held = facts.map(held).unwrap_or_default();
    // Logs that rotate by being renamed may have been read under one name.
    let mut counted: HashMap<&str, Sessions> = HashMap::default();
    for reading in readings {
        let (sessions, tls) = counted.entry(&reading.source).or_default();
        *sessions = sessions.saturating_add(reading.sessions);
        *tls = tls.saturating_add(reading.tls_sessions);
    }
    let differs =
        |(source, sessions): &(&&str, &Sessions)| held.get(**source).copied().unwrap_or_default() != **sessions;
    counted.iter().filter(differs).map(|(source, _)| *source).min().map(str::to_owned)
}

/// The sessions in facts, by log.
fn held(facts: &Facts) -> HashMap<&str, Sessions> {
    let mut held = vec![Sessions::default(); facts.sources().len()];
    let is_tls = facts.of_events(|event| (event.kind == EventKind::Connected).then(|| event.is_tls()));
    for (fact, is_tls) in facts.with(&is_tls).filter_map(|(fact, is_tls)| Some((fact, (*is_tls)?))) {
        if let Some((sessions, tls)) = held.get_mut(fact.source as usize) {
            *sessions = sessions.saturating_add(fact.count);
            *tls = tls.saturating_add(if is_tls { fact.count } else { 0 });
        }
    }
    facts.sources().iter().map(AsRef::as_ref).zip(held).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::test_support::{facts_of, reading_of};

    /// Rows: sessions and TLS sessions that the log counts, those of its facts, and whether they agree.
    #[test]
    fn counts_that_differ_are_a_contradiction() {
        let rows = [((2, 1), &["tls", "plaintext"][..], true), ((2, 0), &["tls", "plaintext"], false)];
        let others = [((3, 1), &["tls", "plaintext"][..], false), ((0, 0), &[], true), ((1, 0), &[], false)];
        for ((sessions, tls), facts, agrees) in rows.into_iter().chain(others) {
            let reading = LogRead { sessions, tls_sessions: tls, ..reading_of("a.log") };
            let facts = facts_of("a.log", facts);
            let found = find(std::slice::from_ref(&reading), Some(&facts));
            assert_eq!(found.is_none(), agrees, "{sessions} {tls}");
        }
        let reading = LogRead { sessions: 1, ..reading_of("a.log") };
        assert!(find(&[reading], None).is_some(), "facts that are gone are no zero");
    }
}
