//! What a write puts, as the macros say it: the entries, and what goes into them.

use std::fmt;

use super::lifetime::Lifetime;
use super::{Cache, Targets, shared_scopes};
use crate::codec::{self, Encoded, Encoding};
use crate::error::Error;
use crate::freshness::Freshness;
use crate::keep::Keep;
use crate::key::Key;
use crate::memory::{AnyResident, Memory};
use crate::site::Site;
use crate::spec::{Layers, Spec, Ttl};
use crate::tag::Tags;
use crate::value::{Local, LocalFor, Value, ValueFor};

/// The entry that an annotated function has for some arguments, and how a `V` goes into it.
pub struct Put<V> {
    /// `None` where the arguments cannot be made into a key.
    spot: Option<Spot>,
    keep: fn(&V) -> Keep,
    stored: fn(&V) -> Box<dyn Stored>,
}

/// What is known of an entry without its value.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(super) site: &'static Site,
    pub(super) key: Key,
    pub(super) scopes: Vec<String>,
    pub(super) ttl: Ttl,
    pub(super) freshness: Freshness,
    pub(super) layers: Layers,
}

/// A function's entry. What `keep` says no to is not put, as it is not stored by the function.
pub fn put<'c, V: ValueFor<'c>, S: Fn(&mut Tags)>(
    site: &'static Site,
    spec: Spec<S>,
    keep: fn(&V) -> Keep,
) -> Put<V> {
    Put {
        spot: Some(Spot::new(site, spec)),
        keep,
        stored: |value| Box::new(Anywhere(value.stored().clone())),
    }
}

/// As [`put`], where the key was made of the arguments, which may not have been encodable.
pub fn put_hashed<'c, V: ValueFor<'c>, S: Fn(&mut Tags)>(
    site: &'static Site,
    spec: Result<Spec<S>, Error>,
    keep: fn(&V) -> Keep,
) -> Put<V> {
    Put {
        spot: Spot::of_hashed(site, spec),
        keep,
        stored: |value| Box::new(Anywhere(value.stored().clone())),
    }
}

/// As [`put`], for a function that uses process memory only.
pub fn put_near<'c, V: LocalFor<'c>, S: Fn(&mut Tags)>(
    site: &'static Site,
    spec: Spec<S>,
    keep: fn(&V) -> Keep,
) -> Put<V> {
    Put {
        spot: Some(Spot::new(site, spec.layers(Layers::L1))),
        keep,
        stored: |value| Box::new(Near(value.stored().clone())),
    }
}

/// As [`put_hashed`] and [`put_near`].
pub fn put_hashed_near<'c, V: LocalFor<'c>, S: Fn(&mut Tags)>(
    site: &'static Site,
    spec: Result<Spec<S>, Error>,
    keep: fn(&V) -> Keep,
) -> Put<V> {
    Put {
        spot: Spot::of_hashed(site, spec.map(|spec| spec.layers(Layers::L1))),
        keep,
        stored: |value| Box::new(Near(value.stored().clone())),
    }
}

impl<V> fmt::Debug for Put<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Put").field(&self.spot).finish()
    }
}

impl Spot {
    fn new<S: Fn(&mut Tags)>(site: &'static Site, spec: Spec<S>) -> Self {
        Self {
            site,
            scopes: match site.home() {
                Ok(cache) => cache.scopes(&spec),
                // Without a cache there is nothing to be put into either.
                Err(_) => shared_scopes(&spec.key, &spec.to_tags()),
            },
            key: spec.key,
            ttl: spec.ttl,
            freshness: spec.freshness,
            layers: spec.layers,
        }
    }

    fn of_hashed<S: Fn(&mut Tags)>(
        site: &'static Site,
        spec: Result<Spec<S>, Error>,
    ) -> Option<Self> {
        spec.map(|spec| Self::new(site, spec))
            .inspect_err(|error| site.complain(error))
            .ok()
    }
}

/// What a write puts.
#[derive(Debug, Default)]
pub struct Puts {
    /// Every entry that is known so far. Its key is invalidated with what the write names.
    pub(super) spots: Vec<Spot>,
    /// Of entries that are known only when the write has returned, the functions and their namespaces.
    pub(super) expected: Vec<(&'static Site, Option<&'static str>)>,
    /// What it returned.
    pub(crate) given: Vec<Given>,
}

impl Puts {
    /// A value for this entry will be given.
    pub fn foresee<V>(&mut self, put: &Put<V>) {
        if let Some(spot) = &put.spot {
            self.touch(spot);
        }
    }

