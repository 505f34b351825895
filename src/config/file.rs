//! The file: `larder.toml`.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder_core::{LayerName, NoLayer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::Environment;
use super::interpolate::interpolate;
use super::key;
use super::lines::Lines;
use super::mistake::{Mistakes, Place};
use super::nearest::{is_slip, nearest, shown};
use super::setting::{Rank, Said, Setting, Source, is_name};
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
) -> Source {
    match environment.variable(VARIABLE) {
        Ok(Some(path)) => read(Path::new(path), environment, mistakes),
        Ok(None) => {
            let usual = directory.join(USUAL);
            match usual.try_exists() {
                Ok(false) => Source::new(),
                // Why it cannot be looked at is what reading it says.
                Ok(true) | Err(_) => read(&usual, environment, mistakes),
            }
        }
        Err(problem) => {
            mistakes.note_hiding(&Place::Variable(VARIABLE.to_owned()), || {
                format!("the variable {problem}")
            });
            Source::new()
        }
    }
}

/// What a file says, which must be there.
pub(super) fn read(path: &Path, environment: &Environment, mistakes: &mut Mistakes) -> Source {
    let file: Arc<Path> = path.into();
    let place = Place::File(Arc::clone(&file));
    let bytes = match bytes(path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) => {
            mistakes.note_hiding(&place, || format!("the file cannot be read: {error}"));
            return Source::new();
        }
    };
    match String::from_utf8(bytes) {
        Ok(source) => understand(&file, &source, environment, mistakes),
        Err(_) => {
            mistakes.note_hiding(&place, || "the file is not UTF-8 text".to_owned());
            Source::new()
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
) -> Source {
    let (table, errors) = DeTable::parse_recoverable(source);
    let mut reader = Reader {
        lines: Lines::of(file, source),
        environment,
        mistakes,
        said: Source::new(),
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
    reader.said
}

struct Reader<'a> {
    lines: Lines<'a>,
    environment: &'a Environment,
    mistakes: &'a mut Mistakes,
    said: Source,
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
                    let mut said = self.keys(keys, None);
                    if let Some((name, layers)) = keys.get_key_value(key::LAYERS) {
                        self.layers(name, word, layers, &mut said);
                    }
                    self.said.insert(word.to_owned(), said);
                }
                _ if word == key::LAYERS || key::named(word).is_some() => {
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

    fn layers(
        &mut self,
        name: &Spanned<Cow<'_, str>>,
        cache: &str,
        layers: &Spanned<DeValue<'_>>,
        said: &mut Vec<Said>,
    ) {
        let looks = || format!("like `[caches.{cache}.layers.l1]`");
        let layers = match layers.get_ref() {
            DeValue::Table(layers) => layers,
            DeValue::Array(_) => {
                return self.note(&name.span(), || {
                    format!("`layers` must be a table with one for each layer, not an array: write it {}", looks())
                });
            }
            other => {
                return self.note(&layers.span(), || {
                    format!(
                        "`layers` must be a table with one for each layer, {}, not {}",
                        looks(),
                        kind(other)
                    )
                });
            }
        };
        for (name, value) in layers {
            let word = name.get_ref().as_ref();
            match (word.parse::<LayerName>(), value.get_ref()) {
                (Ok(layer), DeValue::Table(keys)) => {
                    let before = said.len();
                    said.extend(self.keys(keys, Some(layer)));
                    if said.len() == before {
                        // A table without a key speaks of its layer, too.
                        let place = self.lines.place(&name.span());
                        said.push(Said::of_nothing(layer, Rank::File, place));
                    }
                }
                (Ok(layer), other) => self.note(&value.span(), || {
                    format!("`layers.{layer}` must be a table, like `[caches.{cache}.layers.{layer}]`, not {}", kind(other))
                }),
                (Err(_), _) if key::named(word).is_some() => self.note(&name.span(), || {
                    format!("`{word}` belongs into the table of a layer, {}", looks())
                }),
                (Err(none), _) => self.note(&name.span(), || no_layer(word, none)),
            }
        }
    }

    fn keys(&mut self, keys: &DeTable<'_>, layer: Option<LayerName>) -> Vec<Said> {
        let mut said: Vec<Said> = Vec::new();
        for (name, value) in keys {
            let word = name.get_ref().as_ref();
            if word == key::LAYERS && layer.is_none() {
                continue;
            }
            let Some((key, word)) = key::named(word) else {
                self.note(&name.span(), || match key::nearest(word, layer) {
                    Some(near) => {
                        format!("unknown key `{}`: did you mean `{near}`?", shown(word))
                    }
                    None => {
                        let known: Vec<&str> = key::names(layer).collect();
                        format!("unknown key `{}`; known: {}", shown(word), known.join(", "))
                    }
                });
                continue;
            };
            let twin = said.iter().position(|other| other.key == key.name);
            let place = self.lines.place(&value.span());
            let (setting, is_hidden) = match self.value(value) {
                Ok(value) => (self.setting(key, word, &value, &place), value.is_hidden()),
                Err(problems) => {
                    for problem in problems {
                        self.mistakes.note(&place, || format!("`{word}` {problem}"));
                    }
                    (None, true)
                }
            };
            said.push(Said {
                layer,
                key: key.name,
                word,
                setting,
                rank: Rank::File,
                place,
                is_hidden,
            });
            if let Some(twin) = twin {
                // The one whose other name it is stays, wherever it stands.
                let alias = [twin, said.len() - 1]
                    .into_iter()
                    .find(|at| Some(said[*at].word) == key.alias);
                let alias = said.remove(alias.unwrap_or(twin));
                let at = keys.get_key_value(alias.word);
                let at = at.map_or_else(|| name.span(), |(name, _)| name.span());
                self.note(&at, || {
                    format!(
                        "`{}` is another name for `{}`: leave one of them out",
                        alias.word, key.name
                    )
                });
            }
        }
        said
    }

    fn setting(
        &mut self,
        key: &key::Key,
        word: &str,
        value: &Value,
        place: &Place,
    ) -> Option<Setting> {
        // A path in a file starts where the file lies, wherever the program is started.
        let setting = (key.read)(value).map(|setting| match setting {
            Setting::Path(path) => Setting::Path(self.beside(&path)),
            Setting::RootCertificates(path) => Setting::RootCertificates(self.beside(&path)),
            Setting::ClientCertificate(path) => Setting::ClientCertificate(self.beside(&path)),
            Setting::ClientKey(path) => Setting::ClientKey(self.beside(&path)),
            other => other,
        });
        setting
            .map_err(|problem| self.mistakes.note(place, || format!("`{word}` {problem}")))
            .ok()
    }

    fn beside(&self, path: &Path) -> PathBuf {
        let folder = self.lines.file().parent().unwrap_or(Path::new(""));
        folder.join(path)
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, Vec<String>> {
        match value.get_ref() {
            DeValue::Array(items) => items
                .iter()
                .map(|item| self.one(item))
                .collect::<Result<_, _>>()
                .map(Value::List),
            _ => self.one(value),
        }
    }

    fn one(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, Vec<String>> {
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
    if word == key::LAYERS {
        return format!(
            "`{word}` belongs into the table of a cache, like `[caches.default.layers.l1]`"
        );
    }
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

/// What is said to a name that no layer has.
pub(super) fn no_layer(word: &str, none: NoLayer) -> String {
    let word = shown(word);
    match nearest(
        &word.to_ascii_lowercase(),
        LayerName::ALL.map(LayerName::as_str),
    ) {
        Some(near) => format!("there is no layer `{word}`: did you mean `{near}`?"),
        None => format!("there is no layer `{word}`: {none}"),
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
