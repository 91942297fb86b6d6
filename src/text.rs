//! Numbers and lists as people read them.

use std::collections::BTreeSet;
use std::time::Duration;

/// A count with its noun: `1 session`, `2 sessions`.
pub fn plural(count: impl TryInto<u64>, one: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// A text of others in one line, and at most `longest` characters of it.
pub fn one_line(text: &str, longest: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= longest {
        return line;
    }
    line.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

/// What the system says of an error, without its number: `Connection refused` of `Connection refused (os error 111)`.
pub fn without_number(text: &str) -> &str {
    text.split_once(" (os error").map_or(text, |(text, _)| text)
}

/// The same of an error of a connection, without what the resolver puts before it.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = without_number(&text);
    text.rsplit_once("information: ").map_or(text, |(_, text)| text).to_owned()
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

/// Least similarity of a name that is suggested instead of another, from 0 to 1.
const SIMILAR: f64 = 0.7;

/// The known name that looks most like one that does not exist; none where none is like it.
pub fn nearest<'n>(wanted: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = wanted.to_lowercase();
    let similarity = |name: &str| strsim::normalized_damerau_levenshtein(&wanted, &name.to_lowercase());
    let all = known.into_iter().map(|name| (similarity(name), name)).filter(|(similarity, _)| *similarity >= SIMILAR);
    all.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

/// What to do about a name that does not exist, beginning with the name that was probably meant.
pub fn suggest<'n>(wanted: &str, known: impl IntoIterator<Item = &'n str>, hint: &str) -> String {
    nearest(wanted, known).map_or_else(|| hint.to_owned(), |near| format!("did you mean {near}? Otherwise, {hint}"))
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

/// A length of time as people say it: `0.4 s`, `42 s`, `2 min 5 s`, `3 h 10 min`.
pub fn duration(length: Duration) -> String {
    match length.as_secs() {
        0..10 => format!("{:.1} s", length.as_secs_f64()),
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_two_units_at_most() {
        let said = [400, 42_000, 125_000, 11_430_000].map(|millis| duration(Duration::from_millis(millis)));
        assert_eq!(said, ["0.4 s", "42 s", "2 min 5 s", "3 h 10 min"]);
    }

    #[test]
    fn a_name_is_suggested_if_it_looks_like_another() {
        let known = ["orders-prod", "reports-batch"];
        assert_eq!(nearest("order-prod", known), Some("orders-prod"));
        assert_eq!(nearest("ORDERS-PROD", known), Some("orders-prod"));
        assert_eq!(nearest("payments", known), None);
    }

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
