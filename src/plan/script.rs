//! A plan as a shell script, to be reviewed before it runs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use jiff::Timestamp;

use super::{Plan, Step, TrustStores};
use crate::inventory::REJECT_CHANGES;
use crate::problem::grouped;
use crate::report::escape::terminal;
use crate::report::lines::lines;
use crate::shell::{command as command_line, quote};
use crate::verdict::{Command, CommandKind, EffectTime, Hold, Restart, Rotation};

const HEAD: &str = r#"set -u

if [ "${REVIEWED:-}" != yes ]; then
    echo 'Nothing was run. Review this file, then set REVIEWED=yes.' >&2
    exit 2
fi

# Keep the AWS CLI from opening a pager.
export AWS_PAGER=''

rotated=0 scheduled=0 skipped=0 failed=0

say() {
    printf '%s\n' "$1" >&2
}

# Check that each profile belongs to its account.
belongs_to() {
    account=$(aws --profile "$1" sts get-caller-identity --query Account --output text) || exit 2
    if [ "$account" != "$2" ]; then
        say "Nothing was run. Profile $1 belongs to account $account, not to $2."
        exit 2
    fi
}

# skip INSTANCE WHY
skip() {
    skipped=$((skipped + 1))
    say "SKIPPED $1: $2"
}

# fail INSTANCE WHY
fail() {
    failed=$((failed + 1))
    say "FAILED $1: $2"
}

# agreed INSTANCE REASON: whether AGREED holds a reason to hold back commands.
agreed() {
    case ",${AGREED:-}," in
        *",$2,"*) return 0 ;;
    esac
    skip "$1" "held back. Read its step. To run it all the same, add $2 to AGREED."
    return 1
}

# in_time INSTANCE SECONDS DATE: whether the command still takes effect before the certificate ends.
in_time() {
    if [ "$(date -u +%s)" -lt "$2" ]; then
        return 0
    fi
    skip "$1" "its last maintenance window before the certificate ends began at $3. Plan again."
    return 1
}

# accepted INSTANCE WHAT OUTPUTS COMMAND...: whether a command prints one of the outputs; none stands for nothing.
accepted() {
    name=$1 what=$2 outputs=$3
    shift 3
    if ! output=$("$@"); then
        fail "$name" "its $what could not be read."
        return 1
    fi
    case " $outputs " in
        *" ${output:-none} "*) return 0 ;;
    esac
    case $what in
        status) next=$(first "$output") ;;
        *) next='Apply or cancel them first.' ;;
    esac
    skip "$name" "$what: $output (accepted: $outputs). $next"
    return 1
}

# run INSTANCE COMMAND...
run() {
    name=$1
    shift
    say "$name"
    if ! "$@"; then
        fail "$name" 'see the error above.'
        return 1
    fi
}
"#;

const TAIL: &str = r#"
if [ $((skipped + failed + missing)) -gt 0 ]; then
    exit 1
fi
"#;

/// The bundle of all CAs of the partition `aws`. AWS GovCloud (US) and China have others.
///
/// Source: "Using SSL/TLS to encrypt a connection to a DB instance" in the RDS user guide, "Certificate bundles by AWS
/// Region".
const CA_BUNDLE: &str = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem";

pub(super) fn write(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let acting: Vec<&Step> = plan.steps.iter().filter(|step| !to_run(step).is_empty()).collect();
    let accounts: BTreeSet<&str> = acting.iter().map(|step| step.member.id.account.as_str()).collect();
    preamble(plan, &accounts, out)?;
    before(plan, out)?;
    let (missing, present): (Vec<&Step>, Vec<&Step>) = plan.steps.iter().partition(|step| is_missing(step));
    let (gather, rotate): (Vec<&Step>, Vec<&Step>) = present.into_iter().partition(|step| gathers(step));
    heading(out, "2. Rotate, most urgent instances first", rotate.is_empty())?;
    rotate.iter().try_for_each(|step| instance(step, plan.generated_at, out))?;
    heading(out, "3. Gather evidence first: these instances can wait", gather.is_empty())?;
    gather.iter().try_for_each(|step| instance(step, plan.generated_at, out))?;
    heading(out, "4. No command rotates these instances yet", missing.is_empty())?;
    without_command(&missing, plan.generated_at, out)?;
    heading(out, "5. These instances need nothing", plan.nothing_to_do.is_empty())?;
    for untouched in &plan.nothing_to_do {
        comment(out, "", &format!("{}: {}", untouched.id.instance, untouched.why))?;
    }
    let verify = "6. Verify the certificates; a change that waits for a restart or window is not shown yet";
    heading(out, verify, acting.is_empty())?;
    for step in acting {
        for command in &step.verify {
            line(step, &format!("run {}", name(step)), command, out)?;
        }
    }
    heading(
        out,
        "7. Afterwards: which certificates are active, which clients are missing or connect without TLS?",
        false,
    )?;
    for command in &plan.afterwards {
        writeln!(out, "# {}", terminal(&command.join(" ")))?;
    }
    summary(&missing, out)?;
    write!(out, "{TAIL}")
}

