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

/// What clients did before and after a window. An instance that was made anew under an old name has the same clients.
pub(super) fn of(facts: &DataFrame, window: Window) -> PolarsResult<Outside> {
    let micros = |time: Timestamp| lit(time.as_microsecond());
    let session = |transport: &str| {
        col(column::EVENT).eq(lit("connected")).and(col(column::TRANSPORT).eq(lit(transport.to_owned())))
    };
    let rejection = col(column::CAUSE).eq(lit("client-rejected-certificate"));
    let outside = col(column::LAST_SEEN).lt(micros(window.from)).or(col(column::FIRST_SEEN).gt_eq(micros(window.to)));
    let there = facts.clone().lazy().filter(outside.and(col(column::SYSTEM).eq(lit(false))));
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
    fn tls_counts_before_and_after_the_window() {
        let at = |second: i64| Timestamp::from_second(second).expect("in range");
        let window = Window { from: at(1000), to: at(2000) };
        let seen = |sessions: &[(i64, &'static str)]| {
            let found = of(&facts_at(sessions), window).expect("facts");
            let tls: Vec<i64> = found.tls.into_iter().map(|(_, at)| at.as_second()).collect();
            (tls, found.plaintext)
        };
        assert_eq!(seen(&[(500, "tls"), (1500, "tls"), (1500, "plaintext")]), (vec![500], false));
        assert_eq!(seen(&[(500, "tls"), (900, "plaintext"), (2500, "tls")]), (vec![2500], true));
        assert_eq!(seen(&[(1500, "tls")]), (Vec::new(), false));
    }
}
