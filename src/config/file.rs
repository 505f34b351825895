//! The file: `larder.toml`.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::Environment;
use super::interpolate::interpolate;
use super::key;
use super::lines::Lines;
use super::mistake::{Mistakes, Place};
use super::nearest::{is_slip, nearest, shown};
use super::setting::{Layer, Rank, Said, Setting, is_name};
use super::value::Value;

/// The file that is read if there is one.
const USUAL: &str = "larder.toml";

/// The variable that names another one.
pub(super) const VARIABLE: &str = "LARDER_CONFIG";

/// No configuration is larger; what is, is some other file.
const LARGEST: u64 = 256 * 1024;

/// And none has more caches.
const MOST: usize = 100;

/// What the file says that `LARDER_CONFIG` names, or else the usual one in this directory, if there
/// is one.
pub(super) fn find_and_read(
    directory: &Path,
    environment: &Environment,
    mistakes: &mut Mistakes,
) -> Layer {
    match environment.variable(VARIABLE) {
        Ok(Some(path)) => read(Path::new(path), environment, mistakes),
        Ok(None) => {
            let usual = directory.join(USUAL);
            match usual.try_exists() {
                Ok(false) => Layer::new(),
                // Why it cannot be looked at is what reading it says.
                Ok(true) | Err(_) => read(&usual, environment, mistakes),
            }
        }
        Err(problem) => {
            mistakes.note_hiding(&Place::Variable(VARIABLE.to_owned()), || {
                format!("the variable {problem}")
            });
            Layer::new()
        }
    }
}

/// What a file says, which must be there.
pub(super) fn read(path: &Path, environment: &Environment, mistakes: &mut Mistakes) -> Layer {
    let file: Arc<Path> = path.into();
    let place = Place::File(Arc::clone(&file));
    let bytes = match bytes(path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) => {
            mistakes.note_hiding(&place, || format!("the file cannot be read: {error}"));
            return Layer::new();
        }
    };
    match String::from_utf8(bytes) {
        Ok(source) => understand(&file, &source, environment, mistakes),
        Err(_) => {
            mistakes.note_hiding(&place, || "the file is not UTF-8 text".to_owned());
            Layer::new()
        }
    }
}

/// The bytes of a file of at most this size.
pub(super) fn bytes(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    // A pipe could keep the process waiting, a device never ends.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(largest + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        let largest = largest / 1024;
        return Err(io::Error::other(format!("it is larger than {largest} KiB")));
    }
    Ok(bytes)
}

fn understand(
    file: &Arc<Path>,
    source: &str,
    environment: &Environment,
    mistakes: &mut Mistakes,
) -> Layer {
    let (table, errors) = DeTable::parse_recoverable(source);
    let mut reader = Reader {
        lines: Lines::of(file, source),
        environment,
        mistakes,
        layer: Layer::new(),
    };
    // What a file means that is not TOML is anybody's guess: its syntax is all that is told.
    for error in &errors {
        let place = reader.lines.place(&error.span().unwrap_or_default());
        reader
            .mistakes
            .note_hiding(&place, || format!("this is not TOML: {}", error.message()));
    }
    if errors.is_empty() {
        reader.document(table.get_ref());
    }
    reader.layer
}

struct Reader<'a> {
    lines: Lines<'a>,
    environment: &'a Environment,
    mistakes: &'a mut Mistakes,
    layer: Layer,
}

