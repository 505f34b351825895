//! Read models: a typed store over a cache.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;

use crate::cache::{Cache, Cursor, Invalidation, Page, Set};
use crate::error::Error;
use crate::key::{Key, KeyWriter, Pattern, PatternPart, escape};
use crate::spec::Ttl;
use crate::tag::Tag;
use crate::value::Value;

/// Stands between a projection's name and an id. Neither can contain it.
const SEPARATOR: &str = ":::";

/// A read model: what is shown of something, kept under its id. Derive it:
///
/// ```
/// use larder::{Cache, Projection};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize, Projection)]
/// #[projection(name = "order_summary", id = "order_id", ttl = "1h")]
/// struct OrderSummary {
///     order_id: String,
///     total: u64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
/// let cache = Cache::memory();
/// let orders = cache.projections::<OrderSummary>();
/// orders.add(&OrderSummary { order_id: "ord-123".into(), total: 99 }).await?;
/// assert_eq!(orders.get("ord-123").await?.map(|order| order.total), Some(99));
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "not a projection",
    note = "derive `larder::Projection` for `{Self}`, and name its id: `#[projection(id = \"order_id\")]`"
)]
pub trait Projection: Value {
    /// What every key of the projection begins with: one name for one type. It is escaped, as values
    /// in keys are.
    const NAME: &'static str;

    /// How an id is given: `&str` for a `String`, numbers as they are, else a reference.
    type Id<'id>;

    /// The id of this one.
    fn id(&self) -> Self::Id<'_>;

    /// Writes an id into a key, with [`KeyWriter::value`].
    fn write_id(id: Self::Id<'_>, out: &mut KeyWriter<'_>);

    /// How long one is kept that was added without a ttl of its own; the cache's usual ttl unless
    /// said otherwise.
    #[must_use]
    fn ttl() -> Ttl {
        Ttl::Default
    }
}

impl Cache {
    /// The read models of type `P` in this cache.
    #[must_use]
    pub fn projections<P: Projection>(&self) -> Projections<'_, P> {
        Projections {
            cache: self,
            of: PhantomData,
        }
    }
}

/// The read models of one type in a cache: [`Cache::projections`].
///
/// They are entries like all others, with keys as in `order_summary:::ord-123` and the tag
/// `projection:order_summary`; ids are escaped, so that none reaches another's key.
pub struct Projections<'c, P> {
    cache: &'c Cache,
    of: PhantomData<fn() -> P>,
}

