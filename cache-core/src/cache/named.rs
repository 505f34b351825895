//! Key, ttl, tags and lock of an entry, as the builders of direct calls collect them.

use crate::key::Key;
use crate::spec::{Spec, Ttl};
use crate::tag::Tags;

pub(super) struct Named {
    pub(super) key: Key,
    pub(super) about: About,
}

/// What is said of an entry beside its key.
#[derive(Clone, Default)]
pub(super) struct About {
    pub(super) ttl: Ttl,
    pub(super) tags: Tags,
    pub(super) namespace: Option<String>,
    pub(super) lock: bool,
}

impl Named {
    pub(super) fn new(key: Key) -> Self {
        Self {
            key,
            about: About::default(),
        }
    }

    pub(super) fn into_spec(self) -> Spec<impl Fn(&mut Tags)> {
        self.about.spec(self.key)
    }
}

impl About {
    pub(super) fn spec(&self, key: Key) -> Spec<impl Fn(&mut Tags) + use<>> {
        let mut tags = Tags::default();
        tags.extend(key.tags());
        tags.extend(&self.tags);
        let key = match &self.namespace {
            Some(namespace) => key.in_namespace(namespace),
            None => key,
        };
        Spec::new(key, move |out: &mut Tags| out.extend(&tags))
            .ttl(self.ttl)
            .lock(self.lock)
    }
}

/// The options of builders that have an `about: About`.
macro_rules! entry_options {
    ($($builder:ident<$($parameter:tt),*>: $($about:ident).+;)*) => {$(
        impl<$($parameter),*> $builder<$($parameter),*> {
            /// How long the entry may be used; the cache's usual ttl unless set.
            pub fn ttl(mut self, ttl: impl Into<$crate::Ttl>) -> Self {
                self.$($about).+.ttl = ttl.into();
                self
            }

            /// Tags that the entry carries, beside those already named.
            pub fn tags<T: Into<$crate::Tag>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
                self.$($about).+.tags.extend(tags);
                self
            }

            /// The namespace of the key.
            pub fn namespace(mut self, namespace: impl AsRef<str>) -> Self {
                self.$($about).+.namespace = Some(namespace.as_ref().to_owned());
                self
            }
        }
    )*};
}

pub(super) use entry_options;
