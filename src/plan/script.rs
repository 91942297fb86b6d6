//! A plan as a shell script, to be reviewed before it runs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{Plan, Step, TrustStores};
use crate::problem::grouped;
use crate::report::escape::terminal;
use crate::report::lines::lines;
use crate::shell::quote;
use crate::verdict::{Command, CommandKind, EffectTime, Restart};

const HEAD: &str = r#"set -eu

if [ "${REVIEWED:-}" != yes ]; then
    echo 'Nothing was run. Review this file, then set REVIEWED=yes.' >&2
    exit 2
fi

# Keep the AWS CLI from opening a pager.
export AWS_PAGER=''

# Check that each profile belongs to its account.
belongs_to() {
    account=$(aws --profile "$1" sts get-caller-identity --query Account --output text)
    if [ "$account" != "$2" ]; then
        printf 'Nothing was run. Profile %s belongs to account %s, not to %s.\n' "$1" "$account" "$2" >&2
        exit 2
    fi
}
"#;

pub(super) fn write(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "#!/bin/sh")?;
    let Plan { tool_version, generated_at, window, .. } = plan;
    writeln!(out, "# Certificate rotation, planned by ssl-usage {tool_version} as of {generated_at}.")?;
    writeln!(out, "# Evidence: {} to {}.\n#", window.from, window.to)?;
    let acting: Vec<&Step> = plan.steps.iter().filter(|step| !step.commands.is_empty()).collect();
    let accounts: BTreeSet<&str> = acting.iter().map(|step| step.member.id.account.as_str()).collect();
    let profiles: String = accounts.iter().map(|account| format!(" {}=PROFILE", profile(account))).collect();
    writeln!(out, "# Run: env REVIEWED=yes{profiles} sh FILE")?;
    writeln!(out, "# The script stops at the first command that fails. It can be run again.")?;
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
        writeln!(out, "# No client is known to need a new CA.")?;
    }
    plan.trust_stores.iter().try_for_each(|stores| trust_stores(stores, out))?;
    writeln!(out, "\n# --- 2. Rotate, most urgent instances first ---")?;
    plan.steps.iter().try_for_each(|step| instance(step, out))?;
    writeln!(out, "\n# --- 3. These instances need nothing ---")?;
    for untouched in &plan.nothing_to_do {
        comment(out, "", &format!("{}: {}", untouched.id.instance, untouched.why))?;
    }
    writeln!(
        out,
        "\n# --- 4. Verify the certificates; a change that waits for a restart or window is not shown yet ---"
    )?;
    for step in acting.iter().filter(|step| step.takes_effect.is_some()) {
        step.verify.iter().try_for_each(|command| run(step, command, out))?;
    }
    writeln!(out, "\n# --- 5. After some days, compare: which clients are missing, or connect without TLS? ---")?;
    for command in &plan.afterwards {
        writeln!(out, "# {}", terminal(&command.join(" ")))?;
    }
    Ok(())
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
    let when = step.takes_effect.map_or("", |effect| match effect {
        EffectTime::AtOnce => " immediately",
        EffectTime::InMaintenanceWindow => " in the next maintenance window",
        EffectTime::AtNextRestart => {
            ": the certificate is staged now and becomes active at the next restart, planned or not"
        }
    });
    let restart = match step.restart {
        Restart::Listener => "restarts only the listener (open sessions stay, new ones wait)",
        Restart::Instance => "restarts the instance",
        Restart::None => "needs no restart",
    };
    comment(out, "", &format!("The rotation {restart}{when}."))?;
    if let Some(no_rotation) = &step.no_rotation {
        comment(out, "No command rotates it: ", no_rotation)?;
    }
    if step.commands.is_empty() {
        return Ok(());
    }
    if step.commands.iter().any(|command| command.kind == CommandKind::EnableLogging) {
        let logging = "These commands enable logging. They do not rotate the certificate. A general log holds every \
                       statement, including secrets. `ssl-usage preflight` prints the commands that undo them.";
        comment(out, "", logging)?;
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
