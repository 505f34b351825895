//! `invalidate_on!(..)`: what an event invalidates, said and not programmed.

use serde_json::Value;

use super::failure::{Failure, unreadable};
use super::handler::Payload;
use crate::cache::Targets;
use crate::caches;
use crate::key::{Key, KeyPart, KeyWriter, ValueWriter};
use crate::tag::Tag;

/// What an event invalidates, where the payload's type is not given: fields are looked up by name.
#[doc(hidden)]
#[derive(Debug)]
pub struct Rule {
    pub tags: &'static [Template],
    pub keys: &'static [Template],
    pub namespace: Option<Template>,
    pub cache: Option<&'static str>,
}

#[doc(hidden)]
pub type Template = &'static [Piece];

/// A piece of a template.
#[doc(hidden)]
#[derive(Debug)]
pub enum Piece {
    Text(&'static str),
    Field {
        path: &'static [&'static str],
        /// What follows is escaped in the value too.
        before: Option<char>,
    },
}

/// Invalidates what the rule says of this payload: everything, or nothing if a field is missing.
#[doc(hidden)]
pub async fn apply(rule: &Rule, payload: Payload) -> Result<(), Failure> {
    let targets = {
        let payload: Value =
            serde_json::from_slice(&payload).map_err(|error| unreadable("JSON object", &error))?;
        targets(rule, &payload)?
    };
    invalidate_on(rule.cache, targets).await
}

/// Invalidates `targets` in the cache that the rule names.
#[doc(hidden)]
pub async fn invalidate_on(cache: Option<&str>, targets: Targets) -> Result<(), Failure> {
    let cache = caches::find(cache).map_err(|error| Failure::Returned(error.to_string()))?;
    // What the store cannot take is retried by the cache itself.
    cache.invalidate(targets).await;
    Ok(())
}

fn targets(rule: &Rule, payload: &Value) -> Result<Targets, Failure> {
    let mut targets = Targets::default();
    for template in rule.tags {
        let pieces = resolve(template, payload)?;
        targets = targets.tag(Tag::render(|out| write(&pieces, out)));
    }
    let namespace = rule
        .namespace
        .map(|template| resolve(template, payload))
        .transpose()?;
    for template in rule.keys {
        let pieces = resolve(template, payload)?;
        targets.push_key(match &namespace {
            Some(namespace) => {
                Key::render_in(|out| write(namespace, out), |out| write(&pieces, out))
            }
            None => Key::render(|out| write(&pieces, out)),
        });
    }
    Ok(targets)
}

enum Resolved<'p> {
    Text(&'static str),
    Value(Scalar<'p>, Option<char>),
}

fn resolve<'p>(template: Template, payload: &'p Value) -> Result<Vec<Resolved<'p>>, Failure> {
    template
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => Ok(Resolved::Text(text)),
            Piece::Field { path, before } => {
                Ok(Resolved::Value(Scalar::at(path, payload)?, *before))
            }
        })
        .collect()
}

fn write(pieces: &[Resolved<'_>], out: &mut KeyWriter<'_>) {
    for piece in pieces {
        match piece {
            Resolved::Text(text) => out.text(text),
            Resolved::Value(value, None) => out.value(value),
            Resolved::Value(value, Some(before)) => out.value_before(value, *before),
        }
    }
}

/// A value that is written as the Rust value is that it was encoded from.
struct Scalar<'p>(&'p Value);

impl<'p> Scalar<'p> {
    fn at(path: &[&str], payload: &'p Value) -> Result<Self, Failure> {
        let refused = |problem: &str| {
            let path = path.join(".");
            Err(Failure::Unreadable(format!("{problem} `{path}`")))
        };
        let mut value = payload;
        for name in path {
            let found = match value {
                Value::Array(items) => name.parse().ok().and_then(|at: usize| items.get(at)),
                _ => value.get(name),
            };
            let Some(found) = found else {
                return refused("it has no field");
            };
            value = found;
        }
        match value {
            Value::Array(_) | Value::Object(_) => refused("there is no single value in the field"),
            // Integers of more than 64 bits lose digits on the way.
            Value::Number(number) if number.as_f64().is_some_and(is_rounded) && number.is_f64() => {
                refused("there are too many digits, send it as a text, in the field")
            }
            _ => Ok(Self(value)),
        }
    }
}

fn is_rounded(number: f64) -> bool {
    number.abs() >= i64::MAX as f64
}

impl KeyPart for Scalar<'_> {
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        match self.0 {
            Value::String(text) => out.text(text),
            Value::Bool(value) => value.write(out),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => number.write(out),
                (_, Some(number), _) => number.write(out),
                (.., Some(number)) => number.write(out),
                _ => out.display(number),
            },
            // Composed values are refused before.
            Value::Null | Value::Array(_) | Value::Object(_) => out.none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(payload: &str) -> Result<String, Failure> {
        const RULE: Rule = Rule {
            tags: &[&[
                Piece::Text("user:"),
                Piece::Field {
                    path: &["user", "id"],
                    before: Some('-'),
                },
                Piece::Text("-x"),
            ]],
            keys: &[],
            namespace: None,
            cache: None,
        };
        let payload = serde_json::from_str(payload).expect("it is JSON");
        let targets = targets(&RULE, &payload)?;
        Ok(format!("{targets:?}"))
    }

    /// What a template of an attribute renders for the same value.
    fn expected(value: impl KeyPart) -> String {
        let tag = Tag::render(|out| {
            out.text("user:");
            out.value_before(value, '-');
            out.text("-x");
        });
        format!("{:?}", Targets::default().tag(tag))
    }

    #[test]
    fn a_field_is_written_as_the_value_it_was_encoded_from() {
        for (json, expected) in [
            ("7", expected(7_u64)),
            ("-7", expected(-7_i64)),
            ("18446744073709551615", expected(u64::MAX)),
            ("true", expected(true)),
            ("0.1", expected(0.1_f32)),
            ("2.0", expected(2_f64)),
            ("1e300", String::new()),
            ("null", expected(None::<u8>)),
            ("\"\"", expected("")),
            ("\"a-b\"", expected("a-b")),
            ("\"7}:*\"", expected("7}:*")),
            ("\"%-\"", expected("%-")),
        ] {
            let rendered = tag(&format!("{{\"user\":{{\"id\":{json}}}}}"));
            assert_eq!(rendered.unwrap_or_default(), expected, "{json}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_refused_by_name() {
        for (payload, problem) in [
            ("{}", "it has no field `user.id`"),
            ("7", "it has no field `user.id`"),
            ("{\"user\":[1,2]}", "it has no field `user.id`"),
            (
                "{\"user\":{\"id\":[1]}}",
                "there is no single value in the field `user.id`",
            ),
            (
                "{\"user\":{\"id\":340282366920938463463374607431768211455}}",
                "there are too many digits, send it as a text, in the field `user.id`",
            ),
        ] {
            assert_eq!(
                tag(payload),
                Err(Failure::Unreadable(problem.to_owned())),
                "{payload}"
            );
        }
    }
}
