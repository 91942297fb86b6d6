//! Words as a POSIX shell takes them.

/// A word that a shell reads as `word`, whatever is in it: names that somebody else chose run nothing when a command is
/// pasted.
///
/// A null byte, which no argument can hold, is left out.
///
/// Source: POSIX.1-2024, "Shell Command Language", 2.2.2: between single quotes every character stands for itself.
pub fn quote(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,=@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\0', "").replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::quote;

    #[test]
    fn plain_words_stay_as_they_are() {
        assert_eq!(quote("orders-prod.log_x=1"), "orders-prod.log_x=1");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("it's; rm -rf $HOME"), r"'it'\''s; rm -rf $HOME'");
        assert_eq!(quote("~"), "'~'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_back_what_was_quoted(words in prop::collection::vec("(?s)[^\0]{0,12}", 1..12)) {
            let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
            // A bar in front: the options of `printf` and the shell's own words are not what is tested.
            let script = format!("printf '|%s\\0' {}", quoted.join(" "));
            let read = Command::new("sh").arg("-c").arg(script).output().expect("a shell").stdout;
            let expected: String = words.iter().map(|word| format!("|{word}\0")).collect();
            prop_assert_eq!(String::from_utf8(read).expect("UTF-8"), expected);
        }
    }
}
