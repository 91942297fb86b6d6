//! Formats: each kind of document has a table of them, and each row names its writer.

use std::io::{self, Write};

use serde::Serialize;

use super::Layout;

/// Who reads what a format prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person: errors of the run stand in what is printed.
    Person,
    /// A program that takes lines, which have no room for errors.
    Lines,
    /// A program that takes one document, and gets a whole one whatever happens: nothing on standard output could be read
    /// as "clean".
    Document,
}

/// A format of documents of type `D`.
#[derive(Debug)]
pub struct Format<D> {
    /// The word that selects it, as in `--format json`.
    pub name: &'static str,
    /// What it is for, for the help.
    pub help: &'static str,
    /// Who reads it.
    pub reader: Reader,
    /// What writes it.
    pub writer: fn(&D, &Layout, &mut dyn Write) -> io::Result<()>,
}

impl<D> Format<D> {
    /// The format of this name, if there is one.
    pub fn named(all: &'static [Self], name: &str) -> Option<&'static Self> {
        all.iter().find(|format| format.name == name)
    }

    /// Writes a document.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written.
    pub fn write(&self, document: &D, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
        (self.writer)(document, layout, out)
    }
}

impl<D: Serialize> Format<D> {
    /// JSON: the whole document, and the end of a line.
    pub const fn json(help: &'static str) -> Self {
        let writer = |document: &D, _: &Layout, out: &mut dyn Write| {
            serde_json::to_writer_pretty(&mut *out, document)?;
            writeln!(out)
        };
        Self { name: "json", help, reader: Reader::Document, writer }
    }
}
