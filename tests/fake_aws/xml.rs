//! Writes the XML of the Query protocol, in the shape in which RDS answers.

use std::fmt::{Display, Write};

const NAMESPACE: &str = "http://rds.amazonaws.com/doc/2014-10-31/";

/// Elements written one after the other.
#[derive(Default)]
pub struct Xml {
    text: String,
}

impl Xml {
    /// An element with text.
    pub fn text(&mut self, name: &str, value: impl Display) {
        self.bytes(name, value.to_string().as_bytes());
    }

    /// An element with text, if there is a value: RDS leaves absent values out.
    pub fn optional(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// An element with text that may not be text at all, such as a binary log.
    pub fn bytes(&mut self, name: &str, value: &[u8]) {
        let _ = write!(self.text, "<{name}>");
        escape(value, &mut self.text);
        let _ = write!(self.text, "</{name}>");
    }

    /// An element with elements.
    pub fn element(&mut self, name: &str, inside: impl FnOnce(&mut Xml)) {
        let _ = write!(self.text, "<{name}>");
        inside(self);
        let _ = write!(self.text, "</{name}>");
    }

    /// A list, each entry in an element of its own.
    pub fn list<T>(&mut self, name: &str, entry: &str, items: &[T], mut each: impl FnMut(&mut Xml, &T)) {
        self.element(name, |xml| {
            for item in items {
                xml.element(entry, |xml| each(xml, item));
            }
        });
    }

    /// A list of plain strings.
    pub fn strings(&mut self, name: &str, items: &[String]) {
        self.element(name, |xml| items.iter().for_each(|item| xml.text("member", item)));
    }

    /// What was written.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The whole answer to `action`, whose result this is.
    pub fn into_response(self, action: &str, request_id: &str) -> String {
        let result = self.text;
        format!(
            "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result>\
             <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
        )
    }
}

/// The whole answer to a call that failed.
pub fn error(kind: &str, code: &str, message: &str, request_id: &str) -> String {
    let mut xml = Xml::default();
    xml.element("Error", |xml| {
        xml.text("Type", kind);
        xml.text("Code", code);
        xml.text("Message", message);
    });
    xml.text("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{}</ErrorResponse>", xml.text)
}

/// Appends `bytes` as character data. What XML 1.0 cannot carry becomes one `?` a byte, so that lengths stay true; a
/// carriage return is written as a reference, or every reader would drop it.
fn escape(bytes: &[u8], out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '\r' => out.push_str("&#xD;"),
                '\t' | '\n' => out.push(letter),
                '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.extend((0..letter.len_utf8()).map(|_| '?')),
                _ => out.push(letter),
            }
        }
        out.extend(chunk.invalid().iter().map(|_| '?'));
    }
}
