//! Tags and keys by their templates.

use super::pattern::{Pattern, Place, Values, without_names};
use super::templates::Templates;

/// A tag, or a key without its namespace.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) text: String,
    /// The same without the names of placeholders.
    pub(super) shape: String,
    pattern: Pattern,
    values: Values<'static>,
    place: Place,
}

impl Name {
    pub(super) fn new(template: &str, templates: &Templates, place: Place) -> Self {
        let values = Values {
            integers: templates.integers,
            texts: templates.texts,
            are_strange: false,
        };
        Self {
            text: template.to_owned(),
            shape: without_names(template),
            pattern: Pattern::new(template, values, place),
            values,
            place,
        }
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.pattern.overlaps(&other.pattern)
    }

    /// Whether they overlap also if no value of an unknown type looks like literal text. Asked of few.
    fn surely_overlaps(&self, other: &Self) -> bool {
        self.strict().overlaps(&other.strict())
    }

    fn strict(&self) -> Pattern {
        let values = Values {
            are_strange: true,
            ..self.values
        };
        Pattern::new(&self.text, values, self.place)
    }
}

/// A key, and the namespace that it is in.
#[derive(Debug, Clone)]
pub(super) struct KeyName {
    pub(super) namespace: Option<Name>,
    pub(super) name: Name,
}

impl KeyName {
    pub(super) fn new(template: &str, templates: &Templates) -> Self {
        let namespace = templates.namespace;
        Self {
            namespace: namespace.map(|name| Name::new(name, templates, Place::Namespace)),
            name: Name::new(template, templates, Place::KeyOrTag),
        }
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.overlaps_by(other, Name::overlaps)
    }

    pub(super) fn surely_overlaps(&self, other: &Self) -> bool {
        self.overlaps_by(other, Name::surely_overlaps)
    }

    fn overlaps_by(&self, other: &Self, overlap: fn(&Name, &Name) -> bool) -> bool {
        let is_namespace_shared = match (&self.namespace, &other.namespace) {
            (Some(here), Some(there)) => overlap(here, there),
            (None, None) => true,
            _ => false,
        };
        is_namespace_shared && overlap(&self.name, &other.name)
    }
}

impl std::fmt::Display for KeyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} in {}", self.name.text, namespace.text),
            None => f.write_str(&self.name.text),
        }
    }
}
