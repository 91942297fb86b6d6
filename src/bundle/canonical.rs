//! JSON in one form: without white space, and the members of objects by name. It is built as it is read, and takes about as
//! much memory as the text.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as Derive, Serialize};

use super::atomic_file::sha256;

/// A value in the one form. Of members with one name the last counts.
#[derive(Debug, PartialEq, Eq)]
struct Canonical(String);

impl<'de> Deserialize<'de> for Canonical {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Form).map(Self)
    }
}

struct Form;

fn text<E: serde::de::Error>(value: &(impl Serialize + ?Sized)) -> Result<String, E> {
    serde_json::to_string(value).map_err(E::custom)
}

impl<'de> Visitor<'de> for Form {
    type Value = String;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<String, E> {
        Ok("null".to_owned())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<String, E> {
        text(&value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<String, E> {
        text(&value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<String, E> {
        text(&value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<String, E> {
        text(&value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<String, E> {
        text(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<String, A::Error> {
        let mut form = "[".to_owned();
        while let Some(Canonical(item)) = items.next_element()? {
            if form.len() > 1 {
                form.push(',');
            }
            form += &item;
        }
        Ok(form + "]")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<String, A::Error> {
        let mut sorted = BTreeMap::new();
        while let Some((name, Canonical(value))) = members.next_entry::<String, _>()? {
            sorted.insert(name, value);
        }
        let mut form = "{".to_owned();
        for (name, value) in &sorted {
            if form.len() > 1 {
                form.push(',');
            }
            form += &text::<A::Error>(name)?;
            form.push(':');
            form += value;
        }
        Ok(form + "}")
    }
}

/// The digests of what an inventory says of its instances, in their order, with all that newer versions added.
#[derive(Debug, Derive)]
pub(super) struct Profiles {
    instances: Vec<Profile>,
}

/// The digest of one instance.
#[derive(Debug)]
struct Profile(String);

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Canonical::deserialize(from).map(|form| Self(sha256(form.0.as_bytes())))
    }
}

impl Profiles {
    pub fn digests(self) -> impl Iterator<Item = String> {
        self.instances.into_iter().map(|Profile(digest)| digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_that_of_a_value_that_is_read_whole() {
        let texts = [
            r#"{ "b": [1, -2, 3.50, 1e5, null, true], "a": {"z": "\u00e9\n\"", "": {}}, "b2": [[], [{}]] }"#,
            r#"{"a": 1, "b": 2, "a": 3}"#,
            "18446744073709551615",
        ];
        for text in texts {
            let whole: serde_json::Value = serde_json::from_str(text).expect("JSON");
            let form: Canonical = serde_json::from_str(text).expect("JSON");
            assert_eq!(form.0, whole.to_string());
        }
    }
}
