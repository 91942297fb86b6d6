//! Text that somebody else chose, made harmless for the medium that it is printed on. It can still be read.

use std::fmt::{self, Write};
use std::net::IpAddr;

use askama::filters::Escaper;

/// For a terminal: control characters, which move the cursor or worse, and those that turn the direction of writing are
/// printed as `\u{1b}`.
pub fn terminal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || turns_writing(letter) {
            // Writing to a string cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(letter));
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// For a cell of a spreadsheet: what a spreadsheet would run as a formula has a `'` before it, which makes it text.
///
/// Source: OWASP, "CSV Injection".
pub fn spreadsheet(text: &str) -> String {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
        || text.starts_with(['\t', '\r', '\n']);
    let safe = terminal(text);
    if formula { format!("'{safe}") } else { safe }
}

/// For a cell of a spreadsheet that guesses types: as [`spreadsheet`], and what it would take for a number, a date or a
/// logical value has a `'` before it too. `16.10` would become 16.1, and `mar-1` the first of March.
pub fn spreadsheet_text(text: &str) -> String {
    let safe = spreadsheet(text);
    if is_value(text) && !safe.starts_with('\'') { format!("'{safe}") } else { safe }
}

/// Names of months, and what else stands beside digits in numbers and times, in languages that spreadsheets know: English,
/// French, German, Italian, Portuguese and Spanish.
const WORDS_OF_VALUES: &[&str] = &[
    "",
    "e",
    "a",
    "p",
    "am",
    "pm",
    "t",
    "z",
    "tz",
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "nov",
    "dec",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jän",
    "mär",
    "mrz",
    "mai",
    "okt",
    "dez",
    "januar",
    "februar",
    "märz",
    "juni",
    "juli",
    "oktober",
    "dezember",
    "janv",
    "févr",
    "mars",
    "avr",
    "juin",
    "juil",
    "août",
    "déc",
    "ene",
    "abr",
    "ago",
    "dic",
    "enero",
    "marzo",
    "abril",
    "mayo",
    "agosto",
    "gen",
    "mag",
    "giu",
    "lug",
    "set",
    "ott",
    "maggio",
    "aprile",
    "fev",
    "out",
    "maio",
    "março",
];

/// Whether a spreadsheet may take a text for a number, a date, a time, an amount or a logical value.
fn is_value(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    if matches!(text.as_str(), "true" | "false" | "wahr" | "falsch" | "vrai" | "faux" | "verdadero" | "falso") {
        return true;
    }
    let is_mark = |letter: char| letter.is_numeric() || letter.is_whitespace() || ".,:;/-+%()'’$€£¥−".contains(letter);
    let words: Vec<&str> = text.split(is_mark).filter(|word| !word.is_empty()).collect();
    let is_known = words.iter().all(|word| WORDS_OF_VALUES.contains(word));
    // An address is text.
    text.contains(char::is_numeric) && is_known && text.parse::<IpAddr>().is_err()
}

/// For Markdown prose: what would begin markup, HTML or a link is escaped. A mention would survive that, for it is looked
/// for in the text that comes of it: its `@` is printed as `\u{40}`.
pub fn markdown(text: &str) -> String {
    let text = terminal(text).replace('@', "\\u{40}");
    let mut safe = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        let end = safe.get(safe.len().saturating_sub(3)..).unwrap_or_default();
        let links = rest.starts_with("://") || (letter == '.' && end.eq_ignore_ascii_case("www"));
        if links || matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '#' | '!') {
            safe.push('\\');
        }
        safe.push(letter);
    }
    safe
}

/// The same, with what stands between backticks as code.
pub fn markdown_text(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // Every second part is code, but for what a last backtick begins and nothing ends.
    let is_code = |index: usize| index % 2 == 1 && index + 1 < parts.len();
    if parts.iter().enumerate().any(|(index, part)| is_code(index) && part.trim().is_empty()) {
        // Two backticks that meet would begin another kind of code.
        return markdown(text);
    }
    let mut safe = String::with_capacity(text.len());
    for (index, part) in parts.iter().enumerate() {
        match (is_code(index), index % 2) {
            (true, _) => safe += &markdown_code(part),
            (false, 0) => safe += &markdown(part),
            (false, _) => safe += &format!("\\`{}", markdown(part)),
        }
    }
    safe
}

/// As code in Markdown, in a table too: nothing in it is markup, a link or a mention. What would end it is printed as
/// `\u{60}`.
pub fn markdown_code(text: &str) -> String {
    format!("`{}`", terminal(text).replace('`', "\\u{60}").replace('|', "\\u{7c}"))
}