    /// A value for an entry of this function will be given; which one depends on what the write
    /// returns. The function's namespace, if it is always the same.
    pub fn expect(&mut self, site: &'static Site, namespace: Option<&'static str>) {
        self.expected.push((site, namespace));
    }

    /// The value for an entry.
    pub fn give<V, G: PutAs<V>>(&mut self, put: Put<V>, value: &G) {
        let Some(mut spot) = put.spot else { return };
        self.touch(&spot);
        let value = value.put_as();
        match (put.keep)(&value) {
            Keep::Not => return,
            Keep::Usual => {}
            Keep::For(ttl) => spot.ttl = ttl,
        }
        let value = (put.stored)(&value);
        self.given.push(Given { spot, value });
    }

    /// The entry is one of those that are known, each once.
    fn touch(&mut self, spot: &Spot) {
        if !self.spots.iter().any(|known| known.key == spot.key) {
            self.spots.push(spot.clone());
        }
    }

    /// Adds the keys of the entries to what the write invalidates.
    pub(crate) fn reach(&self, targets: &mut Targets) {
        for spot in &self.spots {
            if !targets.keys.contains(&spot.key) {
                targets.push_key(spot.key.clone());
            }
        }
    }

    /// Leaves out the entries that are not in `cache`, and says so once: a write invalidates in one
    /// cache, and what it puts must be in the same.
    pub(crate) fn only_in(&mut self, cache: &Cache, write: &'static Site) {
        let is_here = |site: &'static Site| match site.home() {
            Ok(home) if home.is(cache) => true,
            Ok(_) => {
                write.complain(&Error::OtherCache {
                    function: site.function(),
                });
                false
            }
            Err(_) => false,
        };
        self.spots.retain(|spot| is_here(spot.site));
        self.expected.retain(|(site, _)| is_here(site));
        self.given.retain(|given| is_here(given.spot.site));
    }
}

/// An entry with the value for it.
pub(crate) struct Given {
    pub(super) spot: Spot,
    pub(super) value: Box<dyn Stored>,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value stays out: it may be secret.
        f.debug_tuple("Given").field(&self.spot).finish()
    }
}

/// A value of any type, as each kind of store takes it.
pub(super) trait Stored: Send + Sync {
    fn resident(
        self: Box<Self>,
        cache: &Cache,
        memory: &Memory,
        spot: &Spot,
        lifetime: Lifetime,
    ) -> AnyResident;

    fn encode(&self, bytes: Vec<u8>, encoding: Encoding) -> Result<Encoded, Error>;
}

/// A value that every store can hold.
struct Anywhere<V>(V);

/// A value that stays in process memory.
struct Near<V>(V);

impl<V: Value> Stored for Anywhere<V> {
    fn resident(
        self: Box<Self>,
        cache: &Cache,
        memory: &Memory,
        spot: &Spot,
        lifetime: Lifetime,
    ) -> AnyResident {
        cache.resident(memory, spot.key.qualified(), &spot.scopes, lifetime, self.0)
    }

    fn encode(&self, bytes: Vec<u8>, encoding: Encoding) -> Result<Encoded, Error> {
        codec::encode(&self.0, bytes, encoding)
    }
}

impl<V: Local> Stored for Near<V> {
    fn resident(
        self: Box<Self>,
        cache: &Cache,
        memory: &Memory,
        spot: &Spot,
        lifetime: Lifetime,
    ) -> AnyResident {
        cache.resident(memory, spot.key.qualified(), &spot.scopes, lifetime, self.0)
    }

    fn encode(&self, bytes: Vec<u8>, encoding: Encoding) -> Result<Encoded, Error> {
        <codec::Uncoded as codec::Coding<V>>::encode(&self.0, bytes, encoding)
    }
}

/// What can be put where a function caches a `V`: the same, or what is in an `Option` of it.
#[diagnostic::on_unimplemented(
    message = "the function that is put to caches `{V}`, and this write returns `{Self}`",
    label = "this function caches another type",
    note = "a write can put what it returns, what is in its `Ok`, or that in `Some`"
)]
pub trait PutAs<V> {
    /// The value to be cached.
    fn put_as(&self) -> V;
}

#[diagnostic::do_not_recommend]
impl<V: Clone> PutAs<V> for V {
    fn put_as(&self) -> V {
        self.clone()
    }
}

#[diagnostic::do_not_recommend]
impl<V: Clone> PutAs<Option<V>> for V {
    fn put_as(&self) -> Option<V> {
        Some(self.clone())
    }
}
