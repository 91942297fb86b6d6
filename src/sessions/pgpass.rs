//! The password file of PostgreSQL's clients: `host:port:database:user:password` in each line.
//!
//! Source: "The Password File" in the PostgreSQL documentation.

use std::path::Path;

use super::secret_file;
use crate::inventory::Endpoint;

/// The database that a probe connects to.
pub(super) const DATABASE: &str = "postgres";

/// The user and the password for an endpoint, by the first line that matches.
pub(super) fn login(path: &Path, endpoint: &Endpoint, user: Option<&str>) -> Result<(String, String), String> {
    find(&secret_file::read(path)?, endpoint, user)
}

fn find(text: &str, endpoint: &Endpoint, user: Option<&str>) -> Result<(String, String), String> {
    let port = endpoint.port.to_string();
    let is = |field: &str, value: &str| field == "*" || field == value;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields = fields(line);
        let [host, line_port, database, line_user, password] = fields.as_slice() else { continue };
        let matches = is(host, &endpoint.host) && is(line_port, &port) && is(database, DATABASE);
        match (user, line_user.as_str()) {
            (Some(user), of) if matches && is(of, user) => return Ok((user.to_owned(), password.clone())),
            (None, of) if matches && of != "*" => return Ok((of.to_owned(), password.clone())),
            _ => {}
        }
    }
    let of = user.map_or_else(String::new, |user| format!(" and the user {user}"));
    Err(format!("no line matches {}:{port}, the database {DATABASE}{of}", endpoint.host))
}

/// The fields of a line: a backslash takes the next character as it is.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ':' => fields.push(String::new()),
            '\\' => fields.last_mut().into_iter().for_each(|field| field.extend(letters.next())),
            other => fields.last_mut().into_iter().for_each(|field| field.push(other)),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::EndpointKind;

    #[test]
    fn the_first_line_that_matches_counts() {
        let text = "# comment:*:*:*:no\ndb.other:5432:*:app:wrong\n*:5433:*:*:wrong\nshort\n*:5432:other:app:wrong\n\
                    db.example:5432:*:monitor:a\\:b\\\\c\n*:*:*:*:last\n";
        let endpoint = Endpoint { kind: EndpointKind::Instance, host: "db.example".to_owned(), port: 5432 };
        let found = |user| find(text, &endpoint, user);
        let pair = |user: &str, password: &str| Ok((user.to_owned(), password.to_owned()));
        assert_eq!(found(None), pair("monitor", "a:b\\c"));
        assert_eq!(found(Some("monitor")), pair("monitor", "a:b\\c"));
        assert_eq!(found(Some("other")), pair("other", "last"));
        assert_eq!(
            find("*:1:*:*:x", &endpoint, None),
            Err("no line matches db.example:5432, the database postgres".to_owned())
        );
    }
}
