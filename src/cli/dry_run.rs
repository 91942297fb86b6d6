//! `--dry-run`: an estimate of calls, bytes and dollars.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};

use super::fleet::Fleet;
use super::output::Output;
use super::{complain_of, exit};
use crate::collect::Plan;
use crate::error::Result;
use crate::problem::Problem;
use crate::report::escape::terminal;
use crate::text::bytes;

/// Prints the estimate of a collection into the bundle at `path`, one line per account and region.
pub(super) fn print(fleet: &Fleet, path: &Path) -> Result<u8> {
    let (mut plans, failed) = fleet.plan(path)?;
    plans.sort_by(|one, other| (&one.account, &one.region).cmp(&(&other.account, &other.region)));
    let mut total = Plan { region: "total".to_owned(), ..Plan::default() };
    plans.iter().for_each(|plan| total.add(plan));
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["ACCOUNT", "REGION", "INSTANCES", "LOG FILES", "SIZE", "LOG GROUPS", "CALLS", "COST"]);
    for plan in plans.iter().chain([&total]) {
        table.add_row([
            terminal(plan.account.as_deref().unwrap_or_default()),
            terminal(&plan.region),
            plan.instances.to_string(),
            plan.logs.to_string(),
            bytes(plan.bytes),
            plan.groups.to_string(),
            plan.calls.to_string(),
            format!("${:.2}", plan.dollars),
        ]);
    }
    table.column_iter_mut().skip(2).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    Output::default().write(|_, out| writeln!(out, "{}", table.trim_fmt()))?;
    total.errors.extend(failed.iter().map(Problem::from));
    complain_of(&total.errors);
    Ok(exit::of_troubles(&total.errors))
}