/// What the script is, how to run it, and its functions.
fn preamble(plan: &Plan, accounts: &BTreeSet<&str>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "#!/bin/sh")?;
    let Plan { tool_version, generated_at, window, .. } = plan;
    writeln!(out, "# Certificate rotation, planned by ssl-usage {tool_version} as of {generated_at}.")?;
    writeln!(out, "# Evidence: {} to {}.\n#", window.from, window.to)?;
    let profiles: String = accounts.iter().map(|account| format!(" {}=PROFILE", profile(account))).collect();
    writeln!(out, "# Run: env REVIEWED=yes{profiles} sh FILE")?;
    writeln!(out, "# The script skips an instance whose state rejects changes, and continues after a failure.")?;
    writeln!(
        out,
        "# It ends with status 1 if it skipped an instance, if a command failed, or if a required rotation has"
    )?;
    writeln!(out, "# no command yet. It can be run again.")?;
    let reasons: BTreeSet<&str> =
        plan.steps.iter().filter_map(|step| Some(step.held_back.as_ref()?.reason.name())).collect();
    if !reasons.is_empty() {
        let reasons = Vec::from_iter(reasons).join(",");
        writeln!(out, "# Some commands are held back. To agree to them, name their reasons: AGREED={reasons}")?;
    }
    writeln!(out, "# Before you run it, save a report: ssl-usage analyze --format json -o before.json")?;
    for brief in grouped(&plan.errors) {
        comment(out, "COULD NOT BE READ, so not in this plan: ", &brief.to_string())?;
    }
    write!(out, "{HEAD}")?;
    first(out)?;
    for account in accounts {
        let message = "set it to the AWS profile of this account";
        writeln!(out, "belongs_to \"${{{}:?{message}}}\" {}", profile(account), quote(account))?;
    }
    Ok(())
}

/// The trust stores to update before the rotation.
fn before(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n# --- 1. Before the rotation: update the trust stores of clients ---")?;
    if plan.trust_stores.is_empty() {
        writeln!(
            out,
            "# No client is known to need a new CA. Clients that pin the server or an intermediate certificate\n# must accept the new one after every rotation."
        )?;
    } else {
        writeln!(out, "# Add the named CA to each trust store, or use the bundle of all CAs:\n# {CA_BUNDLE}")?;
        writeln!(out, "# AWS GovCloud (US) and the China regions have a bundle of their own.")?;
    }
    plan.trust_stores.iter().try_for_each(|stores| trust_stores(stores, out))
}

fn heading(out: &mut dyn Write, title: &str, is_empty: bool) -> io::Result<()> {
    writeln!(out, "\n# --- {title} ---")?;
    if is_empty { writeln!(out, "# None.") } else { Ok(()) }
}

/// The function that says what to do before AWS accepts changes.
fn first(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n# first STATUS: what to do about an instance whose status rejects changes.\nfirst() {{\n    case $1 in"
    )?;
    for (status, first) in REJECT_CHANGES {
        writeln!(out, "        {status}) echo {} ;;", quote(&format!("First: {first}.")))?;
    }
    writeln!(out, "        *) echo 'Run this script again later.' ;;\n    esac\n}}\n")
}

/// Whether no command of the plan rotates the instance, although AWS would accept one.
fn is_missing(step: &Step) -> bool {
    to_run(step).is_empty() && !step.blocked && step.rotated_with.is_none()
}

