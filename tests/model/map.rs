//! The model: what each operation means, in a map and nothing else.

use std::collections::BTreeMap;

use super::answer::{Answer, Failure, Seen};
use super::operation::{Life, Name, Operation, Options};

#[derive(Debug, Default)]
pub(crate) struct Map {
    /// Milliseconds since the sequence began.
    now: u64,
    entries: BTreeMap<Name, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// `None` for something that is not a number.
    number: Option<i64>,
    tags: Vec<&'static str>,
    created_at: u64,
    expires_at: Option<u64>,
}

impl Entry {
    fn seen(&self, (name, namespace): Name) -> Option<Seen> {
        // In a namespace, a tag of the key's own name is what stands in for none.
        let is_own = !namespace.is_empty() && self.tags == [name];
        let mut tags: Vec<String> = self.tags.iter().map(|tag| (*tag).to_owned()).collect();
        tags.retain(|_| !is_own);
        tags.sort();
        Some(Seen {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            number: self.number?,
            tags,
            created_at: self.created_at,
            expires_at: self.expires_at,
        })
    }

    fn left(&self, now: u64) -> Life {
        self.expires_at.map(|expires_at| expires_at - now)
    }
}

impl Map {
    /// A load with the tags of the entry that is there, if there is one.
    pub(crate) fn with_known_tags(&self, operation: &Operation) -> Operation {
        let mut operation = operation.clone();
        if let Operation::Load(name, _, options) = &mut operation
            && let Some(entry) = self.entries.get(name)
        {
            options.tags.clone_from(&entry.tags);
        }
        operation
    }

    pub(crate) fn answer(&mut self, operation: &Operation) -> Answer {
        use Operation::*;
        match operation {
            Advance(by) => {
                self.now += by;
                let now = self.now;
                self.entries
                    .retain(|_, entry| entry.expires_at.is_none_or(|at| at > now));
                Answer::Done
            }
            Get(name) => Answer::Number(self.number(name)),
            GetMany(names) => Answer::Numbers(names.iter().map(|name| self.number(name)).collect()),
            Exists(name) => Answer::Whether(self.entries.contains_key(name)),
            Entry(name) => {
                Answer::Entry(self.entries.get(name).and_then(|entry| entry.seen(*name)))
            }
            Ttl(name) => Answer::Left(self.entries.get(name).map(|entry| entry.left(self.now))),
            Set(name, number, options) => {
                self.put(*name, Some(*number), options);
                Answer::Done
            }
            SetText(name, options) => {
                self.put(*name, None, options);
                Answer::Done
            }
            SetMany(namespace, values, options) => {
                for (name, number) in values {
                    self.put((name, namespace), Some(*number), options);
                }
                Answer::Done
            }
            SetIfAbsent(name, number, options) => {
                let is_absent = !self.entries.contains_key(name);
                if is_absent {
                    self.put(*name, Some(*number), options);
                }
                Answer::Whether(is_absent)
            }
            Load(name, number, options) => {
                if self.number(name).is_none() {
                    self.put(*name, Some(*number), options);
                }
                Answer::Number(self.number(name))
            }
            Increment(name, by, options) => self.count(*name, Some(*by), options),
            Decrement(name, by, options) => self.count(*name, by.checked_neg(), options),
            SetTtl(name, life) => Answer::Whether(self.touch(name, *life)),
            Persist(name) => Answer::Whether(self.touch(name, None)),
            GetAndTouch(name, life) => {
                let number = self.number(name);
                if number.is_some() {
                    self.touch(name, *life);
                }
                Answer::Number(number)
            }
            GetAndDelete(name) => {
                let number = self.number(name);
                self.entries.remove(name);
                Answer::Number(number)
            }
            Delete(name) => Answer::Whether(self.entries.remove(name).is_some()),
            InvalidateKey(name) => {
                self.entries.remove(name);
                Answer::Done
            }
            DeleteMany(names) => self.remove(|name, _| names.contains(name)),
            DeleteByPattern(text, of) => {
                self.remove(|(name, namespace), _| namespace == of && is_meant(text, name))
            }
            DeleteByNamespace(of) => {
                self.remove(|(_, namespace), _| !namespace.is_empty() && namespace == of)
            }
            InvalidateNamespace(of) => {
                self.remove(|(_, namespace), _| !namespace.is_empty() && namespace == of);
                Answer::Done
            }
            DeleteByTags(tags) => self.remove(|name, entry| is_reached(tags, name, entry)),
            InvalidateTags(tags) => {
                self.remove(|name, entry| is_reached(tags, name, entry));
                Answer::Done
            }
            Clear => {
                self.entries.clear();
                Answer::Done
            }
            CleanUp => Answer::Done,
            Count(text, namespace) => Answer::Count(self.meant(text, namespace).len() as u64),
            Keys(text, namespace) => Answer::Keys(
                self.meant(text, namespace)
                    .into_iter()
                    .map(|((name, namespace), _)| (name.to_owned(), namespace.to_owned()))
                    .collect(),
            ),
            Entries(text, namespace, _) => Answer::Entries(
                self.meant(text, namespace)
                    .into_iter()
                    .filter_map(|(name, entry)| entry.seen(name))
                    .collect(),
            ),
        }
    }

