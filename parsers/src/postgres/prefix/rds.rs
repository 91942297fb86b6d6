//! The values of `log_line_prefix` that RDS allows, and a short way through the first.
//!
//! ```text
//! 2026-11-23 18:39:57 UTC:10.0.0.7(49698):app@orders:[21828]:LOG:  connection received: host=10.0.0.7 port=49698
//! ```
//!
//! The short way gives the same result as the pieces in `walk`, only sooner. A test compares both.

use memchr::memchr;

use super::severity::severity;
use super::values::{remote, time};
use super::{Head, NAME_MAX};
use crate::digits::split_number;

/// RDS's default.
///
/// Its time has no milliseconds, and it has no application name.
pub(in crate::postgres) const RDS: &str = "%t:%r:%u@%d:[%p]:";
/// RDS's second value, from PostgreSQL 16 on, as the user guide prints it
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Concepts.PostgreSQL.overview.parameter-groups.html>).
pub(in crate::postgres) const RDS_16: &str = "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a";
/// The same as parameter groups take it, and as servers write it: with a final colon. Seen in parameter groups of RDS 16 and
/// 18 and of Aurora 17, and in their lines (`697675ec.63ff:[unknown]:ERROR:`).
pub(in crate::postgres) const RDS_16_COLON: &str = "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:";
/// All of them. The one without the final colon reads the other's lines too, with a wrong application, and comes behind it.
///
/// The order is that in which a line is tried.
pub(in crate::postgres) const ALL: [&str; 3] = [RDS_16_COLON, RDS_16, RDS];

/// The match of RDS's default prefix with the shortest names. Nearly every line of most logs has this prefix.
///
/// The user ends at its first `@`, and the database at its first `:`.
/// None where these names give no match. Longer names may still give one, which `walk` tries.
/// None also where a name has more than 63 bytes.
pub(in crate::postgres) fn rds_head(line: &[u8]) -> Option<Head<'_>> {
    let name = |text: &[u8], end| memchr(end, text.get(..=NAME_MAX).unwrap_or(text));
    let (length, at) = time(line)?;
    let (rest, remote) = remote(line.get(length..)?.strip_prefix(b":")?);
    let names = rest.strip_prefix(b":")?;
    let (user, names) = names.split_at_checked(name(names, b'@')?)?;
    let names = names.strip_prefix(b"@")?;
    let (database, rest) = names.split_at_checked(name(names, b':')?)?;
    let (pid, rest) = split_number(rest.strip_prefix(b":[")?)?;
    let severity_at = line.len() - rest.strip_prefix(b"]:")?.len();
    let message_at = severity(line, severity_at)?;
    Some(Head {
        at: Some(at),
        pid: Some(pid),
        address: remote.address,
        port: remote.port,
        user: Some(user),
        database: Some(database),
        severity_at,
        message_at,
        ..Head::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::Prefix;
    use super::*;

    /// The match of a setting with the start of a line.
    fn head<'a>(setting: &str, line: &'a str) -> Option<Head<'a>> {
        Prefix::compile(setting).head(line.as_bytes())
    }

    #[test]
    fn rds_prefixes_tell_who_from_where() {
        let head16 = head(
            RDS_16,
            "2026-11-23 18:39:57.242 UTC:10.0.0.1(47720):app-user@postgres:[26843]:3:00000:2026-11-23 18:39:57 UTC:0/1:0:6b04887d.68db:[unknown]LOG:  connection",
        )
        .expect("RDS's second prefix");
        assert_eq!(head16.address, Some(&b"10.0.0.1"[..]));
        assert_eq!((head16.user, head16.database), (Some(&b"app-user"[..]), Some(&b"postgres"[..])));
        assert_eq!((head16.pid, head16.application), (Some(26843), Some(&b"[unknown]"[..])));
        let ipv6 = head(RDS, "2026-11-23 18:39:57 UTC:fe80::1(53100):a:b@c:[7]:LOG:  x").expect("IPv6");
        assert_eq!(ipv6.address, Some(&b"fe80::1"[..]));
        assert_eq!((ipv6.user, ipv6.database), (Some(&b"a:b"[..]), Some(&b"c"[..])));
    }

    /// Rows: names that hold what separates them, and lines that are nearly of this prefix.
    #[test]
    fn rds_is_read_straight_through_as_piece_by_piece() {
        let straight = Prefix::compile(RDS);
        // Padding makes no difference but that it is another setting.
        let by_pieces = Prefix::compile(&RDS.replacen("%t", "%1t", 1));
        let name = "n".repeat(NAME_MAX);
        let rows = [
            ":10.0.0.1(1):u@d:[7]:LOG:  x",
            ":[local]:[unknown]@[unknown]:[7]:FATAL:  08P01: x",
            "::@:[7]:LOG:  x",
            ":10.0.0.1(1):a@b@c:d:[8]:LOG:  y:[7]:LOG:  x",
            ":10.0.0.1(1):a:[8]:LOG:  y@d:[7]:LOG:  x",
            ":10.0.0.1(1):a\nb@c\nd:[7]:CONTEXT:  x@y:[7]:LOG:  z",
            &format!(":10.0.0.1(1):{name}@{name}:[7]:LOG:  x"),
            &format!(":10.0.0.1(1):{name}n@{name}:[7]:LOG:  x"),
            &format!(":10.0.0.1(1):{name}@{name}n:[7]:LOG:  x"),
            ":10.0.0.1(1):u@d:[99999999999999999999]:LOG:  x",
            ":10.0.0.1(1):u@d:[]:LOG:  x",
            ":10.0.0.1(1):u@d:[7]:NOTHING:  x",
            ":10.0.0.1:u@d:[7]:LOG:  x",
        ];
        for row in rows {
            for zone in ["UTC", "UTCX", "+03", "+0330"] {
                let line = format!("2026-11-23 18:39:57 {zone}{row}");
                let line = line.as_bytes();
                assert_eq!(straight.head(line), by_pieces.head(line), "{row}");
                for at in 0..line.len() {
                    assert_eq!(straight.head_up_to(line, at), by_pieces.head_up_to(line, at), "{row} at {at}");
                }
            }
        }
    }
}