/// For chat and mail, where the same text may be taken for mrkdwn, Markdown or nothing at all: what is no letter or digit of
/// ASCII, no blank and none of `-/+=…` is printed as `\u{40}`. So nothing in it can be a mention, markup, a link, an emoji or
/// an address. An underscore within a word is none of these and stays. What is no plain name stands in quotes.
///
/// Sources: "Formatting text in messages" of Slack: `&`, `<` and `>` control mentions and links, and must not stand there as
/// they are. "Format cards in Teams" of Microsoft: cards take Markdown and have no code, so that backticks would not help.
pub fn chat(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut before = None;
    while let Some(letter) = letters.next() {
        let is_word = |letter: &char| letter.is_ascii_alphanumeric();
        let in_word = letter == '_' && before.is_some_and(|it| is_word(&it)) && letters.peek().is_some_and(is_word);
        if is_word(&letter) || in_word || " -/+=…".contains(letter) {
            safe.push(letter);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(letter));
        }
        before = Some(letter);
    }
    let is_plain = !safe.is_empty() && safe.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_plain { safe } else { format!("\"{safe}\"") }
}

/// At most `longest` characters of a text, the last of them `…` where there are more.
pub fn cut(text: &str, longest: usize) -> String {
    if text.chars().nth(longest).is_none() {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

/// For a page of HTML: text and not markup, and shown as on a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Page;

impl Escaper for Page {
    fn write_escaped_str<W: Write>(&self, out: W, text: &str) -> fmt::Result {
        askama::filters::Html.write_escaped_str(out, &terminal(text))
    }
}

/// Marks, embeddings, overrides and isolates of the Unicode bidirectional algorithm, and line separators.
fn turns_writing(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor_or_turns_the_text() {
        assert_eq!(terminal("a\u{1b}[31mb\n\u{202e}c"), "a\\u{1b}[31mb\\u{a}\\u{202e}c");
        assert_eq!(terminal("Müller 日本"), "Müller 日本");
    }

    #[test]
    fn a_page_shows_markup_as_text() {
        let mut page = String::new();
        Page.write_escaped_str(&mut page, "<b a='\"'>\u{202e}&").expect("text");
        assert_eq!(page, "&#60;b a=&#39;&#34;&#39;&#62;\\u{202e}&#38;");
    }

    #[test]
    fn chat_has_no_mentions_links_or_markup_of_others() {
        assert_eq!(chat("orders-prod"), "orders-prod");
        assert_eq!(chat("assumed-role/Read_Only/ci"), "\"assumed-role/Read_Only/ci\"");
        assert_eq!(chat("<!here>"), "\"\\u{3c}\\u{21}here\\u{3e}\"");
        assert_eq!(chat("_x_ *b* @channel"), "\"\\u{5f}x\\u{5f} \\u{2a}b\\u{2a} \\u{40}channel\"");
        for hostile in
            ["<http://evil|click>", "[a](b)", ":bomb:", "~x~", "`x`", "www.evil.example", "{{DATE()}}", "\n", "é"]
        {
            let safe = chat(hostile);
            let is_safe = |letter: char| letter.is_ascii_alphanumeric() || " -/+=\\{}\"".contains(letter);
            assert!(safe.chars().all(is_safe) && !safe.contains("{{"), "{safe}");
        }
        assert_eq!(chat(""), "\"\"");
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!([cut("abc", 3), cut("abcd", 3), cut("日本語", 2)], ["abc", "ab…", "日…"]);
    }

    #[test]
    fn formulas_are_text() {
        assert_eq!(spreadsheet("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(spreadsheet(" @SUM(1)"), "' @SUM(1)");
        assert_eq!(spreadsheet("orders-prod"), "orders-prod");
    }

    #[test]
    fn what_looks_like_a_value_is_text() {
        for value in [
            "16.10",
            "0815",
            "1e5",
            "12E34",
            "-5",
            "1/2",
            "3-4",
            "mar-1",
            "Oct 2024",
            "1 mai",
            "10:30",
            "10:30 pm",
            "TRUE",
            "2026-11-23T00:00:00Z",
            "50%",
            "$5",
            "(5)",
            "1,000",
            "٣٤",
        ] {
            assert_eq!(spreadsheet_text(value), format!("'{value}"));
        }
        for text in
            ["orders-prod", "app01", "10.1.2.3", "2001:db8::1", "TLSv1.3", "postgres 16.10", "x1e5", "march", ""]
        {
            assert_eq!(spreadsheet_text(text), text);
        }
        assert_eq!(spreadsheet_text("=1+1"), "'=1+1");
    }

    #[test]
    fn markdown_has_no_markup_of_others() {
        assert_eq!(markdown("a|b `c` <i> [x](http://y) @z"), r"a\|b \`c\` \<i\> \[x\](http\://y) \\u{40}z");
        assert_eq!(markdown_code("a`b|c\n@d"), r"`a\u{60}b\u{7c}c\u{a}@d`");
    }

    #[test]
    fn markdown_keeps_code_that_can_be_copied_and_no_other_markup() {
        assert_eq!(
            markdown_text("Run `ssl-usage collect --days 3` *now*"),
            r"Run `ssl-usage collect --days 3` \*now\*"
        );
        assert_eq!(markdown_text("`a|@b` <i>"), r"`a\u{7c}@b` \<i\>");
        assert_eq!(markdown_text("one ` <i>"), r"one \` \<i\>");
        assert_eq!(markdown_text("`a` b ` <i>"), r"`a` b \` \<i\>");
        assert_eq!(markdown_text("`` <i> `"), r"\`\` \<i\> \`");
    }
}
