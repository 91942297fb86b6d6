//! Verdicts beside the truth.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde_json::Value;

use super::case::Case;
use super::client::Client;
use super::log::time;
use super::{NOW, WINDOW};

/// What a report must say that it did not examine, for a client that it misses to be no defect.
const RARER: &str = "clients that connect less often than the window is long";
const OLDER: &str = "sessions that were opened before the logs begin";
const GAPS: &str = "clients that connected only in the gaps of the logs";
const LOST: &str = "clients that connected only while logging was off or log lines were lost";

/// How many verdicts there were of which kind.
pub struct Tally {
    seed: u64,
    /// What the verdicts rest on.
    evidence: &'static str,
    /// By what is true, and then by verdict.
    verdicts: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// Verdicts that miss a TLS client, by the blind spot that the report names.
    excused: BTreeMap<&'static str, u64>,
    /// Unproven `required`, by the reason that is told first.
    unproven: BTreeMap<String, u64>,
    /// Verdicts that are too mild, with all that is needed to make them again.
    pub wrong: Vec<String>,
}

const VERDICTS: [&str; 4] = ["required", "required?", "deferrable", "optional"];

impl Tally {
    pub fn new(seed: u64, evidence: &'static str) -> Tally {
        let (verdicts, excused, unproven, wrong) = Default::default();
        Tally { seed, evidence, verdicts, excused, unproven, wrong }
    }

    /// Adds the verdict on an instance; `members` are those of its cluster, itself among them. TLS on any of them is TLS on
    /// all.
    pub fn add(&mut self, case: &Case, judged: &Value, members: &[(&Case, &Value)]) {
        let unproven = judged["unproven"] == true;
        let verdict = format!("{}{}", judged["rotation"].as_str().unwrap_or_default(), if unproven { "?" } else { "" });
        *self.verdicts.entry(truth(case, members)).or_default().entry(verdict.clone()).or_default() += 1;
        if unproven {
            let code = judged["reasons"][0]["code"].as_str().unwrap_or_default().to_owned();
            *self.unproven.entry(code).or_default() += 1;
        }
        if verdict.starts_with("required") || case.settings.certificate_lasts() {
            return;
        }
        for (member, judged) in members {
            for client in member.clients.iter().filter(|client| client.wants_tls()) {
                match excuse(member, client, judged) {
                    Some(spot) => *self.excused.entry(spot).or_default() += 1,
                    None => self.wrong.push(describe((case, member), client, judged)),
                }
            }
        }
    }
}

/// What is true of an instance, most telling first.
fn truth(case: &Case, members: &[(&Case, &Value)]) -> &'static str {
    let tls = || members.iter().flat_map(|(member, _)| &member.clients).filter(|client| client.wants_tls());
    let verifies = tls().any(|client| client.verifies && client.is_in_window());
    match (tls().any(Client::is_in_window), tls().next().is_some()) {
        _ if case.settings.certificate_lasts() => "certificate that lasts, or that AWS renews",
        (true, _) if verifies => "TLS in the window, certificate verified",
        (true, _) => "TLS in the window, certificate not verified",
        (false, true) => "TLS, but not in the window",
        (false, false) => "no TLS",
    }
}

/// The blind spot that the report names and that covers all of a client's sessions.
fn excuse(case: &Case, client: &Client, judged: &Value) -> Option<&'static str> {
    let blind = judged["not_examined"].as_array()?.iter().filter_map(Value::as_str);
    let blind: Vec<&str> = blind.collect();
    let named = |spot: &'static str| blind.iter().any(|named| named.contains(spot)).then_some(spot);
    if !client.is_in_window() {
        return named(RARER);
    }
    let second = |value: &Value| value.as_str()?.parse::<jiff::Timestamp>().ok().map(|at| at.as_second());
    let gaps = judged["coverage"]["gaps"].as_array()?.iter();
    let gaps: Vec<(i64, i64)> = gaps.filter_map(|gap| Some((second(&gap["from"])?, second(&gap["to"])?))).collect();
    let in_gap = |at: i64| gaps.iter().any(|(from, to)| (*from..*to).contains(&at));
    // Each of its sessions must be in a blind spot; one of them stands for all.
    let spot = |(at, to): &(i64, i64)| match *at {
        // One that has ended, and after which nobody connected that the logs show.
        at if at < WINDOW => named(OLDER).or_else(|| (*to < NOW).then_some(RARER).and_then(named)),
        at if in_gap(at) => named(GAPS),
        at if case.is_briefly_off(at) || case.is_lost(at) => named(LOST),
        _ => None,
    };
    let spots: Option<Vec<&str>> = client.sessions.iter().filter(|(_, to)| *to > WINDOW).map(spot).collect();
    spots?.into_iter().max()
}

fn describe((judged_case, case): (&Case, &Case), client: &Client, judged: &Value) -> String {
    let sessions = client.sessions.iter().filter(|(_, to)| *to > WINDOW);
    let sessions: Vec<String> =
        sessions.take(5).map(|(from, to)| format!("{}+{}s", time(*from), to.min(&NOW) - from)).collect();
    format!(
        "SSL_USAGE_SIMULATE_SEED={} SSL_USAGE_SIMULATE_INSTANCES=1: {} {} ({}) though {:?} {} {} of {} uses TLS: {}\n  \
         {}\n  {}\n  reasons {}\n  gaps {}\n  not examined {}",
        case.seed,
        judged_case.id,
        judged["rotation"],
        judged["usage"],
        client.schedule,
        client.user,
        client.address,
        judged["engine"],
        sessions.join(" "),
        case.settings.describe(),
        case.trouble.join("; "),
        judged["reasons"],
        judged["coverage"]["gaps"],
        judged["not_examined"],
    )
}

impl Display for Tally {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let all: u64 = self.verdicts.values().flat_map(BTreeMap::values).sum();
        writeln!(out, "{all} instances, seed {}, {}\n", self.seed, self.evidence)?;
        writeln!(out, "| truth | {} |", VERDICTS.join(" | "))?;
        writeln!(out, "| --- |{}", " --- |".repeat(VERDICTS.len()))?;
        for (truth, verdicts) in &self.verdicts {
            let counts = VERDICTS.map(|verdict| verdicts.get(verdict).copied().unwrap_or(0).to_string());
            writeln!(out, "| {truth} | {} |", counts.join(" | "))?;
        }
        writeln!(out, "\n| too mild | clients |\n| --- | --- |\n| with no blind spot named | {} |", self.wrong.len())?;
        for (spot, count) in &self.excused {
            writeln!(out, "| {spot} | {count} |")?;
        }
        let unproven: u64 = self.unproven.values().sum();
        writeln!(out, "\n| unproven, by first reason | share of all |\n| --- | --- |")?;
        let mut causes: Vec<_> = self.unproven.iter().collect();
        causes.sort_by_key(|(code, count)| (std::cmp::Reverse(**count), code.as_str()));
        for (code, count) in causes {
            writeln!(out, "| `{code}` | {:.1} % |", *count as f64 / all as f64 * 100.0)?;
        }
        write!(out, "| all | {:.1} % |", unproven as f64 / all as f64 * 100.0)
    }
}
