//! One instance, as the page shows it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::report::Report;
use crate::report::escape::terminal;
use crate::report::lines::around_query;
use crate::report::model::{Client, Instance, Shares};
use crate::report::summary::{act_by, coverage, in_brief, no_commands, usage, verdict};
use crate::text::plural;

/// Clients of an instance that the page shows: JSON has all.
const CLIENTS: usize = 20;
/// Clients that the page shows together: more would make it too large to be sent and opened quickly.
const CLIENTS_TOGETHER: usize = 20_000;

/// One instance, and its place in the report.
#[derive(Clone, Copy)]
pub(super) struct Row<'r> {
    pub number: usize,
    pub it: &'r Instance,
    pub report: &'r Report,
}

impl<'r> Row<'r> {
    pub fn rotation(&self) -> String {
        verdict(self.it)
    }

    /// The class that colours the verdict.
    pub fn class(&self) -> &'static str {
        if self.it.unproven { "unproven" } else { self.it.rotation.name() }
    }

    /// Where the verdict sorts.
    pub fn rank(&self) -> u8 {
        match self.class() {
            "required" => 0,
            "unproven" => 1,
            "deferrable" => 2,
            _ => 3,
        }
    }

    pub fn act_by(&self) -> String {
        act_by(self.report, self.it).unwrap_or_else(|| "-".to_owned())
    }

    pub fn usage(&self) -> String {
        usage(self.it)
    }

    pub fn coverage(&self) -> String {
        coverage(self.it)
    }

    /// Why there is no command.
    pub fn no_commands(&self) -> Option<String> {
        no_commands(self.it)
    }

    /// The logs that were read.
    pub fn logs(&self) -> String {
        let of = &self.it.coverage;
        let incomplete = (of.files_failed > 0).then(|| format!("; {} incomplete", of.files_failed));
        let unparsed = (of.unparsed > 0).then(|| format!("; {} not understood", plural(of.unparsed, "record")));
        let notes: String = incomplete.into_iter().chain(unparsed).collect();
        format!("Log coverage: {}, in {}{notes}", self.coverage(), plural(of.files, "log file"))
    }

    /// The code of the reason that decided.
    pub fn code(&self) -> &'static str {
        self.it.reasons.first().map_or("-", |reason| reason.code.code())
    }

    /// The first clause of that reason.
    pub fn brief(&self) -> &'r str {
        in_brief(self.it)
    }

    /// Length of the first clause as the script counts it, in UTF-16.
    pub fn brief_length(&self) -> usize {
        terminal(self.brief()).encode_utf16().count()
    }

    /// What follows its first clause, with the mark between them; empty where nothing does. The details show a query.
    pub fn rest(&self) -> String {
        let text = self.it.reasons.first().map_or("", |reason| reason.text.as_str());
        let (why, query, _) = around_query(text);
        let rest = why.strip_prefix(self.brief()).unwrap_or(why);
        match query {
            Some(_) => {
                let ask = rest.trim_end_matches(':');
                format!("{ask} {}the query in the details.", if ask.ends_with(" run") { "" } else { "with " })
            }
            None if rest == "." => String::new(),
            None => rest.to_owned(),
        }
    }

    pub fn sessions(&self) -> String {
        let Shares { tls, plaintext, local, unknown, gss } = self.it.connections.clients_sessions;
        let seen = [(tls, "TLS"), (plaintext, "plaintext"), (local, "local"), (unknown, "unknown"), (gss, "GSSAPI")];
        let seen = seen.into_iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}"));
        let seen: Vec<_> = seen.collect();
        let what = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
        format!("Sessions of clients: {what}; rejected attempts: {}", self.it.connections.rejected)
    }

    /// What is counted by name, and how often.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &'r BTreeMap<String, u64>)> + use<'r> {
        let of = &self.it.connections;
        let all = [
            ("TLS versions", &of.tls_versions),
            ("Ciphers", &of.ciphers),
            ("Failed handshakes", &of.handshake_failed),
            ("Certificate rejected by", &of.certificate_rejected_by),
        ];
        all.into_iter().filter(|(_, counts)| !counts.is_empty())
    }

    /// The clients that matter most to a rotation: those with TLS, and then those with most sessions.
    pub fn clients(&self) -> Vec<&'r Client> {
        let mut clients: Vec<_> = self.it.connections.clients.iter().collect();
        let sum = |shares: &Shares| shares.tls + shares.plaintext + shares.other();
        clients.sort_by_key(|client| Reverse((client.sessions.tls, sum(&client.sessions))));
        clients.truncate(self.most_clients());
        clients
    }

    /// Of every instance some, in a fleet of any size.
    fn most_clients(&self) -> usize {
        (CLIENTS_TOGETHER / self.report.instances.len().max(1)).clamp(2, CLIENTS)
    }

    pub fn clients_left_out(&self) -> usize {
        self.it.connections.clients.len().saturating_sub(self.most_clients())
    }
}
