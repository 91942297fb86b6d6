//! Patterns of a policy: regular expressions that match a whole name, in time linear in its length.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// Most bytes that a compiled pattern may take.
const LARGEST: usize = 1024 * 1024;

/// A regular expression that matches whole texts only. Files and reports show it as it was written.
///
/// Source of the syntax: <https://docs.rs/regex/1/regex/#syntax>.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    whole: Regex,
}

impl Pattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches the whole text.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    /// Fails with the cause, in one line: the syntax is wrong, or the compiled pattern is too large.
    fn try_from(text: String) -> Result<Self, String> {
        let compile = |pattern: &str| {
            RegexBuilder::new(pattern).size_limit(LARGEST).build().map_err(|error| {
                let message = error.to_string();
                let cause = message.lines().last().unwrap_or_default();
                format!("{text:?} is no valid pattern: {}", cause.trim_start_matches("error: "))
            })
        };
        // On its own first: `a)|(b` is valid between the anchors only, and would match parts of a text.
        compile(&text)?;
        let whole = compile(&format!(r"\A(?:{text})\z"))?;
        Ok(Self { text, whole })
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_pattern_matches_whole_texts_only() {
        let rows = [
            ("mon", &["mon"][..], &["monitor", "amon", "mon\n", "MON", ""][..]),
            ("mon|check_.*", &["mon", "check_", "check_pg"], &["xmon", "monx", "a check_pg"]),
            ("^mon$|x", &["mon", "x"], &["xmon", "mon\n"]),
            (r"(?m)^a$", &["a"], &["a\nb", "b\na"]),
            (r"(?i)mon\d+", &["mon1", "MON22"], &["mon", "mon1x"]),
            ("a|ab", &["a", "ab"], &["b"]),
        ];
        for (text, whole, others) in rows {
            let pattern = Pattern::try_from(text.to_owned()).expect(text);
            assert!(whole.iter().all(|name| pattern.matches(name)), "{text}");
            assert!(!others.iter().any(|name| pattern.matches(name)), "{text}");
        }
    }

    #[test]
    fn a_pattern_that_is_wrong_or_too_large_is_refused_in_one_line() {
        let rows = [
            ("a(b", "unclosed group"),
            ("a)|(b", "unopened group"),
            ("(?x)a # b", "unclosed group"),
            (r"\w{9999}", "exceeds size limit"),
            (r"(a)\1", "backreferences are not supported"),
        ];
        for (text, cause) in rows {
            let error = Pattern::try_from(text.to_owned()).expect_err(text);
            assert!(error.contains(cause) && !error.contains('\n'), "{text}: {error}");
        }
    }
}
