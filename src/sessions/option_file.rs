//! The option file of MySQL's and MariaDB's clients: `user` and `password` in the section `[client]`.
//!
//! Source: "Using Option Files" in the MySQL documentation.

use std::path::Path;

use super::secret_file;

/// The user and the password. The last value of an option counts; files that it includes are not read.
pub(super) fn login(path: &Path, user: Option<&str>) -> Result<(String, String), String> {
    find(&secret_file::read(path)?, user)
}

fn find(text: &str, named: Option<&str>) -> Result<(String, String), String> {
    let (mut section, mut user, mut password) = ("", None, None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            section = name.trim();
        } else if let Some((option, value)) = line.split_once('=').filter(|_| section == "client") {
            match option.trim() {
                "user" => user = Some(plain(value)),
                "password" => password = Some(plain(value)),
                _ => {}
            }
        }
    }
    let password = password.ok_or("the section [client] has no password")?;
    let user = named.map(str::to_owned).or(user).ok_or("the section [client] has no user. Add --user.")?;
    Ok((user, password))
}

/// A value without its quotes, its escapes, and the comment behind it.
fn plain(value: &str) -> String {
    let value = value.trim();
    let quote = value.chars().next().filter(|first| ['"', '\''].contains(first));
    let quoted = quote.and_then(|quote| value.strip_prefix(quote)?.rsplit_once(quote)).map(|(inside, _)| inside);
    let bare = || value.split('#').next().unwrap_or_default().trim_end();
    let mut plain = String::new();
    let mut letters = quoted.unwrap_or_else(bare).chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('r') => plain.push('\r'),
                Some('b') => plain.push('\u{8}'),
                Some('s') => plain.push(' '),
                Some(known @ ('\\' | '"' | '\'')) => plain.push(known),
                Some(other) => plain.extend(['\\', other]),
                None => plain.push('\\'),
            },
            (other, false) => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_of_clients_counts() {
        let text = "[mysqld]\nuser=mysql\npassword=no\n\n[client]\n# password=no\nuser = monitor\npassword=\"a#b \\\"c\\\\\"  \n[mysql]\npassword=no\n";
        assert_eq!(find(text, None), Ok(("monitor".to_owned(), "a#b \"c\\".to_owned())));
        assert_eq!(find(text, Some("other")).map(|(user, _)| user), Ok("other".to_owned()));
        assert_eq!(find("[client]\npassword=x # comment\nuser=u", None), Ok(("u".to_owned(), "x".to_owned())));
        assert!(find("[client]\nuser=u", None).is_err() && find("[client]\npassword=p", None).is_err());
    }
}
