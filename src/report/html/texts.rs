//! The texts of the page's data, each once. Texts of different instances are often the same but for names and numbers.

use std::collections::HashMap;

use serde_json::Value;

use crate::report::escape::terminal;

/// The names that stand in the texts of one instance: its own, its account and its region.
pub(super) type Names<'n> = [&'n str; 3];

/// What stands for a number in a pattern. Names are counted from 1.
const NUMBER: usize = 0;

/// Tables of texts, which are named by their index. The first text is empty.
pub(super) struct Texts {
    /// The index of each text that was given, by the text.
    given: HashMap<String, usize>,
    patterns: Table,
    texts: Table,
    lists: Table,
}

/// JSON values, each once.
#[derive(Default)]
struct Table {
    indices: HashMap<String, usize>,
    json: String,
}

impl Table {
    fn index(&mut self, value: String) -> usize {
        if let Some(index) = self.indices.get(&value) {
            return *index;
        }
        let index = self.indices.len();
        self.json.push_str(if index == 0 { "\n" } else { ",\n" });
        self.json.push_str(&value);
        self.indices.insert(value, index);
        index
    }
}

impl Texts {
    pub fn new() -> Self {
        let (given, patterns, texts, lists) = Default::default();
        let mut this = Self { given, patterns, texts, lists };
        this.text("");
        this
    }

    /// A text that occurs as it is.
    pub fn text(&mut self, text: &str) -> usize {
        if let Some(index) = self.given.get(text) {
            return *index;
        }
        let index = self.texts.index(json(text));
        self.given.insert(text.to_owned(), index);
        index
    }

    /// A text of an instance, in which its names and numbers may stand.
    pub fn prose(&mut self, text: &str, names: &Names<'_>) -> usize {
        let is_named = names.iter().any(|name| !name.is_empty() && text.contains(name));
        if let Some(index) = self.given.get(text).filter(|_| !is_named) {
            return *index;
        }
        let (pattern, numbers) = split(text, names);
        if numbers.is_empty() && !is_named {
            return self.text(text);
        }
        let pattern = self.patterns.index(pattern);
        let index = self.texts.index(format!("[{pattern}{numbers}]"));
        if !is_named {
            self.given.insert(text.to_owned(), index);
        }
        index
    }

    /// A list of texts.
    pub fn list(&mut self, texts: impl IntoIterator<Item = usize>) -> usize {
        self.lists.index(array(texts))
    }

    /// The tables as members of a JSON object.
    pub fn into_json(self) -> String {
        let Self { patterns, texts, lists, .. } = self;
        format!("\"patterns\":[{}],\n\"texts\":[{}],\n\"lists\":[{}]", patterns.json, texts.json, lists.json)
    }
}

/// A JSON array of values that are JSON.
pub(super) fn array(values: impl IntoIterator<Item = impl ToString>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    format!("[{}]", values.join(","))
}

/// A text as a JSON string that ends no element of HTML, and is shown as on a terminal.
fn json(text: &str) -> String {
    Value::String(terminal(text)).to_string().replace('<', "\\u003c")
}

