//! Numbers and lists as people read them.

use std::collections::BTreeSet;

/// A count with its noun: `1 session`, `2 sessions`.
pub fn plural(count: impl TryInto<u64>, one: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Most names that are listed rather than counted.
const LISTED: usize = 4;

/// Things of one kind by name, or how many there are of them: `region eu-west-1`, `regions eu-west-1, us-east-1`,
/// `17 regions`.
pub fn listed(what: &str, names: &BTreeSet<&str>) -> String {
    let all = || names.iter().copied().collect::<Vec<_>>().join(", ");
    match names.len() {
        1 => format!("{what} {}", all()),
        few if few <= LISTED => format!("{what}s {}", all()),
        many => plural(many, what),
    }
}

/// Accounts and regions: `account 123456789012, region eu-west-1`.
pub fn accounts_and_regions<'p>(all: impl IntoIterator<Item = (Option<&'p str>, &'p str)>) -> String {
    let (accounts, regions): (BTreeSet<_>, BTreeSet<_>) =
        all.into_iter().map(|(account, region)| (account.unwrap_or("unknown"), region)).unzip();
    let between = if accounts.len().max(regions.len()) == 1 { "," } else { ";" };
    format!("{}{between} {}", listed("account", &accounts), listed("region", &regions))
}

/// A size in the decimal units that AWS bills in: `512 bytes`, `11.9 kB`, `2.0 GB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return plural(count, "byte");
    }
    let mut size = count as f64 / 1e3;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        // What rounds to 1000 is 1 of the next unit.
        if size < 999.95 {
            break;
        }
        (size, unit) = (size / 1e3, next);
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::{bytes, plural};

    #[test]
    fn one_is_singular() {
        assert_eq!([0_u64, 1, 2].map(|count| plural(count, "row")), ["0 rows", "1 row", "2 rows"]);
    }

    #[test]
    fn sizes_have_decimal_units() {
        let sizes = [1, 999, 1000, 11_928, 999_949, 999_950, 163_200_000, 2_000_000_000, u64::MAX];
        assert_eq!(
            sizes.map(bytes),
            ["1 byte", "999 bytes", "1.0 kB", "11.9 kB", "999.9 kB", "1.0 MB", "163.2 MB", "2.0 GB", "18446.7 PB"]
        );
    }
}
