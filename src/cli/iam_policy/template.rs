//! Policies as templates of CloudFormation and files of Terraform.

use std::fmt;
use std::io::{self, Write};

use askama::Template;
use askama::filters::Escaper;

use super::permissions::Statement;
use super::{Holder, Policy};

#[derive(Template)]
#[template(path = "cloudformation/reader.yaml")]
struct ReaderStack<'p> {
    statements: &'p [Statement],
}

#[derive(Template)]
#[template(path = "cloudformation/caller.yaml")]
struct CallerStack<'p> {
    statements: &'p [Statement],
}

#[derive(Template)]
#[template(path = "terraform/reader.tf")]
struct ReaderModule<'p> {
    statements: &'p [Statement],
}

#[derive(Template)]
#[template(path = "terraform/caller.tf")]
struct CallerModule<'p> {
    statements: &'p [Statement],
}

pub(super) fn cloudformation(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    let statements = &policy.statements;
    match policy.holder {
        Holder::Reader => print(&ReaderStack { statements }, out),
        Holder::Caller => print(&CallerStack { statements }, out),
    }
}

pub(super) fn terraform(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    let statements = &policy.statements;
    match policy.holder {
        Holder::Reader => print(&ReaderModule { statements }, out),
        Holder::Caller => print(&CallerModule { statements }, out),
    }
}

fn print(template: &impl Template, mut out: &mut dyn Write) -> io::Result<()> {
    Template::write_into(template, &mut out)?;
    writeln!(out)
}

/// A text as a double-quoted string of YAML. Everything that a template prints goes through it.
///
/// Source: YAML 1.2.2, section 5.7, "Escaped Characters".
#[derive(Clone, Copy, Debug)]
struct Yaml;

impl Escaper for Yaml {
    fn write_escaped_str<W: fmt::Write>(&self, out: W, text: &str) -> fmt::Result {
        quote(out, text)
    }
}

/// A text as a quoted string of Terraform's language, in which nothing is expanded.
///
/// Source: "Strings and Templates" in the documentation of the Terraform language.
#[derive(Clone, Copy, Debug)]
struct Hcl;

impl Escaper for Hcl {
    fn write_escaped_str<W: fmt::Write>(&self, out: W, text: &str) -> fmt::Result {
        quote(out, &text.replace("${", "$${").replace("%{", "%%{"))
    }
}

/// A text between double quotes. Both languages know these escapes.
fn quote<W: fmt::Write>(mut out: W, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for letter in text.chars() {
        match letter {
            '"' | '\\' => write!(out, "\\{letter}")?,
            ' '..='~' => out.write_char(letter)?,
            _ => write!(out, "\\U{:08X}", u32::from(letter))?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escaper: impl Escaper, text: &str) -> String {
        let mut out = String::new();
        escaper.write_escaped_str(&mut out, text).expect("text");
        out
    }

    #[test]
    fn a_text_stays_one_string() {
        assert_eq!(escaped(Yaml, "rds:DescribeEvents"), r#""rds:DescribeEvents""#);
        assert_eq!(escaped(Yaml, "a\"b\\c\n\u{7f}é${d}"), r#""a\"b\\c\U0000000A\U0000007F\U000000E9${d}""#);
        assert_eq!(escaped(Hcl, "${a}%{b}$$"), r#""$${a}%%{b}$$""#);
    }
}