/// The instances without a command, together where the cause is the same.
fn without_command(steps: &[&Step], now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let mut by_cause: Vec<(&str, Vec<&Step>)> = Vec::new();
    for step in steps {
        let cause = step.no_rotation.as_deref().unwrap_or_default();
        match by_cause.iter_mut().find(|(other, _)| *other == cause) {
            Some((_, same)) => same.push(step),
            None => by_cause.push((cause, vec![step])),
        }
    }
    for (cause, steps) in by_cause {
        writeln!(out)?;
        comment(out, "Cause: ", cause)?;
        for step in steps {
            comment(out, "- ", &format!("{}. The rotation {}.", head(step, now), interrupts(step)))?;
            comment(out, "  Why: ", &step.why)?;
            step.notes.iter().try_for_each(|note| comment(out, "  Note: ", note))?;
        }
    }
    Ok(())
}

/// What is said at the end, and `missing`: the number of required rotations without a command.
fn summary(missing: &[&Step], out: &mut dyn Write) -> io::Result<()> {
    let required = missing.iter().filter(|step| step.rotation == Rotation::Required).count();
    let by = missing.iter().filter_map(|step| step.act_by).min();
    let by = by.map_or_else(String::new, |by| format!(" (the first by {})", date(by)));
    let names: Vec<_> = missing.iter().map(|step| terminal(&step.member.id.instance)).collect();
    let names = if names.is_empty() { String::new() } else { format!("{by}: {}", names.join(", ")) };
    let counts = "Rotated now: $rotated. Scheduled: $scheduled. Skipped: $skipped. Failed: $failed.";
    writeln!(out, "\nmissing={required}\nsay \"{counts}\"")?;
    writeln!(out, "say {}", quote(&format!("No command yet: {}{names}.", missing.len())))
}

/// The commands of a step, those that are held back among them.
fn to_run(step: &Step) -> &[Command] {
    step.held_back.as_ref().map_or(&step.commands, |held| &held.commands)
}

/// Whether evidence is gathered before the instance is rotated.
fn gathers(step: &Step) -> bool {
    step.held_back.as_ref().is_some_and(|held| held.reason == Hold::GatherEvidence)
}

/// The name of an instance as a word of the shell.
fn name(step: &Step) -> String {
    quote(&terminal(&step.member.id.instance))
}

/// The variable that names the profile of an account.
fn profile(account: &str) -> String {
    let word: String = account.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("AWS_PROFILE_{word}")
}

/// Columns that comments are wrapped at.
const WIDTH: usize = 100;

/// A comment, in lines that each begin with `#`; whatever the text holds, it ends none of them.
fn comment(out: &mut dyn Write, what: &str, text: &str) -> io::Result<()> {
    lines(text, WIDTH - what.len()).iter().enumerate().try_for_each(|(index, line)| {
        let before = if index == 0 { what } else { "    " };
        writeln!(out, "# {before}{line}")
    })
}

fn trust_stores(stores: &TrustStores, out: &mut dyn Write) -> io::Result<()> {
    let ca = stores.authority.as_deref().map_or("see the step for the CA".to_owned(), |ca| format!("CA {ca}"));
    comment(out, "", &format!("{} ({}, {}): {ca}", stores.id.instance, stores.id.account, stores.id.region))?;
    for client in &stores.clients {
        let seen = &client.seen;
        let named = [("user", &seen.user), ("database", &seen.database), ("application", &seen.application)];
        let named = named.iter().filter_map(|(what, name)| Some(format!(", {what} {}", name.as_ref()?)));
        let tasks: Vec<_> = client.tasks.iter().map(|task| task.text()).collect();
        let address = seen.address.as_deref().unwrap_or("address not logged");
        comment(out, "  [ ] ", &format!("{address}{}: {}", named.collect::<String>(), tasks.join("; ")))?;
    }
    if stores.may_hide {
        comment(out, "  [ ] ", "Clients that no log names: ask the owners of the instance")?;
    }
    Ok(())
}

