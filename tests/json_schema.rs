//! A validator of the JSON Schemas that the program publishes, for the keywords that they use.
//!
//! With `SSL_USAGE_PEERS=1`, an independent validator checks the same.

use serde_json::Value;

/// What is wrong with a document, by a schema; none where nothing is.
///
/// # Panics
/// If the schema has a keyword that is not known here: it would not be checked.
pub fn objection(schema: &Value, document: &Value) -> Option<String> {
    Validator { root: schema }.check(schema, document, "")
}

struct Validator<'s> {
    root: &'s Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let keywords = schema.as_object().expect("a schema");
        keywords.iter().find_map(|(keyword, wanted)| {
            let wrong = |is_wrong: bool| is_wrong.then(|| format!("{at}: {keyword} {wanted}: {value}"));
            match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" => None,
                "$ref" => {
                    let path = wanted.as_str().and_then(|to| to.strip_prefix('#')).expect("a reference");
                    self.check(self.root.pointer(path).unwrap_or_else(|| panic!("{path}")), value, at)
                }
                "type" => {
                    let types = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
                    wrong(!types.iter().any(|of| is_of(of.as_str().expect("a type"), value)))
                }
                "const" => wrong(value != wanted),
                "enum" => wrong(!wanted.as_array().expect("values").contains(value)),
                "pattern" => {
                    let pattern = regex::Regex::new(wanted.as_str().expect("a pattern")).expect("a pattern");
                    wrong(value.as_str().is_some_and(|text| !pattern.is_match(text)))
                }
                "minimum" => wrong(value.as_f64().is_some_and(|number| number < wanted.as_f64().expect("a number"))),
                "maximum" => wrong(value.as_f64().is_some_and(|number| number > wanted.as_f64().expect("a number"))),
                "minItems" => wrong(
                    value.as_array().is_some_and(|items| (items.len() as u64) < wanted.as_u64().expect("a number")),
                ),
                "required" => {
                    let names = wanted.as_array().expect("names");
                    let lacks = |name: &Value| value.get(name.as_str().expect("a name")).is_none();
                    wrong(value.is_object() && names.iter().any(lacks))
                }
                "properties" => wanted.as_object().expect("properties").iter().find_map(|(name, of)| {
                    value.get(name).and_then(|value| self.check(of, value, &format!("{at}/{name}")))
                }),
                "additionalProperties" => {
                    let known = keywords.get("properties").and_then(Value::as_object);
                    let fields = value.as_object().into_iter().flatten();
                    let mut others = fields.filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
                    match wanted {
                        Value::Bool(allowed) => wrong(!allowed && others.next().is_some()),
                        of => others.find_map(|(name, value)| self.check(of, value, &format!("{at}/{name}"))),
                    }
                }
                "items" => {
                    let mut items = value.as_array().into_iter().flatten().enumerate();
                    items.find_map(|(index, item)| self.check(wanted, item, &format!("{at}/{index}")))
                }
                "allOf" => wanted.as_array().expect("schemas").iter().find_map(|of| self.check(of, value, at)),
                "anyOf" => wrong(self.matching(wanted, value, at) == 0),
                "oneOf" => wrong(self.matching(wanted, value, at) != 1),
                other => panic!("the keyword {other} is not checked"),
            }
        })
    }

    fn matching(&self, schemas: &Value, value: &Value, at: &str) -> usize {
        schemas.as_array().expect("schemas").iter().filter(|of| self.check(of, value, at).is_none()).count()
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the type {other} is not known"),
    }
}
