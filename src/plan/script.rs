//! A plan as a shell script that a person reads before it is run.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{Plan, Step, TrustStores};
use crate::problem::grouped;
use crate::report::escape::terminal;
use crate::shell::quote;
use crate::verdict::{Command, EffectTime, Restart};

const HEAD: &str = r#"set -eu

if [ "${REVIEWED:-}" != yes ]; then
    echo 'Nothing was run: read this file first, and then set REVIEWED=yes.' >&2
    exit 2
fi

# What the AWS CLI prints is not to wait for a key.
export AWS_PAGER=''

# Each command names its profile; the profile must be one of the account that it is for.
is_of() {
    account=$(aws --profile "$1" sts get-caller-identity --query Account --output text)
    if [ "$account" != "$2" ]; then
        printf 'Nothing was run: profile %s is of account %s, not of %s.\n' "$1" "$account" "$2" >&2
        exit 2
    fi
}
"#;

pub(super) fn write(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "#!/bin/sh")?;
    let Plan { tool_version, generated_at, window, .. } = plan;
    writeln!(out, "# Rotation of certificates, planned by ssl-usage {tool_version} as of {generated_at}.")?;
    writeln!(out, "# The evidence is of {} to {}.\n#", window.from, window.to)?;
    let acting: Vec<&Step> = plan.steps.iter().filter(|step| !step.commands.is_empty()).collect();
    let accounts: BTreeSet<&str> = acting.iter().map(|step| step.member.id.account.as_str()).collect();
    let profiles: String = accounts.iter().map(|account| format!(" {}=PROFILE", profile(account))).collect();
    writeln!(out, "# Run it with: env REVIEWED=yes{profiles} sh FILE")?;
    writeln!(out, "# It stops at the first command that fails, and may be run again.")?;
    for brief in grouped(&plan.errors) {
        comment(out, "NOT READ, and so not in this plan: ", &brief.to_string())?;
    }
    write!(out, "{HEAD}")?;
    for account in &accounts {
        let message = "the AWS profile of this account is not set";
        writeln!(out, "is_of \"${{{}:?{message}}}\" {}", profile(account), quote(account))?;
    }
    writeln!(out, "\n# --- 1. Trust stores, before anything else ---")?;
    if plan.trust_stores.is_empty() {
        writeln!(out, "# No client is known that needs another one.")?;
    }
    plan.trust_stores.iter().try_for_each(|stores| trust_stores(stores, out))?;
    writeln!(out, "\n# --- 2. Instances, most urgent first ---")?;
    plan.steps.iter().try_for_each(|step| instance(step, out))?;
    writeln!(out, "\n# --- 3. Nothing to do ---")?;
    for untouched in &plan.nothing_to_do {
        comment(out, "", &format!("{}: {}", untouched.id.instance, untouched.why))?;
    }
    writeln!(out, "\n# --- 4. What is served now; what waits for a restart or a window is not yet there ---")?;
    for step in acting.iter().filter(|step| step.takes_effect.is_some()) {
        step.verify.iter().try_for_each(|command| run(step, command, out))?;
    }
    writeln!(
        out,
        "\n# --- 5. In some days, when clients have connected again: who did not come back, or without TLS? ---"
    )?;
    for command in &plan.afterwards {
        comment(out, "", &command.join(" "))?;
    }
    Ok(())
}

/// The variable that names the profile of an account.
fn profile(account: &str) -> String {
    let word: String = account.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("AWS_PROFILE_{word}")
}

/// A comment; whatever the text holds, it does not end the line.
fn comment(out: &mut dyn Write, what: &str, text: &str) -> io::Result<()> {
    writeln!(out, "# {what}{}", terminal(text))
}

fn trust_stores(stores: &TrustStores, out: &mut dyn Write) -> io::Result<()> {
    let authority = stores.authority.as_deref().unwrap_or("see its step for the authority");
    comment(out, "", &format!("{} ({}, {}): {authority}", stores.id.instance, stores.id.account, stores.id.region))?;
    for client in &stores.clients {
        let seen = &client.seen;
        let named = [("user", &seen.user), ("database", &seen.database), ("application", &seen.application)];
        let named = named.iter().filter_map(|(what, name)| Some(format!(", {what} {}", name.as_ref()?)));
        let tasks: Vec<_> = client.tasks.iter().map(|task| task.text()).collect();
        let address = seen.address.as_deref().unwrap_or("address not logged");
        comment(out, "  [ ] ", &format!("{address}{}: {}", named.collect::<String>(), tasks.join("; ")))?;
    }
    if stores.may_hide {
        comment(out, "  [ ] ", "others that no log names: ask whoever uses it")?;
    }
    Ok(())
}

fn instance(step: &Step, out: &mut dyn Write) -> io::Result<()> {
    let act_by = step.act_by.map_or_else(|| "no date known".to_owned(), |by| format!("by {}", by.strftime("%Y-%m-%d")));
    let unproven = if step.unproven { ", unproven" } else { "" };
    writeln!(out)?;
    let head = format!("{} ({}): {}{unproven}, {act_by}", step.member.id.instance, step.engine, step.rotation);
    comment(out, "", &head)?;
    comment(out, "Why: ", &step.why)?;
    let when = step.takes_effect.map_or("", |effect| match effect {
        EffectTime::AtOnce => ", at once",
        EffectTime::InMaintenanceWindow => ", in the next maintenance window",
        EffectTime::AtNextRestart => "; it is put in place now, and becomes active at the next one, planned or not",
    });
    let restart = match step.restart {
        Restart::Listener => "restarts the listener alone: open sessions live on, and new ones wait",
        Restart::Instance => "takes a restart of the instance",
        Restart::None => "takes no restart",
    };
    comment(out, "", &format!("The rotation {restart}{when}."))?;
    if let Some(no_rotation) = &step.no_rotation {
        comment(out, "Nothing rotates it here: ", no_rotation)?;
    }
    if step.commands.is_empty() {
        return Ok(());
    }
    writeln!(out, "printf '%s\\n' {} >&2", quote(&terminal(&step.member.id.instance)))?;
    step.commands.iter().try_for_each(|command| run(step, command, out))
}

/// A command line, with the profile of the account in it.
fn run(step: &Step, command: &Command, out: &mut dyn Write) -> io::Result<()> {
    let Some((program, words)) = command.words.split_first() else { return Ok(()) };
    write!(out, "{} --profile \"${}\"", quote(program), profile(&step.member.id.account))?;
    words.iter().try_for_each(|word| write!(out, " {}", quote(word)))?;
    writeln!(out)
}
