//! Which instance the events of a log group are of.

/// Where events come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Account; none if nothing names it.
    pub account: Option<String>,
    /// Region; none if nothing names it.
    pub region: Option<String>,
    /// Log group; empty if nothing names it.
    pub group: String,
    /// Log stream; empty if nothing names it.
    pub stream: String,
    /// `DBInstanceIdentifier`; empty if nothing names it.
    pub instance: String,
}

impl Origin {
    /// What the path of a file says: an account, a region, a log group, and the log stream, which is the folder of the file in an
    /// export: `123456789012/eu-west-1/aws/rds/instance/orders/postgresql/TASK/orders.0/000000.gz`.
    pub fn of_path(path: &str) -> Self {
        let words: Vec<&str> = path.split(['/', '\\']).filter(|word| !word.is_empty()).collect();
        let folders = words.get(..words.len().saturating_sub(1)).unwrap_or_default();
        let last = |is: fn(&str) -> bool| folders.iter().rev().find(|word| is(word)).map(|word| (*word).to_owned());
        let group = (0..folders.len()).rev().find_map(|at| match folders.get(at..)? {
            ["aws", "rds", kind @ ("instance" | "cluster"), name, log, ..] => {
                Some(format!("/aws/rds/{kind}/{name}/{log}"))
            }
            ["aws", "docdb", name, log, ..] => Some(format!("/aws/docdb/{name}/{log}")),
            _ => None,
        });
        let stream = folders.last().map(|word| (*word).to_owned()).unwrap_or_default();
        Self {
            account: last(is_account),
            region: last(is_region),
            group: group.unwrap_or_default(),
            stream,
            ..Self::default()
        }
    }

    /// The same for an event: its `member` is the log group and the stream, the stream alone, or nothing. The instance is empty if
    /// that is no log group of a database; none if no log group is known.
    pub fn of_event(mut self, member: &str, account: &str) -> Option<Self> {
        if member.starts_with('/') {
            (self.group, self.stream) = split(member);
        } else if !member.is_empty() {
            self.stream = member.to_owned();
        }
        if !account.is_empty() {
            self.account = Some(account.to_owned());
        }
        // A member of a cluster has its own streams, which begin with its name. No name of an instance has a dot.
        let of_stream = || self.stream.split('.').next().unwrap_or_default().to_owned();
        let words: Vec<&str> = self.group.split('/').collect();
        self.instance = match words.as_slice() {
            ["", "aws", "rds", "instance", name, _] => (*name).to_owned(),
            ["", "aws", "rds", "cluster", _, _] | ["", "aws", "docdb", _, _] => of_stream(),
            _ => String::new(),
        };
        (!self.group.is_empty()).then_some(self)
    }
}

/// Log group and stream. Streams may have slashes; groups of databases have as many as they have.
fn split(member: &str) -> (String, String) {
    let words: Vec<&str> = member.split('/').collect();
    let length = match words.as_slice() {
        ["", "aws", "rds", "instance" | "cluster", _, _, ..] => 6,
        ["", "aws", "docdb", _, _, ..] => 5,
        all => all.len().saturating_sub(1),
    };
    let (group, stream) = words.split_at_checked(length).unwrap_or((&words, &[]));
    (group.join("/"), stream.join("/"))
}

/// Whether a word is the number of an account.
pub fn is_account(word: &str) -> bool {
    word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word has the shape of a region's name: `eu-west-1`, `us-gov-east-1`.
pub fn is_region(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.as_slice() {
        [area, direction @ .., number] => {
            area.len() == 2
                && is_word(area)
                && !direction.is_empty()
                && direction.iter().all(is_word)
                && number.len() == 1
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instance_is_that_of_the_log_group_or_of_the_stream_of_a_cluster() {
        let of = |path: &str, member: &str| {
            let origin = Origin::of_path(path).of_event(member, "").filter(|origin| !origin.instance.is_empty())?;
            Some((origin.instance, origin.group, origin.stream))
        };
        let found = |instance: &str, group: &str, stream: &str| {
            Some((instance.to_owned(), group.to_owned(), stream.to_owned()))
        };
        let group = "/aws/rds/instance/orders/postgresql";
        assert_eq!(of("x.gz", "/aws/rds/instance/orders/postgresql/orders.0"), found("orders", group, "orders.0"));
        let export = "logs/aws/rds/instance/orders/postgresql/6d1f/orders.0/000000.gz";
        assert_eq!(of(export, ""), found("orders", group, "orders.0"));
        let cluster = "/aws/rds/cluster/shop/postgresql";
        assert_eq!(of("x", &format!("{cluster}/shop-1.0")), found("shop-1", cluster, "shop-1.0"));
        assert_eq!(of("aws/docdb/docs/audit/x.json", "docs-1"), found("docs-1", "/aws/docdb/docs/audit", "docs-1"));
        assert_eq!(of("x.json", "orders.0"), None, "no log group is known");
        assert_eq!(of("x.json", "/aws/lambda/resize/2026"), None);
    }

    #[test]
    fn folders_name_accounts_and_regions() {
        let place = Origin::of_path("123456789012/us-gov-east-1/x.gz");
        assert_eq!((place.account.as_deref(), place.region.as_deref()), (Some("123456789012"), Some("us-gov-east-1")));
        assert_eq!(Origin::of_path("eu-west-1.gz").region, None, "a file is no folder");
    }
}
