//! Quoting for a POSIX shell.

/// A text as one word of a shell: nothing in it is expanded, and nothing ends it. Null bytes, which no argument can
/// contain, are left out.
///
/// Source: POSIX.1-2024, "Shell Command Language", 2.2.2: between single quotes every character stands for itself.
pub fn quote(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,=@%+".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\0', "").replace('\'', r"'\''"))
}

/// A command line for a POSIX shell.
pub fn command(words: impl AsRef<[String]>) -> String {
    words.as_ref().iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::quote;

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(quote("orders-prod"), "orders-prod");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a'; rm -rf \"$HOME\" `x` #\n"), "'a'\\''; rm -rf \"$HOME\" `x` #\n'");
        assert_eq!(quote("~"), "'~'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_back_what_was_quoted(words in prop::collection::vec("(?s)[^\0]{0,12}", 1..12)) {
            let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
            let script = format!("printf '|%s\\0' {}", quoted.join(" "));
            let read = Command::new("sh").arg("-c").arg(script).output().expect("a shell").stdout;
            let expected: String = words.iter().map(|word| format!("|{word}\0")).collect();
            prop_assert_eq!(String::from_utf8(read).expect("UTF-8"), expected);
        }
    }
}
