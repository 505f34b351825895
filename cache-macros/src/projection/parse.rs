//! The options of `#[projection(..)]` as they are written.

use syn::{Attribute, DeriveInput, Expr, LitStr, Meta};

use crate::errors::Errors;
use crate::options::{Known, Options, known};

const KNOWN: &[Known] = &[
    known("name", "name = \"order_summary\""),
    known("id", "id = \"order_id\""),
    known("ttl", "ttl = \"1h\""),
];

/// What the attribute says, undecided.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) name: Option<LitStr>,
    pub(super) id: Option<LitStr>,
    pub(super) ttl: Option<Expr>,
    /// Whether something that was not understood may have been meant to be the id.
    pub(super) is_broken: bool,
}

impl Parsed {
    pub(super) fn parse(item: &DeriveInput, errors: &mut Errors) -> Self {
        let mut attributes = item.attrs.iter().filter(|attribute| is_ours(attribute));
        let Some(attribute) = attributes.next() else {
            return Self::default();
        };
        let before = errors.count();
        for second in attributes {
            errors.on(
                second.path(),
                "`projection` is given twice: put its options into one",
            );
        }
        let Meta::List(list) = &attribute.meta else {
            errors.on(
                &attribute.meta,
                "options stand in parentheses, as in `#[projection(id = \"order_id\")]`",
            );
            return Self {
                is_broken: true,
                ..Self::default()
            };
        };
        let mut options = Options::parse_attribute(list.tokens.clone(), KNOWN, errors);
        for extra in options.positional.drain(..) {
            errors.on(
                extra,
                "a projection takes options by name, as in `id = \"order_id\"`",
            );
        }
        let id = options.string("id", KNOWN, errors);
        let is_broken = errors.count() > before;
        Self {
            id,
            is_broken,
            name: options.string("name", KNOWN, errors),
            ttl: options.expr("ttl", KNOWN, errors),
        }
    }
}

pub(super) fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("projection")
}
