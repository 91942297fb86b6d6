//! Which instance or folder a log belongs to, and whether `collect --logs` reads it.

use std::path::Path;

use serde::Serialize;
use ssl_usage_parsers::envelope::Delivery;
use ssl_usage_parsers::{ENGINES, Engine};

use crate::events::{Origin, name_of};
use crate::scan::Row;

/// An instance, if a log group names it, or a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct GroupKey {
    /// Account, if a folder names it.
    pub account: Option<String>,
    /// Region, if a folder names it.
    pub region: Option<String>,
    /// `DBInstanceIdentifier`, if a log group names it.
    pub instance: Option<String>,
    /// Folder of the log, without that of RDS, such as `error`. None if a log group names the instance.
    pub folder: Option<String>,
}

/// In what form a log is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A file of one log.
    File,
    /// Events of a log group, of an export task.
    Export,
    /// Events of a log group, of a subscription or a query, which may have a filter pattern.
    Filtered,
    /// One of several log streams in a file that names no log group.
    Stream,
    /// A file of an archive.
    Archive,
    /// Standard input.
    Input,
}

impl GroupKey {
    /// The group and the form of a log in the file at `path`.
    pub fn of(row: &Row, path: &Path) -> (Self, Form) {
        let shown = path.display().to_string();
        let rest = row.name.strip_prefix(&shown).unwrap_or_default();
        let member = rest.strip_suffix(&row.stream).unwrap_or(rest).trim_matches('!');
        if path == Path::new("-") {
            return (Self::folder("-"), Form::Input);
        }
        if !member.is_empty() {
            // Folders of the archive stand behind its name.
            let folder = folder_of(member);
            let folder = if folder.is_empty() { shown } else { format!("{shown}!{folder}") };
            return (Self::folder(&folder), Form::Archive);
        }
        let origin = Origin::of_path(&name_of(path));
        let has_group = !origin.group.is_empty();
        let form = match row.delivery {
            Some(Delivery::Subscription) => Form::Filtered,
            Some(Delivery::Query) if has_group => Form::Filtered,
            Some(Delivery::Export) if has_group => Form::Export,
            _ if row.stream.is_empty() => Form::File,
            _ => Form::Stream,
        };
        let origin = origin.of_event(&row.stream, "").filter(|origin| !origin.instance.is_empty());
        match origin.filter(|_| matches!(form, Form::Export | Form::Filtered)) {
            Some(Origin { account, region, instance, .. }) => {
                (Self { account, region, instance: Some(instance), folder: None }, form)
            }
            None => (Self::folder(&folder_of(&shown)), if has_group { Form::Stream } else { form }),
        }
    }

    fn folder(folder: &str) -> Self {
        let folder = if folder.is_empty() { "." } else { folder };
        Self { folder: Some(folder.to_owned()), ..Self::default() }
    }

    /// The name in a table.
    pub fn name(&self) -> String {
        let parts = [&self.account, &self.region, &self.instance, &self.folder];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// The instance, if its log group or its folder has the name of one.
    ///
    /// Source: "Naming constraints" in the RDS user guide.
    pub fn likely_instance(&self) -> Option<&str> {
        let folder = || self.folder.as_deref()?.rsplit('/').next();
        let name = self.instance.as_deref().or_else(folder)?;
        let is_name = name.len() <= 63
            && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_name.then_some(name)
    }
}

impl Form {
    /// Whether `collect --logs` reads a log at `path` in this form; of any engine, if none is given. `found` is the engine that the
    /// content shows.
    pub fn is_collected(self, path: &str, found: Option<&str>, engine: Option<&Engine>) -> bool {
        let file = path.rsplit('/').next().unwrap_or_default();
        let has_file = |of: &Engine| {
            // Oracle's files may have any name.
            folders(of).any(|(_, begin)| file.starts_with(begin) && (!begin.is_empty() || found == Some(of.id)))
        };
        match self {
            Self::Export | Self::Filtered => true,
            Self::File => engine.map_or_else(|| ENGINES.iter().any(|engine| has_file(engine)), has_file),
            Self::Stream | Self::Archive | Self::Input => false,
        }
    }
}

/// The folder of a file, without that of RDS in it.
fn folder_of(path: &str) -> String {
    let parent = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned()).unwrap_or_default();
    let folder = parent(path);
    let last = folder.rsplit('/').next().unwrap_or_default();
    let is_of_rds = ENGINES.iter().flat_map(|engine| folders(engine)).any(|(name, _)| name == last);
    if is_of_rds { parent(&folder) } else { folder }
}

/// The folders of RDS in which files of an engine are, and how the names of these files begin.
fn folders(engine: &Engine) -> impl Iterator<Item = (&'static str, &'static str)> {
    engine.logs.iter().filter_map(|logs| logs.prefix?.split_once('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Outcome;

    fn key(path: &str, rest: &str, stream: &str, delivery: Option<Delivery>) -> (String, Form) {
        let row = Row { stream: stream.to_owned(), delivery, ..Row::new(&format!("{path}{rest}"), Outcome::Empty) };
        let (key, form) = GroupKey::of(&row, Path::new(path));
        (key.name(), form)
    }

    #[test]
    fn a_log_belongs_to_the_instance_of_its_log_group_or_to_a_folder() {
        let group = "/aws/rds/instance/orders/postgresql/orders.0";
        let export = "x/123456789012/eu-west-1/aws/rds/instance/orders/postgresql/6d1f/orders.0/000000.gz";
        for (path, rest, stream, delivery, expected, form) in [
            ("logs/orders/error/postgresql.log.2026-11-23-10", "", "", None, "logs/orders", Form::File),
            ("logs/orders/postgresql.log.2026-11-23-10", "", "", None, "logs/orders", Form::File),
            ("error/postgresql.log.2026-11-23-10", "", "", None, ".", Form::File),
            ("postgresql.log", "", "", None, ".", Form::File),
            ("-", "", "", None, "-", Form::Input),
            ("a.tar", "!x/error/postgresql.log", "", None, "a.tar!x", Form::Archive),
            ("a.tar", "!postgresql.log", "", None, "a.tar", Form::Archive),
            ("a.tar", "!1.json!/aws/rds/instance/orders/postgresql/orders.0", group, None, "a.tar", Form::Archive),
            ("f/1.gz", &format!("!{group}"), group, Some(Delivery::Subscription), "orders", Form::Filtered),
            (export, "", "", Some(Delivery::Export), "123456789012/eu-west-1/orders", Form::Export),
            ("f/1.json", "!orders.0", "orders.0", Some(Delivery::Query), "f", Form::Stream),
        ] {
            assert_eq!(key(path, rest, stream, delivery), (expected.to_owned(), form), "{path}{rest}");
        }
    }

    #[test]
    fn a_name_is_that_of_an_instance_if_rds_allows_it() {
        let likely = |folder: &str| GroupKey::folder(folder).likely_instance().map(str::to_owned);
        assert_eq!(likely("logs/orders-prod"), Some("orders-prod".to_owned()));
        for other in ["", ".", "..", "logs/orders prod", "a.tar!x", "2026", "-"] {
            assert_eq!(likely(other), None, "{other}");
        }
    }
}
