//! What `ssl-usage probe --sessions` would find on instances that are made up: at the end of the window, and before it.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::Timestamp;
use ssl_usage::bundle::{Bundle, ProbePart};
use ssl_usage::sessions::{
    HandshakeCount, InstanceSamples, Listed, OwnLogin, Sample, SampleFailure, SampleGap, SampleOutcome, SampledSession,
    SessionTransport,
};

use super::case::Case;
use super::client::{Client, DAY, HOUR, Transport};
use super::{BEGIN, NOW, WINDOW};

const ACCOUNT: &str = "123456789012";

/// Writes the samples of all instances into a bundle.
pub fn write(bundle: &Bundle, clusters: &[Vec<Case>]) {
    let mut regions: BTreeMap<&str, Vec<InstanceSamples>> = BTreeMap::new();
    for case in clusters.iter().flatten() {
        regions.entry(case.region).or_default().push(samples(case));
    }
    for (region, samples) in regions {
        let (account, region) = (ACCOUNT.to_owned(), region.to_owned());
        let part = ProbePart { account, region, probed_at: at(NOW), rows: Vec::new(), samples };
        bundle.write_probe(&part).expect("it is written");
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn samples(case: &Case) -> InstanceSamples {
    let mut rng = Rng::with_seed(case.seed ^ 0x5EED ^ case.id.len() as u64);
    let rng = &mut rng;
    let mut times = vec![if rng.u8(..4) == 0 { NOW - rng.i64(1..2 * HOUR) } else { NOW }];
    // A scheduled probe has been there before.
    if rng.bool() {
        times.push(WINDOW - rng.i64(-6 * HOUR..DAY));
    }
    times.sort_unstable();
    // TLS is read again, which resets the counter.
    let reload = (rng.u8(..4) == 0).then(|| rng.i64(WINDOW - DAY..NOW));
    let mut all = InstanceSamples::new(&format!("arn:aws:rds:{}:{ACCOUNT}:db:{}", case.region, case.id));
    for (number, time) in times.iter().enumerate() {
        let own = OwnLogin { id: None, user: "monitor".to_owned(), address: None, at: at(*time), accepted: true };
        if rng.u8(..10) == 0 || case.settings.status == "stopped" {
            let outcome = SampleOutcome::Failure(SampleFailure::TimedOut);
            all.absorb(InstanceSamples { samples: vec![Sample { at: at(*time), own: None, outcome }], ..all.clone() });
            continue;
        }
        let hides = rng.u8(..8) == 0;
        let mut sessions = open(case, *time);
        sessions.retain(|_| !hides || rng.bool());
        let started = case.restarted.filter(|restarted| restarted <= time).unwrap_or(BEGIN - 40 * DAY);
        let counted_from = reload.filter(|reload| reload <= time).map_or(started, |reload| reload.max(started));
        let of_probes = times.get(..=number).unwrap_or_default().iter().filter(|time| **time > counted_from).count();
        let handshakes = HandshakeCount {
            finished: begun_with_tls(case, counted_from, *time) + of_probes as u64,
            may_have_reset: Some(u64::from(reload.is_some_and(|reload| reload <= *time))),
            own: 1,
            maybe_own: 0,
        };
        let listed = Listed {
            open: sessions.len() as u64,
            started_at: Some(at(started)),
            gap: hides.then(|| SampleGap::NoPrivilege("monitor".to_owned())),
            handshakes: (!case.kind.is_postgres()).then_some(handshakes),
            ..Listed::default()
        };
        let sample = Sample { at: at(*time), own: Some(own), outcome: SampleOutcome::Listed(listed) };
        all.absorb(InstanceSamples { samples: vec![sample], sessions, ..InstanceSamples::new(&all.arn) });
    }
    all
}

/// The sessions that are open at a time.
fn open(case: &Case, time: i64) -> Vec<SampledSession> {
    let mut id = 0;
    let mut open = Vec::new();
    for client in &case.clients {
        for (from, to) in &client.sessions {
            id += 1;
            if *from <= time && time < *to {
                open.push(session(case, client, (id, *from, time)));
            }
        }
    }
    open
}

fn session(case: &Case, client: &Client, (id, from, time): (u64, i64, i64)) -> SampledSession {
    let is_local = client.transport == Transport::Local;
    SampledSession {
        first_seen: at(time),
        last_seen: at(time),
        id,
        started_at: case.kind.is_postgres().then(|| at(from)),
        transport: match client.transport {
            Transport::Tls => SessionTransport::Tls,
            Transport::Plaintext => SessionTransport::Plaintext,
            Transport::Gss => SessionTransport::Gss,
            Transport::Local => SessionTransport::Local,
        },
        tls_version: None,
        cipher: None,
        user: Some(client.user.clone()),
        database: None,
        address: (!is_local).then(|| client.address.clone()),
        application: None,
        system: false,
    }
}

/// How many sessions with TLS were begun in a span.
fn begun_with_tls(case: &Case, from: i64, to: i64) -> u64 {
    let tls = case.clients.iter().filter(|client| client.is_tls());
    tls.flat_map(|client| &client.sessions).filter(|(begun, _)| from < *begun && *begun <= to).count() as u64
}