impl Reader<'_> {
    fn document(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("caches", DeValue::Table(caches)) => self.caches(caches),
                ("caches", DeValue::Array(_)) => self.note_hiding(&name.span(), || {
                    "`caches` must be a table with one for each cache, not an array: write `[caches.default]` in place of `[[caches]]`".to_owned()
                }),
                ("caches", other) => self.note_hiding(&value.span(), || {
                    format!(
                        "`caches` must be a table with one for each cache, like `[caches.default]`, not {}",
                        kind(other)
                    )
                }),
                // Its tables may be meant for caches.
                (word, DeValue::Table(_) | DeValue::Array(_)) => {
                    self.note_hiding(&name.span(), || unknown_outside(word));
                }
                (word, _) => self.note(&name.span(), || unknown_outside(word)),
            }
        }
    }

    fn caches(&mut self, caches: &DeTable<'_>) {
        if caches.len() > MOST {
            let place = Place::File(Arc::clone(self.lines.file()));
            self.mistakes
                .note_hiding(&place, || format!("the file has more than {MOST} caches"));
            return;
        }
        for (name, value) in caches {
            let word = name.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(_) if !is_name(word) => self.note_hiding(&name.span(), || {
                    format!(
                        "the name of a cache has letters, digits, `-` and `_`, unlike `{}`",
                        shown(word)
                    )
                }),
                DeValue::Table(keys) => {
                    // Else it would be process memory that the functions without a name use.
                    if is_slip(word, "default") && !caches.contains_key("default") {
                        self.note(&name.span(), || {
                            format!("the cache of functions that name none is called `default`, not `{word}`: did you mean `[caches.default]`?")
                        });
                    }
                    let said = self.keys(keys);
                    self.layer.insert(word.to_owned(), said);
                }
                _ if key::named(word).is_some() => {
                    self.note(&name.span(), || unknown_outside(word));
                }
                other => self.note_hiding(&value.span(), || {
                    format!(
                        "`caches.{}` must be a table, like `[caches.{}]`, not {}",
                        shown(word),
                        shown(word),
                        kind(other)
                    )
                }),
            }
        }
    }

    fn keys(&mut self, keys: &DeTable<'_>) -> Vec<Said> {
        if keys.contains_key("uri")
            && let Some((name, _)) = keys.get_key_value("url")
        {
            self.note(&name.span(), || {
                "`url` is another name for `uri`: leave one of them out".to_owned()
            });
        }
        let mut said = Vec::new();
        for (name, value) in keys {
            let word = name.get_ref().as_ref();
            let Some(key) = key::named(word) else {
                self.note(&name.span(), || match key::nearest(word) {
                    Some(near) => {
                        format!("unknown key `{}`: did you mean `{near}`?", shown(word))
                    }
                    None => {
                        let known: Vec<&str> = key::names().collect();
                        format!("unknown key `{}`; known: {}", shown(word), known.join(", "))
                    }
                });
                continue;
            };
            let place = self.lines.place(&value.span());
            let (setting, is_hidden) = match self.value(value) {
                Ok(value) => (self.setting(key, &value, &place), value.is_hidden()),
                Err(problems) => {
                    for problem in problems {
                        self.mistakes
                            .note(&place, || format!("`{}` {problem}", key.name));
                    }
                    (None, true)
                }
            };
            said.push(Said {
                key: key.name,
                setting,
                rank: Rank::File,
                place,
                is_hidden,
            });
        }
        said
    }

    fn setting(&mut self, key: &key::Key, value: &Value, place: &Place) -> Option<Setting> {
        match (key.read)(value) {
            // A path in a file starts where the file lies, wherever the program is started.
            Ok(Setting::RootCertificates(path)) => {
                Some(Setting::RootCertificates(self.beside(&path)))
            }
            Ok(setting) => Some(setting),
            Err(problem) => {
                self.mistakes
                    .note(place, || format!("`{}` {problem}", key.name));
                None
            }
        }
    }

    fn beside(&self, path: &Path) -> PathBuf {
        let folder = self.lines.file().parent().unwrap_or(Path::new(""));
        folder.join(path)
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, Vec<String>> {
        Ok(match value.get_ref() {
            DeValue::String(text) => return interpolate(text, self.environment),
            DeValue::Integer(digits) => Value::Integer(
                u64::from_str_radix(digits.as_str(), digits.radix()).ok(),
                digits.to_string(),
            ),
            DeValue::Boolean(switch) => Value::Boolean(*switch),
            other => Value::Other(kind(other)),
        })
    }

    fn note(&mut self, span: &Range<usize>, problem: impl FnOnce() -> String) {
        let place = self.lines.place(span);
        self.mistakes.note(&place, problem);
    }

    fn note_hiding(&mut self, span: &Range<usize>, problem: impl FnOnce() -> String) {
        let place = self.lines.place(span);
        self.mistakes.note_hiding(&place, problem);
    }
}

/// What is said to a key that stands in no cache's table.
fn unknown_outside(word: &str) -> String {
    if key::named(word).is_some() {
        return format!("`{word}` belongs into the table of a cache, like `[caches.default]`");
    }
    match nearest(word, ["caches"]) {
        Some(near) => format!("unknown key `{}`: did you mean `{near}`?", shown(word)),
        None => format!(
            "unknown key `{}`: the file has tables of caches, like `[caches.default]`",
            shown(word)
        ),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
