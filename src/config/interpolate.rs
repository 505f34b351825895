//! `${VAR}` in the texts of a file: what must not stand there comes from the environment.

use super::environment::Environment;
use super::nearest::shown;
use super::value::Value;

/// No setting is longer, however often a text names a long variable.
const LONGEST: usize = 64 * 1024;

/// The text with the variables' values in place of `${VAR}`, and `$` in place of `$$`. What a
/// variable says is taken as it is, `$` included.
///
/// # Errors
/// Everything that is wrong with the text.
pub(super) fn interpolate(text: &str, environment: &Environment) -> Result<Value, Vec<String>> {
    let mut problems = Vec::new();
    let mut value = String::new();
    let mut is_hidden = false;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        value.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            value.push('$');
            rest = after;
            continue;
        }
        let Some((name, after)) = after
            .strip_prefix('{')
            .and_then(|name| name.split_once('}'))
        else {
            problems.push(
                "has a `$` that begins no `${VARIABLE}`: the character itself is written `$$`"
                    .to_owned(),
            );
            rest = after;
            continue;
        };
        rest = after;
        is_hidden = true;
        match variable(name, environment) {
            // Inside a URL it would be taken for structure: a part of a password for the host.
            Ok(text) if value.contains("://") && text.contains(['/', '?', '#', '@']) => {
                problems.push(format!(
                    "wants the variable `{name}`, which has a `/`, `?`, `#` or `@` in it: in a URL they must be percent-encoded"
                ));
            }
            Ok(text) => value.push_str(text),
            Err(problem) => problems.push(problem),
        }
        if value.len() > LONGEST {
            problems.push("is longer than 64 KiB with its variables filled in".to_owned());
            break;
        }
    }
    value.push_str(rest);
    if !problems.is_empty() {
        problems.dedup();
        Err(problems)
    } else if is_hidden {
        Ok(Value::Hidden(value))
    } else {
        Ok(Value::Text(value))
    }
}

fn variable<'e>(name: &str, environment: &'e Environment) -> Result<&'e str, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(format!(
            "has `${{{}}}`: a variable's name has letters, digits and `_`",
            shown(name)
        ));
    }
    match environment.variable(name) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(format!(
            "wants the variable `{}`, which is not set",
            shown(name)
        )),
        Err(problem) => Err(format!(
            "wants the variable `{}`, which {problem}",
            shown(name)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, Vec<String>> {
        let environment = Environment::from([
            ("USER", "ada"),
            ("PASS", "hunt$er2"),
            ("EMPTY", ""),
            ("URL", "redis://b"),
        ]);
        interpolate(text, &environment).map(|value| format!("{value:?}"))
    }

    #[test]
    fn variables_are_filled_in_and_hidden() {
        for (text, expected) in [
            ("plain", "Text(\"plain\")"),
            ("", "Text(\"\")"),
            ("a$$b$${USER}", "Text(\"a$b${USER}\")"),
            ("${USER}", "Hidden(\"ada\")"),
            ("${URL}/2", "Hidden(\"redis://b/2\")"),
            (
                "redis://${USER}:${PASS}@host",
                "Hidden(\"redis://ada:hunt$er2@host\")",
            ),
        ] {
            assert_eq!(with(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_problem_of_a_text_is_told() {
        for (text, expected) in [
            (
                "redis://:${URL}@host",
                &[
                    "wants the variable `URL`, which has a `/`, `?`, `#` or `@` in it: in a URL they must be percent-encoded",
                ][..],
            ),
            (
                "${NOBODY}:${EMPTY}",
                &[
                    "wants the variable `NOBODY`, which is not set",
                    "wants the variable `EMPTY`, which is not set",
                ][..],
            ),
            (
                "$USER",
                &["has a `$` that begins no `${VARIABLE}`: the character itself is written `$$`"],
            ),
            (
                "${USER",
                &["has a `$` that begins no `${VARIABLE}`: the character itself is written `$$`"],
            ),
            (
                "${}",
                &["has `${}`: a variable's name has letters, digits and `_`"],
            ),
            (
                "${USER:-ada}",
                &["has `${USER:-ada}`: a variable's name has letters, digits and `_`"],
            ),
        ] {
            assert_eq!(with(text).expect_err("it is wrong"), expected, "{text}");
        }
    }

    #[test]
    fn a_text_does_not_grow_without_end() {
        let long = "x".repeat(1_000);
        let environment = Environment::from([("LONG", long.as_str())]);
        let problems = interpolate(&"${LONG}".repeat(10_000), &environment).expect_err("too long");
        assert_eq!(
            problems,
            ["is longer than 64 KiB with its variables filled in"]
        );
    }
}
