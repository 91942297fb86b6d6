//! A comparison for people: what went wrong first.

use std::io::{self, Write};

use jiff::Timestamp;

use super::{Certificate, ClientChange, Diff, Side, Verdict};
use crate::inventory::InstanceId;
use crate::report::escape::terminal;

pub(super) fn write(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    head("Before", &diff.old, out)?;
    head("After ", &diff.new, out)?;
    if diff.new.window.from < diff.old.window.to {
        writeln!(out, "The windows overlap: sessions of before may count as of after; give fewer --days.")?;
    }
    if diff.is_empty() {
        writeln!(out, "\nNothing changed.")?;
    }
    list("Fell back to no TLS, and nobody was told", &diff.fell_back, client, out)?;
    list(
        "Did not accept the certificate",
        &diff.certificate_rejected,
        |one| (&one.id, format!("{}: {} times", one.address, one.times)),
        out,
    )?;
    list("Used TLS, and not seen any more, or not how", &diff.tls_clients_gone, client, out)?;
    list("New with TLS", &diff.tls_clients_new, client, out)?;
    list(
        "Verdicts",
        &diff.verdicts,
        |one| (&one.id, format!("{} -> {}", verdict(&one.before), verdict(&one.now))),
        out,
    )?;
    list(
        "Certificates",
        &diff.certificates,
        |one| (&one.id, format!("{} -> {}", certificate(&one.before), certificate(&one.now))),
        out,
    )?;
    list(
        "Less of the logs was seen",
        &diff.coverage_worse,
        |one| {
            let percent = |share: f64| format!("{:.1} %", share * 100.0);
            (&one.id, format!("{} -> {}", percent(one.before), percent(one.now)))
        },
        out,
    )?;
    list("Came", &diff.came, |one| (one, one.arn.clone()), out)?;
    list("Went, or could not be read", &diff.went, |one| (one, one.arn.clone()), out)
}

fn head(what: &str, side: &Side, out: &mut dyn Write) -> io::Result<()> {
    let (from, to) = (minute(side.window.from), minute(side.window.to));
    let errors = if side.errors == 0 { String::new() } else { format!("; {} things could not be read", side.errors) };
    writeln!(out, "{what}: {} instances, {from} to {to} UTC{errors}", side.instances)
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// A heading and a line each; nothing where there is none.
fn list<T>(what: &str, all: &[T], line: impl Fn(&T) -> (&InstanceId, String), out: &mut dyn Write) -> io::Result<()> {
    if !all.is_empty() {
        writeln!(out, "\n{what}:")?;
    }
    for one in all {
        let (id, text) = line(one);
        writeln!(out, "  {}: {}", terminal(&id.instance), terminal(&text))?;
    }
    Ok(())
}

fn client(one: &ClientChange) -> (&InstanceId, String) {
    let named = [("user", &one.user), ("database", &one.database), ("application", &one.application)];
    let named: String = named.iter().filter_map(|(what, name)| Some(format!(", {what} {}", name.as_ref()?))).collect();
    let address = one.address.as_deref().unwrap_or("address not logged");
    let sessions = |sessions: super::Sessions| format!("{} with TLS, {} without", sessions.tls, sessions.without);
    (&one.id, format!("{address}{named}: {} -> {}", sessions(one.before), sessions(one.now)))
}

fn verdict(verdict: &Verdict) -> String {
    let mark = if verdict.unproven { "?" } else { "" };
    format!("{}{mark} ({})", verdict.rotation, verdict.usage)
}

fn certificate(certificate: &Certificate) -> String {
    let ca = certificate.ca.as_deref().unwrap_or("not known");
    let end = certificate.valid_till.map_or_else(|| "not known".to_owned(), |end| end.strftime("%Y-%m-%d").to_string());
    format!("{ca} until {end}")
}