impl<'c, P: Projection> Projections<'c, P> {
    /// Keeps `projection`, in place of one with the same id. Awaiting the returned builder does it.
    ///
    /// ```
    /// # use larder::{Cache, Projection, Ttl};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, Projection)]
    /// # struct Order { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// # let cache = Cache::memory();
    /// let orders = cache.projections::<Order>();
    /// orders.add(&Order { id: 7 }).await?;
    /// orders.add(&Order { id: 8 }).ttl(Ttl::Never).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// On awaiting, as [`Cache::set`].
    pub fn add(&self, projection: &'c P) -> AddProjection<'c, P> {
        let set = self.cache.set(self.key(projection.id()), projection);
        AddProjection {
            set: set.ttl(P::ttl()).tags([Self::tag()]),
        }
    }

    /// The one with this id.
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub async fn get(&self, id: P::Id<'_>) -> Result<Option<P>, Error> {
        let key = self.key(id);
        self.cache.get(key).await
    }

    /// Whether there is one with this id.
    ///
    /// # Errors
    /// As [`Cache::exists`].
    pub async fn exists(&self, id: P::Id<'_>) -> Result<bool, Error> {
        let key = self.key(id);
        self.cache.exists(key).await
    }

    /// Those whose ids match `pattern`, in no particular order: at most `size` at a time (0 counts as
    /// 1), `after` the page that ended there.
    ///
    /// A pattern is as in [`Pattern`], over the id as the key has it. What is escaped there you write
    /// as it is: `a/*` finds the id `a/1`. Only `?` and `[..]` stand for no such character.
    ///
    /// One that begins with the projection's name and `:::`, as in `order_summary:::ord-1*`, is over
    /// keys as they are written, and finds what
    /// [`remove_by_key_pattern`](Self::remove_by_key_pattern) removes.
    ///
    /// ```
    /// # use larder::{Cache, Projection};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, Projection)]
    /// # struct Order { id: String }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// # let cache = Cache::memory();
    /// let orders = cache.projections::<Order>();
    /// let mut after = None;
    /// loop {
    ///     let page = orders.get_all("ord-*", after.as_ref(), 100).await?;
    ///     for entry in page.entries {
    ///         println!("{}", entry.value.id);
    ///     }
    ///     after = page.next;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Cache::entries`].
    pub async fn get_all(
        &self,
        pattern: impl AsRef<str>,
        after: Option<&Cursor>,
        size: usize,
    ) -> Result<Page<P>, Error> {
        let pattern = pattern.as_ref();
        let keys = Self::own(pattern).map_or_else(|_| Self::keys(pattern), Pattern::new);
        self.cache.entries(keys, after, size).await
    }

    /// How many there are. Walks them.
    ///
    /// # Errors
    /// As [`Cache::count`].
    pub async fn count(&self) -> Result<u64, Error> {
        self.cache.count(Self::keys("*")).await
    }

    /// Removes the one with this id; whether there was one.
    ///
    /// # Errors
    /// As [`Cache::delete`].
    pub async fn remove(&self, id: P::Id<'_>) -> Result<bool, Error> {
        let key = self.key(id);
        self.cache.delete(key).await
    }

    /// Removes the one with this key, as in `order_summary:::ord-123`; whether there was one.
    ///
    /// # Errors
    /// [`Error::ForeignKey`] for the key of something else, and as [`Cache::delete`].
    pub async fn remove_by_key(&self, key: impl AsRef<str>) -> Result<bool, Error> {
        let key = Self::own(key.as_ref())?;
        self.cache.delete(key).await
    }

    /// Removes those whose keys match `pattern`, as in `order_summary:::ord-1*`; how many that were.
    /// Walks them.
    ///
    /// # Errors
    /// [`Error::ForeignKey`] unless the pattern begins with the projection's name and `:::`, and as
    /// [`Cache::delete_by_pattern`].
    pub async fn remove_by_key_pattern(&self, pattern: impl AsRef<str>) -> Result<u64, Error> {
        let pattern = Pattern::new(Self::own(pattern.as_ref())?);
        self.cache.delete_by_pattern(pattern).await
    }

    /// Makes all of them unusable, in constant time.
    ///
    /// # Errors
    /// As [`Cache::invalidate_tags`].
    pub async fn flush_all(&self) -> Result<Invalidation, Error> {
        self.cache.invalidate_tags([Self::tag()]).await
    }

    /// Lets the one with this id live for `ttl` from now on; whether there is one.
    ///
    /// # Errors
    /// As [`Cache::set_ttl`].
    pub async fn set_ttl(&self, id: P::Id<'_>, ttl: impl Into<Ttl>) -> Result<bool, Error> {
        let (key, ttl) = (self.key(id), ttl.into());
        self.cache.set_ttl(key, ttl).await
    }

    /// How long the one with this id will still live; `None` if there is none.
    ///
    /// # Errors
    /// As [`Cache::ttl`].
    pub async fn get_ttl(&self, id: P::Id<'_>) -> Result<Option<Ttl>, Error> {
        let key = self.key(id);
        self.cache.ttl(key).await
    }

    /// The key of the one with this id.
    #[must_use]
    pub fn key(&self, id: P::Id<'_>) -> Key {
        Key::render(|out| {
            out.value(P::NAME);
            out.text(SEPARATOR);
            P::write_id(id, out);
        })
    }

    /// The tag that all of them carry.
    fn tag() -> Tag {
        Tag::render(|out| {
            out.text("projection:");
            out.value(P::NAME);
        })
    }

    /// The keys of the ids that match.
    fn keys(pattern: &str) -> Pattern {
        let mut keys = Pattern::literal(&escape(P::NAME)) + SEPARATOR;
        for part in Pattern::new(pattern).parts() {
            write_part(part, &mut keys);
        }
        Pattern::new(keys)
    }

    /// The key, or pattern of keys, if all that it means are the projection's own.
    fn own(key: &str) -> Result<&str, Error> {
        let name = escape(P::NAME);
        let id = key.strip_prefix(&name);
        match id.and_then(|rest| rest.strip_prefix(SEPARATOR)) {
            Some(_) => Ok(key),
            None => Err(Error::ForeignKey {
                key: key.to_owned(),
                projection: name,
            }),
        }
    }
}

// Input:  over ids:  a/b*[0-9]
// Output: over keys: a%2Fb*[\0-\9]
fn write_part(part: &PatternPart, keys: &mut String) {
    match part {
        PatternPart::Is(c) => {
            keys.push_str(&Pattern::literal(&escape(c.encode_utf8(&mut [0; 4]))));
        }
        PatternPart::One => keys.push('?'),
        PatternPart::Any => keys.push('*'),
        PatternPart::In { ranges, negated } => {
            keys.push_str(if *negated { "[^" } else { "[" });
            for (from, to) in ranges {
                keys.extend(['\\', *from, '-', '\\', *to]);
            }
            keys.push(']');
        }
    }
}

impl<P> Clone for Projections<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Projections<'_, P> {}

impl<P: Projection> fmt::Debug for Projections<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projections")
            .field("name", &P::NAME)
            .field("cache", &self.cache)
            .finish()
    }
}

/// Keeps a read model when awaited: see [`Projections::add`].
#[must_use = "nothing is kept until it is awaited"]
pub struct AddProjection<'c, P> {
    set: Set<'c, P>,
}

impl<P> AddProjection<'_, P> {
    /// How long it is kept, instead of the projection's ttl.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.set = self.set.ttl(ttl);
        self
    }
}

impl<'c, P: Projection> IntoFuture for AddProjection<'c, P> {
    type Output = <Set<'c, P> as IntoFuture>::Output;
    type IntoFuture = <Set<'c, P> as IntoFuture>::IntoFuture;

    fn into_future(self) -> Self::IntoFuture {
        self.set.into_future()
    }
}
