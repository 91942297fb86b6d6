//! The largest share of TLS sessions that the logged sessions without TLS allow.

use super::Transports;

/// How likely the true share would have to show itself.
const CHANCE_OF_MISSING_IT: f64 = 0.05;

/// The largest share of sessions that may use TLS although none of those that were seen does, at 95 %: were it larger, one
/// would have been among them in 19 cases of 20 ("rule of three", exact form: 1 - 0.05^(1/n)). It holds for sessions that
/// are alike; of what happens at other times or to other clients it says nothing. None where TLS was seen, or nothing.
pub fn tls_share_at_most(sessions: &Transports) -> Option<f64> {
    let without = sessions.plaintext + sessions.gss;
    (sessions.tls == 0 && without > 0).then(|| 1.0 - CHANCE_OF_MISSING_IT.powf(1.0 / without as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(plaintext: u64, tls: u64) -> Option<f64> {
        tls_share_at_most(&Transports { plaintext, tls, ..Transports::default() })
    }

    #[test]
    fn a_share_that_would_have_shown_itself_is_ruled_out_and_no_more() {
        assert_eq!((of(0, 0), of(10_000, 1)), (None, None));
        for sessions in [1, 3, 59, 10_000, 1_000_000] {
            let share = of(sessions, 0).expect("a share");
            let missed = (1.0 - share).powi(i32::try_from(sessions).expect("small"));
            assert!((missed - 0.05).abs() < 1e-6, "{sessions}: {share}");
        }
        let (few, many) = (of(3, 0).expect("a share"), of(10_000, 0).expect("a share"));
        assert!((few - 0.6316).abs() < 1e-4 && (many - 0.0002995).abs() < 1e-6, "{few} {many}");
    }
}