/// The instance, its rotation and its date, as of `now`.
fn head(step: &Step, now: Timestamp) -> String {
    let due = match (step.expires, step.act_by) {
        (Some(end), _) if end <= now => format!("expired on {}", date(end)),
        (_, Some(by)) if by <= now => format!("was due on {}", date(by)),
        (_, Some(by)) => format!("by {}", date(by)),
        (_, None) => "date unknown".to_owned(),
    };
    let unproven = if step.unproven { " (inconclusive)" } else { "" };
    format!("{} ({}): {}{unproven}, {due}", step.member.id.instance, step.engine, step.rotation)
}

/// `2026-11-29`.
fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// `2026-11-29 05:00 UTC`.
fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What the rotation does to sessions.
fn interrupts(step: &Step) -> &'static str {
    match step.restart {
        Restart::Listener => "restarts only the listener (open sessions stay, new ones get errors meanwhile)",
        Restart::Instance => "restarts the instance",
        Restart::None => "needs no restart",
    }
}

fn instance(step: &Step, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    comment(out, "", &head(step, now))?;
    comment(out, "Why: ", &step.why)?;
    let commands = to_run(step);
    let window = step.next_window.map_or_else(String::new, |start| format!(" ({})", minute(start)));
    let when = commands.first().map_or_else(String::new, |command| match command.takes_effect {
        EffectTime::AtOnce => " immediately".to_owned(),
        EffectTime::InMaintenanceWindow => format!(" in the next maintenance window{window}"),
        EffectTime::AtNextRestart => format!(
            ": the certificate is staged in the next maintenance window{window}, and becomes active at the next restart \
             after it, planned or not"
        ),
    });
    comment(out, "", &format!("The rotation {}{when}.", interrupts(step)))?;
    if let Some(no_rotation) = &step.no_rotation {
        let reason = step.held_back.as_ref().map(|held| format!("Held back ({})", held.reason.name()));
        let reason = reason.as_deref().unwrap_or("No command of its own");
        comment(out, "", &format!("{reason}: {no_rotation}"))?;
    }
    step.notes.iter().try_for_each(|note| comment(out, "Note: ", note))?;
    for command in step.held_back.iter().flat_map(|held| &held.first) {
        writeln!(out, "#     {}", terminal(&command_line(command)))?;
    }
    if commands.is_empty() {
        if let Some(why) = step.no_rotation.as_ref().filter(|_| step.blocked) {
            writeln!(out, "skip {} {}", name(step), quote(&terminal(why)))?;
        }
        return Ok(());
    }
    guarded(step, commands, out)
}

/// The commands of a step, behind what has to hold for them.
fn guarded(step: &Step, commands: &[Command], out: &mut dyn Write) -> io::Result<()> {
    let name = name(step);
    let agreed = step.held_back.as_ref().map(|held| format!("agreed {name} {}", quote(held.reason.name())));
    let in_time = step.run_by.map(|by| format!("in_time {name} {} {}", by.as_second(), quote(&minute(by))));
    let checks = step.checks.iter().map(|check| {
        let outputs: Vec<_> =
            check.accepts.iter().map(|output| if output.is_empty() { "none" } else { output }).collect();
        let accepted = format!("accepted {name} {} {}", quote(check.shows), quote(&outputs.join(" ")));
        called(step, &accepted, &check.command)
    });
    let at_once = commands.first().is_some_and(|command| command.takes_effect == EffectTime::AtOnce);
    let commands = commands.iter().map(|command| {
        let call = called(step, &format!("run {name}"), command);
        // The state changes only some time after the command.
        if command.kind == CommandKind::Wait { format!("sleep 60 &&\n    {call}") } else { call }
    });
    let all: Vec<_> = agreed.into_iter().chain(in_time).chain(checks).chain(commands).collect();
    writeln!(out, "if {}; then", all.join(" &&\n    "))?;
    let counter = if at_once { "rotated" } else { "scheduled" };
    writeln!(out, "    {counter}=$(({counter} + 1))\nfi")
}

fn line(step: &Step, function: &str, command: &Command, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", called(step, function, command))
}

/// A function of the script that runs a command, with the profile of the account in it.
fn called(step: &Step, function: &str, command: &Command) -> String {
    let Some((program, words)) = command.words.split_first() else { return String::new() };
    let profile = format!("--profile \"${}\"", profile(&step.member.id.account));
    let words: String = words.iter().map(|word| format!(" {}", quote(word))).collect();
    format!("{function} {} {profile}{words}", quote(program))
}
