//! What can be wrong in `#[derive(Projection)]` beyond its syntax.

use super::model::Projection;
use crate::errors::Errors;
use crate::scope::may_stand_in_a_value;

pub(super) fn check(projection: &Projection<'_>, errors: &mut Errors) {
    let name = &projection.name;
    if name.text.is_empty() {
        errors.at(
            name.span,
            "a projection needs a name: leave `name` out for the struct's",
        );
    }
    // A pattern over one projection's keys must not reach another's.
    if let Some(odd) = name.text.chars().find(|c| !may_stand_in_a_value(*c)) {
        errors.at(
            name.span,
            format!(
                "a projection's name cannot have `{odd}`: use letters, digits, `-`, `_` and `.`"
            ),
        );
    }
    if !projection.generics.params.is_empty() {
        errors.on(
            &projection.generics.params,
            "a projection has no parameters: its name stands for one type",
        );
    }
}
