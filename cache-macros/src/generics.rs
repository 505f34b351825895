//! The generics of a function, and of functions that take only some of its arguments.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{GenericParam, Generics, WherePredicate};

// Input:  <'a, T: Display, const N: usize>
// Output: ::<T, N>
/// How a call names the parameters that cannot always be inferred.
pub(crate) fn turbofish(generics: &Generics) -> TokenStream {
    let params: Vec<_> = generics
        .params
        .iter()
        .filter_map(|param| match param {
            GenericParam::Type(param) => Some(&param.ident),
            GenericParam::Const(param) => Some(&param.ident),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    if params.is_empty() {
        TokenStream::new()
    } else {
        quote!(::<#(#params),*>)
    }
}

/// The parameters and bounds that `used` needs, so that a call can infer them.
pub(crate) fn only_used(generics: &Generics, used: &TokenStream) -> Generics {
    let mut names = BTreeSet::new();
    collect(used.clone(), &mut names);
    let is_used = |predicate: &WherePredicate, names: &BTreeSet<String>| {
        let mut bounded = BTreeSet::new();
        collect(bounded_by(predicate), &mut bounded);
        !bounded.is_disjoint(names)
    };
    // A parameter's bounds can use further ones.
    loop {
        let before = names.len();
        for param in &generics.params {
            if names.contains(&name(param)) {
                collect(param.to_token_stream(), &mut names);
            }
        }
        for predicate in predicates(generics) {
            if is_used(predicate, &names) {
                collect(predicate.to_token_stream(), &mut names);
            }
        }
        if names.len() == before {
            break;
        }
    }
    let mut kept = generics.clone();
    kept.params = generics
        .params
        .iter()
        .filter(|param| names.contains(&name(param)))
        .cloned()
        .collect();
    if let Some(clause) = &mut kept.where_clause {
        let used = clause
            .predicates
            .iter()
            .filter(|predicate| is_used(predicate, &names));
        clause.predicates = used.cloned().collect();
    }
    kept
}

fn predicates(generics: &Generics) -> impl Iterator<Item = &WherePredicate> {
    generics
        .where_clause
        .iter()
        .flat_map(|clause| &clause.predicates)
}

/// What the predicate is about.
fn bounded_by(predicate: &WherePredicate) -> TokenStream {
    match predicate {
        WherePredicate::Type(predicate) => predicate.bounded_ty.to_token_stream(),
        WherePredicate::Lifetime(predicate) => predicate.lifetime.to_token_stream(),
        other => other.to_token_stream(),
    }
}

fn name(param: &GenericParam) -> String {
    match param {
        GenericParam::Type(param) => param.ident.to_string(),
        GenericParam::Const(param) => param.ident.to_string(),
        GenericParam::Lifetime(param) => param.lifetime.ident.to_string(),
    }
}

fn collect(tokens: TokenStream, names: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                names.insert(ident.to_string());
            }
            TokenTree::Group(group) => collect(group.stream(), names),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_arguments_do_not_use_is_left_out() {
        let item: syn::ItemFn = syn::parse_quote! {
            fn f<'a, K: Into<L>, L, T>(key: &'a K) -> T where L: Clone, T: From<K> {}
        };
        let kept = only_used(&item.sig.generics, &quote!(&'a K));
        let clause = &kept.where_clause;
        let text = quote!(#kept #clause).to_string().replace(' ', "");
        assert_eq!(text, "<'a,K:Into<L>,L>whereL:Clone");
    }
}