/// A pattern, in which numbers stand for what was taken out, and the numbers that were taken out, each after a comma.
fn split(text: &str, names: &Names<'_>) -> (String, String) {
    let (mut pattern, mut numbers) = (Vec::new(), String::new());
    let (mut literal, mut rest, mut before) = (text, text, ' ');
    while let Some(letter) = rest.chars().next() {
        let Some((kind, length)) = hole(rest, before, names) else {
            before = letter;
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            continue;
        };
        let (found, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let ahead = literal.len() - rest.len();
        pattern.extend(literal.get(..ahead).filter(|ahead| !ahead.is_empty()).map(json));
        pattern.push(kind.to_string());
        if kind == NUMBER {
            numbers.push(',');
            numbers.push_str(&number(found));
        }
        (literal, rest, before) = (behind, behind, 'x');
    }
    pattern.extend(Some(literal).filter(|literal| !literal.is_empty()).map(json));
    (array(pattern), numbers)
}

/// What begins a text and is taken out, with its length in bytes: a name, or a number, date, time or address.
fn hole(text: &str, before: char, names: &Names<'_>) -> Option<(usize, usize)> {
    if before.is_ascii_alphanumeric() {
        return None;
    }
    let is_name = |name: &str| !name.is_empty() && text.starts_with(name);
    if let Some(at) = names.iter().position(|name| is_name(name)) {
        return Some((at + 1, names.get(at)?.len()));
    }
    if !text.starts_with(|letter: char| letter.is_ascii_digit()) || !" (`".contains(before) {
        return None;
    }
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || ".:-".contains(letter);
    let word = text.split(|letter| !is_part(letter)).next()?;
    Some((NUMBER, word.trim_end_matches(['.', ':', '-']).len()))
}

/// What was taken out, as JSON.
fn number(word: &str) -> String {
    let is_number = word.len() <= 15 && word.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && (word == "0" || !word.starts_with('0')) { word.to_owned() } else { json(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'_> = ["orders", "123456789012", "eu-west-1"];

    /// A text as the script puts it together.
    fn shown(tables: &Value, index: usize, names: &Names<'_>) -> String {
        let parts = match &tables["texts"][index] {
            Value::String(text) => return text.clone(),
            Value::Array(parts) => parts.clone(),
            other => panic!("{other}"),
        };
        let mut numbers = parts.iter().skip(1);
        let at = |index: &Value| usize::try_from(index.as_u64().expect("an index")).expect("an index");
        let pattern = tables["patterns"][at(&parts[0])].as_array().expect("a pattern").clone();
        let part = |part: &Value| match part {
            Value::String(text) => text.clone(),
            index if at(index) > NUMBER => terminal(names[at(index) - 1]),
            _ => match numbers.next().expect("a number") {
                Value::String(text) => text.clone(),
                number => number.to_string(),
            },
        };
        pattern.iter().map(part).collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_text_is_put_together_as_it_was() {
        let texts = [
            "",
            "7",
            "3 sessions from 1 client used TLS (TLSv1.3: 3)",
            "certificate-expired on 2024-08-22, 007 and 0 and 12345678901234567890; at 10.99.0.61.",
            "aws --region eu-west-1 rds modify-db-instance --db-instance-identifier orders --ca rds-ca-rsa2048-g1",
            "arn:aws:rds:eu-west-1:123456789012:db:orders",
            "orders orders2 reorders 1orders",
            "</script><!-- \u{2028}\u{202e} 5\u{1b}é 6日 [0,1] \\ \"7\"",
        ];
        for names in [NAMES, ["", "", ""], ["1", "s", "<"], ["日", "\u{2028}", "é"]] {
            let mut table = Texts::new();
            let indices = texts.map(|text| (text, table.prose(text, &names)));
            assert_eq!(indices, texts.map(|text| (text, table.prose(text, &names))), "each once");
            let json = format!("{{{}}}", table.into_json());
            assert!(!json.contains(['<', '\u{2028}', '\u{202e}', '\u{1b}']), "{json}");
            let tables = serde_json::from_str(&json).expect("JSON");
            for (text, index) in indices {
                assert_eq!(shown(&tables, index, &names), terminal(text));
            }
        }
    }

    #[test]
    fn texts_that_differ_in_names_alone_are_one() {
        let mut texts = Texts::new();
        let arn = |[name, account, region]: Names<'_>| format!("arn:aws:rds:{region}:{account}:db:{name}");
        let other = ["billing", "210987654321", "us-east-1"];
        assert_eq!(texts.prose(&arn(NAMES), &NAMES), texts.prose(&arn(other), &other));
        let (one, two) = (texts.prose("95 %", &NAMES), texts.prose("96 %", &NAMES));
        assert_ne!(one, two);
        assert_eq!(texts.patterns.indices.len(), 2);
    }
}
