//! Markdown for tickets: the table, then reasons and commands of each instance that needs a rotation.

use std::io::{self, Write};

use super::escape::{markdown, markdown_code, markdown_text};
use super::lines::around_query;
use super::summary::{coverage, days, in_brief, name, no_commands, summary, verdict};
use super::{Layout, Report, policy};
use crate::problem::grouped;
use crate::shell::command;
use crate::verdict::{Reason, Rotation};

pub(super) fn write(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# TLS usage and certificate rotation\n")?;
    for line in summary(report) {
        writeln!(out, "{}\n", markdown(&line))?;
    }
    let mut group = None;
    for (index, row) in report.instances.iter().enumerate() {
        let of = layout.group_by.map(|group_by| group_by.of(row));
        if index == 0 || of != group {
            group = of;
            if let Some(name) = group {
                writeln!(out, "{}{}\n", if index == 0 { "## " } else { "\n## " }, markdown_code(name))?;
            }
            writeln!(out, "| Verdict | Instance | Account | Region | Days left | Coverage | Why |")?;
            writeln!(out, "| --- | --- | --- | --- | ---: | ---: | --- |")?;
        }
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            verdict(row),
            markdown_code(&name(row)),
            markdown_code(&row.id().account),
            markdown_code(&row.id().region),
            days(report, row),
            coverage(row),
            markdown_text(in_brief(row))
        )?;
    }
    for row in report.instances.iter().filter(|row| row.rotation != Rotation::Optional) {
        writeln!(out, "\n## {}: {}\n", markdown_code(&row.id().instance), verdict(row))?;
        for reason in &row.reasons {
            reasoned(reason, out)?;
        }
        for words in &row.commands {
            writeln!(out, "- Run: {}", markdown_code(&command(words)))?;
        }
        if let Some(why) = no_commands(row) {
            writeln!(out, "- Commands: {}", markdown_text(&why))?;
        }
    }
    writeln!(out, "\n## Policy\n")?;
    for line in policy::lines(report) {
        writeln!(out, "- {}", markdown(&line))?;
    }
    if !report.errors.is_empty() {
        writeln!(out, "\n## Could not be read\n")?;
    }
    for brief in grouped(&report.errors) {
        writeln!(out, "- {}: {}", markdown_code(&brief.who), markdown(&brief.message))?;
    }
    Ok(())
}

/// Writes a reason as an item of a list. A query has a block of its own, from which it can be copied: it is ours, and no
/// name is in it.
fn reasoned(reason: &Reason, out: &mut dyn Write) -> io::Result<()> {
    let (before, query, after) = around_query(&reason.text);
    writeln!(out, "- {}: {}", markdown_code(reason.code.code()), markdown_text(before))?;
    if let Some(query) = query {
        writeln!(out, "\n  ```sql\n  {query}\n  ```")?;
        writeln!(out, "{}", if after.is_empty() { String::new() } else { format!("\n  {}\n", markdown_text(after)) })?;
    }
    Ok(())
}
