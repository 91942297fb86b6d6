//! Text for terminals: paragraphs that wrap at word boundaries, and commands that stand on lines of their own.

use std::io::{self, Write};

use ssl_usage_parsers::ENGINES;
use unicode_width::UnicodeWidthStr;

use super::escape::terminal;
use crate::problem::{Problem, grouped};
use crate::shell::command;

/// Writes a text as [`lines`] has it, indented by `indent` columns more, in at most `width` columns.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn paragraph(out: &mut dyn Write, width: u16, indent: usize, text: &str) -> io::Result<()> {
    let width = usize::from(width).saturating_sub(indent);
    lines(text, width).iter().try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))
}

/// The lines of a text, of at most `width` columns, without control characters; all but the first are indented by two.
///
/// An engine's query of live sessions is a line of its own, unbroken, so that it can be copied.
pub fn lines(text: &str, width: usize) -> Vec<String> {
    let room = width.saturating_sub(2);
    let prose = |text: &str| wrap(&terminal(text), room);
    let (before, query, after) = around_query(text);
    let after = if after.is_empty() { Vec::new() } else { prose(after) };
    let all = prose(before).into_iter().chain(query.map(str::to_owned)).chain(after);
    all.enumerate().map(|(index, line)| if index == 0 { line } else { format!("  {line}") }).collect()
}

/// A text up to an engine's query of live sessions, the query, and the rest. Without one, all of it stands before.
pub(super) fn around_query(text: &str) -> (&str, Option<&'static str>, &str) {
    let mut queries = ENGINES.iter().filter_map(|engine| engine.live_query);
    let found = queries.find_map(|query| Some((query, text.split_once(query)?)));
    found.map_or((text, None, ""), |(query, (before, after))| {
        (before.trim_end_matches([' ', '`']), Some(query), after.trim_matches([' ', '.', '`']))
    })
}

/// The lines of a text, of at most `width` columns each. A word that is longer has a line of its own; what stands in
/// backticks is one word.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match words.last_mut().filter(|code| code.matches('`').count() % 2 == 1) {
            Some(code) => *code += &format!(" {word}"),
            None => words.push(word.to_owned()),
        }
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        line += &word;
    }
    lines.push(line);
    lines
}

/// The options that chose the instances, as they are typed; none where none did.
pub fn filter(options: &[String]) -> Option<String> {
    (!options.is_empty()).then(|| format!("Filter: {}", command(options)))
}

/// Writes what could not be read, where there is any; what happened to many is written once.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn problems(out: &mut dyn Write, width: u16, all: &[Problem]) -> io::Result<()> {
    if !all.is_empty() {
        writeln!(out, "\nCould not be read:")?;
    }
    grouped(all).iter().try_for_each(|brief| paragraph(out, width, 2, &brief.to_string()))
}

/// A command to run next: what it is for, the subcommand of this tool, and options besides those of the evidence.
pub type Step = (String, &'static str, &'static str);

/// Writes the commands to run next, where there are any, as they are typed; `again` are the options of the evidence.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn next_steps(out: &mut dyn Write, again: &[String], steps: &[Step]) -> io::Result<()> {
    if !steps.is_empty() {
        writeln!(out, "\nNext:")?;
    }
    for (what, subcommand, options) in steps {
        writeln!(out, "  {what}:\n    {}", terminal(&next_command(again, subcommand, options)))?;
    }
    Ok(())
}

/// A command of this tool as it is typed; `again` are the options of the evidence.
pub(super) fn next_command(again: &[String], subcommand: &str, options: &str) -> String {
    format!("ssl-usage {subcommand} {} {options}", command(again)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use ssl_usage_parsers::ENGINES;

    use super::{paragraph, wrap};

    fn written(width: u16, text: &str) -> Vec<String> {
        let mut out = Vec::new();
        paragraph(&mut out, width, 2, text).expect("text");
        String::from_utf8(out).expect("UTF-8").lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_break_between_words_alone() {
        assert_eq!(wrap("", 8), [""]);
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("a-very-long-word and more", 8), ["a-very-long-word", "and more"]);
        assert_eq!(wrap("run `one two three` now", 8), ["run", "`one two three`", "now"]);
        assert_eq!(wrap("日本 日本", 8), ["日本", "日本"]);
    }

    #[test]
    fn a_paragraph_is_indented_and_harmless() {
        assert_eq!(written(14, "one two three\n four"), ["  one two", "    three\\u{a}", "    four"]);
    }

    #[test]
    fn a_query_is_never_broken() {
        let query = ENGINES.iter().find_map(|engine| engine.live_query).expect("an engine with a query");
        let text = format!("no log shows it; ask the live sessions: {query}. Then go on.");
        assert_eq!(
            written(30, &text),
            ["  no log shows it; ask the", "    live sessions:", &format!("    {query}"), "    Then go on"]
        );
    }
}
