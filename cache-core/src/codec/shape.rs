//! The shape of a type: the names and types of everything in it, found by asking its `Deserialize`
//! what it wants to read. Once per type, then remembered.

use std::any::TypeId;
use std::collections::{BTreeSet, HashMap};
use std::panic::catch_unwind;
use std::sync::OnceLock;

use parking_lot::RwLock;
use serde_reflection::{
    ContainerFormat, Format, FormatHolder as _, Registry, Samples, Tracer, TracerConfig,
};
use xxhash_rust::xxh3::xxh3_64;

use crate::value::Value;

/// What is known of a type before there is a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// All of it: bytes that are not self-describing are safe.
    Known(u64),
    /// Too little (it validates, is flattened or untagged), or it nests without end.
    Unknown,
}

impl Shape {
    pub(super) fn of<T: Value>() -> Self {
        static SHAPES: OnceLock<RwLock<HashMap<TypeId, Shape>>> = OnceLock::new();
        let shapes = SHAPES.get_or_init(RwLock::default);
        let id = TypeId::of::<T>();
        if let Some(shape) = shapes.read().get(&id) {
            return *shape;
        }
        // Outside the lock: this runs the type's own `Deserialize`.
        let shape = Self::trace::<T>();
        shapes.write().insert(id, shape);
        shape
    }

    fn trace<T: Value>() -> Self {
        // A `Deserialize` that is written by hand may not expect what it is fed here.
        let traced = catch_unwind(trace::<T>).ok().flatten();
        let Some((format, registry)) = traced else {
            return Self::Unknown;
        };
        if !is_bounded(&format, &registry, &mut BTreeSet::new()) {
            return Self::Unknown;
        }
        match postcard::to_stdvec(&(&format, &registry)) {
            Ok(bytes) => Self::Known(xxh3_64(&bytes)),
            Err(_) => Self::Unknown,
        }
    }
}

/// The format of a type and of everything named in it.
fn trace<T: Value>() -> Option<(Format, Registry)> {
    let samples = Samples::new();
    // One pass follows one variant of each enum. Which enums there are is known when a pass finds
    // variants missing; then it starts over and passes until those are complete.
    let mut enums = BTreeSet::<String>::new();
    let mut passes = 0;
    loop {
        let mut tracer = Tracer::new(TracerConfig::default().is_human_readable(false));
        let mut read = Vec::new();
        let mut format = loop {
            let (format, value) = tracer.trace_type_once::<T>(&samples).ok()?;
            read.push(value);
            let incomplete = enums
                .iter()
                .filter(|name| tracer.check_incomplete_enum(name).is_some())
                .count();
            passes += 1;
            if incomplete == 0 {
                break format;
            }
            if passes > MOST_PASSES {
                return None;
            }
        };
        // What `Serialize` writes must be what `Deserialize` reads: a field that only one of them skips
        // shows here.
        let mut written = Samples::new();
        for value in &read {
            tracer.trace_value(&mut written, value).ok()?;
        }
        match tracer.registry() {
            Ok(registry) => {
                format.normalize().ok()?;
                return Some((format, registry));
            }
            Err(serde_reflection::Error::MissingVariants(more)) => {
                let known = enums.len();
                enums.extend(more);
                if enums.len() == known {
                    return None;
                }
            }
            Err(_) => return None,
        }
    }
}

/// Enough for a few thousand variants; a type beyond that is treated as unknown.
const MOST_PASSES: usize = 10_000;

/// Whether bytes of this format nest only as deep as the type is written, and take up space for
/// every element: else bytes from outside could exhaust the stack, or claim elements without end.
fn is_bounded(format: &Format, registry: &Registry, above: &mut BTreeSet<String>) -> bool {
    let mut each = |formats: &[&Format]| formats.iter().all(|f| is_bounded(f, registry, above));
    match format {
        Format::Variable(_) => false,
        Format::TypeName(name) => {
            if !above.insert(name.clone()) {
                return false;
            }
            let bounded = registry
                .get(name)
                .is_some_and(|container| is_container_bounded(container, registry, above));
            above.remove(name);
            bounded
        }
        Format::Option(inside) => each(&[inside]),
        Format::Seq(element) => takes_space(element, registry) && each(&[element]),
        Format::Map { key, value } => takes_space(key, registry) && each(&[key, value]),
        Format::Tuple(elements) => elements.iter().all(|f| is_bounded(f, registry, above)),
        Format::TupleArray { content, .. } => each(&[content]),
        _ => true,
    }
}

fn is_container_bounded(
    container: &ContainerFormat,
    registry: &Registry,
    above: &mut BTreeSet<String>,
) -> bool {
    use serde_reflection::VariantFormat;
    match container {
        ContainerFormat::UnitStruct => true,
        ContainerFormat::NewTypeStruct(inside) => is_bounded(inside, registry, above),
        ContainerFormat::TupleStruct(fields) => fields
            .iter()
            .all(|field| is_bounded(field, registry, above)),
        ContainerFormat::Struct(fields) => fields
            .iter()
            .all(|field| is_bounded(&field.value, registry, above)),
        ContainerFormat::Enum(variants) => variants.values().all(|variant| match &variant.value {
            VariantFormat::Variable(_) => false,
            VariantFormat::Unit => true,
            VariantFormat::NewType(inside) => is_bounded(inside, registry, above),
            VariantFormat::Tuple(fields) => fields
                .iter()
                .all(|field| is_bounded(field, registry, above)),
            VariantFormat::Struct(fields) => fields
                .iter()
                .all(|field| is_bounded(&field.value, registry, above)),
        }),
    }
}

/// Whether every value takes at least one byte. Errs on the side of no.
fn takes_space(format: &Format, registry: &Registry) -> bool {
    match format {
        Format::Unit => false,
        Format::TypeName(name) => match registry.get(name) {
            Some(ContainerFormat::NewTypeStruct(inside)) => takes_space(inside, registry),
            Some(ContainerFormat::TupleStruct(fields)) => fields.iter().any(is_sized),
            Some(ContainerFormat::Struct(fields)) => {
                fields.iter().any(|field| is_sized(&field.value))
            }
            Some(ContainerFormat::Enum(_)) => true,
            Some(ContainerFormat::UnitStruct) | None => false,
        },
        Format::Tuple(elements) => elements.iter().any(is_sized),
        Format::TupleArray { content, size } => *size > 0 && is_sized(content),
        _ => true,
    }
}

/// Whether the format alone, without looking behind names, takes at least one byte.
fn is_sized(format: &Format) -> bool {
    !matches!(
        format,
        Format::Unit
            | Format::TypeName(_)
            | Format::Tuple(_)
            | Format::TupleArray { .. }
            | Format::Variable(_)
    )
}
