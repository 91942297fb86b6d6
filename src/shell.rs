//! Words of a POSIX shell.

/// One word of a shell, whatever the text holds: nothing in it is expanded, and nothing ends it.
pub fn quote(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,=@%+".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(quote("orders-prod"), "orders-prod");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a'; rm -rf \"$HOME\" `x` #\n"), "'a'\\''; rm -rf \"$HOME\" `x` #\n'");
        assert_eq!(quote("~"), "'~'");
    }
}
