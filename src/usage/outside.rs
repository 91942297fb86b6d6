//! TLS outside of the window: a client that connects once a month shows itself in older evidence only.

use jiff::Timestamp;
use polars::prelude::{DataFrame, IntoLazy, PolarsResult, col, lit};

use super::Client;
use crate::bundle::fact::column;
use crate::window::Window;

/// What clients did outside of the window.
pub(super) struct Outside {
    /// Clients with TLS, and when each was last seen there. Clients that rejected the certificate are among them.
    pub tls: Vec<(Client, Timestamp)>,
    /// Whether clients connected without TLS.
    pub plaintext: bool,
}

/// What clients did before and after a window. What was before the instance was made is of another that had its name.
pub(super) fn of(facts: &DataFrame, window: Window, created_at: Option<Timestamp>) -> PolarsResult<Outside> {
    let micros = |time: Timestamp| lit(time.as_microsecond());
    let session = |transport: &str| {
        col(column::EVENT).eq(lit("connected")).and(col(column::TRANSPORT).eq(lit(transport.to_owned())))
    };
    let rejection = col(column::CAUSE).eq(lit("client-rejected-certificate"));
    let outside = col(column::LAST_SEEN).lt(micros(window.from)).or(col(column::FIRST_SEEN).gt_eq(micros(window.to)));
    let lived = col(column::LAST_SEEN).gt_eq(micros(created_at.unwrap_or(Timestamp::MIN)));
    let there = facts.clone().lazy().filter(outside.and(lived).and(col(column::SYSTEM).eq(lit(false))));
    let without = there.clone().filter(session("plaintext").or(session("gss"))).limit(1).collect()?;
    let wanted = session("tls").or(rejection);
    let who = [column::USER, column::DATABASE, column::ADDRESS, column::APPLICATION];
    let found = there.filter(wanted).group_by(who.map(col)).agg([col(column::LAST_SEEN).max()]);
    let found = found.collect()?;
    let text = |name: &str| found.column(name)?.str();
    let (users, databases) = (text(column::USER)?, text(column::DATABASE)?);
    let (addresses, applications) = (text(column::ADDRESS)?, text(column::APPLICATION)?);
    let lasts = found.column(column::LAST_SEEN)?.i64()?;
    let row = |row: usize| {
        let client = Client {
            user: users.get(row).map(str::to_owned),
            database: databases.get(row).map(str::to_owned),
            address: addresses.get(row).map(str::to_owned),
            application: applications.get(row).map(str::to_owned),
        };
        Some((client, Timestamp::from_microsecond(lasts.get(row)?).ok()?))
    };
    Ok(Outside { tls: (0..found.height()).filter_map(row).collect(), plaintext: without.height() > 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::test_support::facts_at;

    #[test]
    fn tls_counts_before_and_after_the_window_since_the_instance_was_made() {
        let at = |second: i64| Timestamp::from_second(second).expect("in range");
        let window = Window { from: at(1000), to: at(2000) };
        let facts = facts_at(&[(500, "tls"), (900, "plaintext"), (1500, "tls"), (2500, "tls")]);
        let found = |created: Option<i64>| -> Vec<i64> {
            let found = of(&facts, window, created.map(at)).expect("facts");
            found.tls.into_iter().map(|(_, at)| at.as_second()).collect()
        };
        assert_eq!(found(None), [2500], "the client was last seen after the window");
        assert_eq!(found(Some(600)), [2500]);
        let facts = facts_at(&[(500, "tls"), (1500, "tls"), (2500, "plaintext")]);
        let last = |created: Option<i64>| of(&facts, window, created.map(at)).expect("facts").tls.len();
        assert_eq!((last(None), last(Some(600))), (1, 0), "another instance had that name before");
    }
}
