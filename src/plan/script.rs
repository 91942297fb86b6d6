//! A plan as a shell script, to be reviewed before it runs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{Plan, Step, TrustStores};
use crate::problem::grouped;
use crate::report::escape::terminal;
use crate::report::lines::lines;
use crate::shell::{command as command_line, quote};
use crate::verdict::{Command, CommandKind, EffectTime, Hold, Restart};

const HEAD: &str = r#"set -u

if [ "${REVIEWED:-}" != yes ]; then
    echo 'Nothing was run. Review this file, then set REVIEWED=yes.' >&2
    exit 2
fi

# Keep the AWS CLI from opening a pager.
export AWS_PAGER=''

completed=0 skipped=0 failed=0

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

# in_time INSTANCE SECONDS: whether the command still takes effect before the certificate ends.
in_time() {
    if [ "$(date -u +%s)" -lt "$2" ]; then
        return 0
    fi
    skip "$1" 'its last maintenance window before the certificate ends has begun. Plan again.'
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
    skip "$name" "$what: $output (accepted: $outputs). Run this script again later."
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
say "Done: $completed. Skipped: $skipped. Failed: $failed."
if [ $((skipped + failed)) -gt 0 ]; then
    exit 1
fi
"#;

pub(super) fn write(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "#!/bin/sh")?;
    let Plan { tool_version, generated_at, window, .. } = plan;
    writeln!(out, "# Certificate rotation, planned by ssl-usage {tool_version} as of {generated_at}.")?;
    writeln!(out, "# Evidence: {} to {}.\n#", window.from, window.to)?;
    let acting: Vec<&Step> = plan.steps.iter().filter(|step| !to_run(step).is_empty()).collect();
    let accounts: BTreeSet<&str> = acting.iter().map(|step| step.member.id.account.as_str()).collect();
    let profiles: String = accounts.iter().map(|account| format!(" {}=PROFILE", profile(account))).collect();
    writeln!(out, "# Run: env REVIEWED=yes{profiles} sh FILE")?;
    writeln!(out, "# The script skips an instance whose state rejects changes, and continues after a failure.")?;
    writeln!(out, "# It ends with status 1 if it skipped an instance or a command failed. It can be run again.")?;
    writeln!(out, "# Before you run it, save a report: ssl-usage analyze --format json -o before.json")?;
    for brief in grouped(&plan.errors) {
        comment(out, "COULD NOT BE READ, so not in this plan: ", &brief.to_string())?;
    }
    write!(out, "{HEAD}")?;
    for account in &accounts {
        let message = "set it to the AWS profile of this account";
        writeln!(out, "belongs_to \"${{{}:?{message}}}\" {}", profile(account), quote(account))?;
    }
    writeln!(out, "\n# --- 1. Before the rotation: update the trust stores of clients ---")?;
    if plan.trust_stores.is_empty() {
        writeln!(
            out,
            "# No client is known to need a new CA. Clients that pin the server or an intermediate certificate\n# must accept the new one after every rotation."
        )?;
    }
    plan.trust_stores.iter().try_for_each(|stores| trust_stores(stores, out))?;
    let (gather, rotate): (Vec<&Step>, Vec<&Step>) = plan.steps.iter().partition(|step| gathers(step));
    writeln!(out, "\n# --- 2. Rotate, most urgent instances first ---")?;
    rotate.iter().try_for_each(|step| instance(step, out))?;
    writeln!(out, "\n# --- 3. Gather evidence first: these instances can wait ---")?;
    gather.iter().try_for_each(|step| instance(step, out))?;
    writeln!(out, "\n# --- 4. These instances need nothing ---")?;
    for untouched in &plan.nothing_to_do {
        comment(out, "", &format!("{}: {}", untouched.id.instance, untouched.why))?;
    }
    writeln!(
        out,
        "\n# --- 5. Verify the certificates; a change that waits for a restart or window is not shown yet ---"
    )?;
    for step in acting {
        for command in &step.verify {
            line(step, &format!("run {}", name(step)), command, out)?;
        }
    }
    writeln!(out, "\n# --- 6. After some days, compare: which clients are missing, or connect without TLS? ---")?;
    for command in &plan.afterwards {
        writeln!(out, "# {}", terminal(&command.join(" ")))?;
    }
    write!(out, "{TAIL}")
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

fn instance(step: &Step, out: &mut dyn Write) -> io::Result<()> {
    let act_by = step.act_by.map_or_else(|| "date unknown".to_owned(), |by| format!("by {}", by.strftime("%Y-%m-%d")));
    let unproven = if step.unproven { " (inconclusive)" } else { "" };
    writeln!(out)?;
    let head = format!("{} ({}): {}{unproven}, {act_by}", step.member.id.instance, step.engine, step.rotation);
    comment(out, "", &head)?;
    comment(out, "Why: ", &step.why)?;
    let commands = to_run(step);
    let when = commands.first().map_or("", |command| match command.takes_effect {
        EffectTime::AtOnce => " immediately",
        EffectTime::InMaintenanceWindow => " in the next maintenance window",
        EffectTime::AtNextRestart => {
            ": the certificate is staged in the next maintenance window, and becomes active at the next restart after \
             it, planned or not"
        }
    });
    let restart = match step.restart {
        Restart::Listener => "restarts only the listener (open sessions stay, new ones get errors meanwhile)",
        Restart::Instance => "restarts the instance",
        Restart::None => "needs no restart",
    };
    comment(out, "", &format!("The rotation {restart}{when}."))?;
    if let Some(no_rotation) = &step.no_rotation {
        comment(out, "No command rotates it now: ", no_rotation)?;
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
    let in_time = step.run_by.map(|by| format!("in_time {name} {}", by.as_second()));
    let checks = step.checks.iter().map(|check| {
        let outputs: Vec<_> =
            check.accepts.iter().map(|output| if output.is_empty() { "none" } else { output }).collect();
        let accepted = format!("accepted {name} {} {}", quote(check.shows), quote(&outputs.join(" ")));
        called(step, &accepted, &check.command)
    });
    let commands = commands.iter().map(|command| {
        let call = called(step, &format!("run {name}"), command);
        // The state changes only some time after the command.
        if command.kind == CommandKind::Wait { format!("sleep 60 &&\n    {call}") } else { call }
    });
    let all: Vec<_> = agreed.into_iter().chain(in_time).chain(checks).chain(commands).collect();
    writeln!(out, "if {}; then", all.join(" &&\n    "))?;
    writeln!(out, "    completed=$((completed + 1))\nfi")
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
