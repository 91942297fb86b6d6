//! A comparison for people: problems first.

use std::io::{self, Write};

use jiff::Timestamp;

use super::{Certificate, ClientChange, Diff, Side, Verdict};
use crate::inventory::InstanceId;
use crate::report::lines::paragraph;
use crate::report::usage_words;
use crate::text::plural;

pub(super) fn write(diff: &Diff, width: u16, out: &mut dyn Write) -> io::Result<()> {
    head("Before", &diff.old, width, out)?;
    head("After", &diff.new, width, out)?;
    if diff.new.window.from < diff.old.window.to {
        let overlap = "The windows overlap, so sessions before the change may count as after it. Create the later report with fewer --days, so that it begins after the change.";
        paragraph(out, width, 0, overlap)?;
    }
    if diff.is_empty() {
        writeln!(out, "\nNothing changed.")?;
    }
    list(("Used TLS, now connect without it (their drivers report no error)", &diff.fell_back), client, width, out)?;
    list(
        ("Rejected the certificate", &diff.certificate_rejected),
        |one| (&one.id, format!("{}: {}", one.address, plural(one.times, "time"))),
        width,
        out,
    )?;
    list(("Used TLS, now missing, or TLS use unknown", &diff.tls_clients_gone), client, width, out)?;
    list(("New clients with TLS", &diff.tls_clients_new), client, width, out)?;
    list(
        ("Verdicts", &diff.verdicts),
        |one| (&one.id, format!("{} -> {}", verdict(&one.before), verdict(&one.now))),
        width,
        out,
    )?;
    list(
        ("Certificates", &diff.certificates),
        |one| (&one.id, format!("{} -> {}", certificate(&one.before), certificate(&one.now))),
        width,
        out,
    )?;
    list(
        ("Lower log coverage", &diff.coverage_worse),
        |one| {
            let percent = |share: f64| format!("{:.1} %", share * 100.0);
            (&one.id, format!("{} -> {}", percent(one.before), percent(one.now)))
        },
        width,
        out,
    )?;
    list(("New instances", &diff.came), |one| (one, one.arn.clone()), width, out)?;
    list(("Missing instances, or could not be read", &diff.went), |one| (one, one.arn.clone()), width, out)
}

fn head(what: &str, side: &Side, width: u16, out: &mut dyn Write) -> io::Result<()> {
    let (from, to) = (minute(side.window.from), minute(side.window.to));
    let errors = if side.errors == 0 {
        String::new()
    } else {
        format!("; part could not be read: {}", plural(side.errors, "problem"))
    };
    let partial = match side.partial {
        0 => String::new(),
        some => {
            format!("; clients of {} are partial (--quick), so some may be missing below", plural(some, "instance"))
        }
    };
    let instances = plural(side.instances, "instance");
    paragraph(out, width, 0, &format!("{what}: {instances}, {from} to {to} UTC{errors}{partial}"))
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// A heading and a line each; nothing where there is none.
fn list<T>(
    (what, all): (&str, &[T]),
    line: impl Fn(&T) -> (&InstanceId, String),
    width: u16,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !all.is_empty() {
        writeln!(out, "\n{what}:")?;
    }
    for one in all {
        let (id, text) = line(one);
        paragraph(out, width, 2, &format!("{}: {text}", id.instance))?;
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
    format!("{}{mark} ({})", verdict.rotation, usage_words(verdict.usage.name()))
}

fn certificate(certificate: &Certificate) -> String {
    let ca = certificate.ca.as_deref().unwrap_or("unknown CA");
    let end =
        certificate.valid_till.map_or_else(|| "an unknown date".to_owned(), |end| end.strftime("%Y-%m-%d").to_string());
    let active = match certificate.active {
        Some(true) => " (active)",
        Some(false) => " (not active)",
        None => "",
    };
    format!("{ca} until {end}{active}")
}