    fn number(&self, name: &Name) -> Option<i64> {
        self.entries.get(name)?.number
    }

    fn put(&mut self, name: Name, number: Option<i64>, options: &Options) {
        let entry = Entry {
            number,
            tags: options.tags.clone(),
            created_at: self.now,
            expires_at: options.life.map(|life| self.now + life),
        };
        self.entries.insert(name, entry);
    }

    fn touch(&mut self, name: &Name, life: Life) -> bool {
        let expires_at = life.map(|life| self.now + life);
        let entry = self.entries.get_mut(name);
        entry.map(|entry| entry.expires_at = expires_at).is_some()
    }

    /// `None` is the negative of the least number, which there is not.
    fn count(&mut self, name: Name, by: Option<i64>, options: &Options) -> Answer {
        let Some(by) = by else {
            return Answer::Failed(Failure::Overflow);
        };
        let Some(entry) = self.entries.get_mut(&name) else {
            self.put(name, Some(by), options);
            return Answer::Number(Some(by));
        };
        let Some(number) = entry.number else {
            return Answer::Failed(Failure::NotANumber);
        };
        let Some(sum) = number.checked_add(by) else {
            return Answer::Failed(Failure::Overflow);
        };
        entry.number = Some(sum);
        Answer::Number(Some(sum))
    }

    fn remove(&mut self, is_meant: impl Fn(&Name, &Entry) -> bool) -> Answer {
        let before = self.entries.len();
        self.entries.retain(|name, entry| !is_meant(name, entry));
        Answer::Count((before - self.entries.len()) as u64)
    }

    /// In the order of names, then namespaces.
    fn meant(&self, text: &str, of: &str) -> Vec<(Name, &Entry)> {
        self.entries
            .iter()
            .filter(|((name, namespace), _)| *namespace == of && is_meant(text, name))
            .map(|(name, entry)| (*name, entry))
            .collect()
    }
}

/// Its tags; the key as its own tag, where it has no other; and the key of a tag's name.
fn is_reached(tags: &[&str], (name, namespace): &Name, entry: &Entry) -> bool {
    tags.iter().any(|tag| {
        entry.tags.contains(tag) || (tag == name && (namespace.is_empty() || entry.tags.is_empty()))
    })
}

/// The eight patterns that sequences use, each by what it means.
fn is_meant(text: &str, name: &str) -> bool {
    match text {
        "*" => true,
        "a*" => name.starts_with('a'),
        "?" => name.chars().count() == 1,
        "[ab]" => name == "a" || name == "b",
        "[^a]*" => !name.is_empty() && !name.starts_with('a'),
        r"\*" => name == "*",
        literal => name == literal,
    }
}
