//! The expansions of the main forms, kept in `snapshots/` for those who want to see what an attribute
//! makes of a function, and for those who review a change of the macros.
//!
//! `EXPANSIONS=overwrite cargo test -p larder-macros snapshots` writes them anew. Names with the hygiene
//! of a macro are printed like others.

use std::path::Path;
use std::{env, fs};

use proc_macro2::TokenStream;

/// The header says what was written, so that a file can be read by itself.
#[track_caller]
fn assert_expansion(name: &str, written: &str, expansion: TokenStream) {
    let file = match syn::parse2(expansion) {
        Ok(file) => prettyplease::unparse(&file),
        Err(error) => panic!("{name} does not expand to items: {error}"),
    };
    let comment: String = written
        .trim()
        .lines()
        .map(|line| format!("{}\n", format!("//     {line}").trim_end()))
        .collect();
    let expansion = format!("// Written:\n//\n{comment}//\n// Expanded:\n\n{file}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/snapshots")
        .join(name)
        .with_extension("rs");
    if env::var("EXPANSIONS").is_ok_and(|value| value == "overwrite") {
        fs::write(&path, &expansion).expect("the folder is there");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept == expansion {
        return;
    }
    let line = kept
        .lines()
        .zip(expansion.lines())
        .take_while(|(kept, now)| kept == now)
        .count();
    let line_of = |text: &str| text.lines().nth(line).unwrap_or("(its end)").to_owned();
    panic!(
        "the expansion of {name} changed in line {}:\n  kept {}\n  now  {}\n\
         if it is meant, write it anew: EXPANSIONS=overwrite cargo test -p larder-macros snapshots",
        line + 1,
        line_of(&kept),
        line_of(&expansion),
    );
}

/// Expands the one attribute of an item, as the compiler hands it over: arguments and item apart.
#[track_caller]
fn assert_attribute(
    name: &str,
    attribute: fn(TokenStream, TokenStream) -> TokenStream,
    arguments: &str,
    item: &str,
    written: &str,
) {
    let tokens = |text: &str| -> TokenStream { text.parse().expect("it is Rust") };
    assert_expansion(name, written, attribute(tokens(arguments), tokens(item)));
}

const FREE_FUNCTION: &str = r#"
pub async fn get_user(pool: &Pool, id: u64) -> Result<User, DbError> {
    pool.fetch_user(id).await
}"#;

#[test]
fn a_read_of_a_free_function() {
    let arguments = r#"key = "user:{id}", ttl = "5m", tags = ["user:{id}", "users"], skip(pool)"#;
    let written = format!("#[cache_read({arguments})]{FREE_FUNCTION}");
    let attribute = crate::read::attribute;
    assert_attribute("cache_read", attribute, arguments, FREE_FUNCTION, &written);
}

const METHOD: &str = r#"
async fn price(&self, article: u64) -> Result<u64, DbError> {
    self.prices.of(article).await
}"#;

/// Without the `impl` around it, of which an attribute sees nothing.
#[test]
fn a_read_of_a_method() {
    let arguments = r#"key = "price:{self.tenant}:{article}", ttl = 60"#;
    let written = format!("#[cache_read({arguments})]{METHOD}");
    let attribute = crate::read::attribute;
    assert_attribute("cache_read_method", attribute, arguments, METHOD, &written);
}

const WRITE: &str = r#"
pub async fn rename_user(pool: &Pool, id: u64, name: String) -> Result<User, DbError> {
    pool.rename(id, name).await
}"#;

#[test]
fn a_write_with_tags_and_a_recache() {
    let arguments = r#"tags = ["user:{id}", "org:{ret.org}"], recache = [get_user(pool, id)]"#;
    let written = format!("#[cache_write({arguments})]{WRITE}");
    let attribute = crate::write::attribute;
    assert_attribute("cache_write", attribute, arguments, WRITE, &written);
}

#[test]
fn a_resource() {
    let declared = r#"
/// A user, and everything that is cached about it.
pub user(user_id: u64) {
    profile: ttl = 300, lock;
    avatar(size: u32): tags = ["avatars"], ttl = long;
}"#;
    let written = format!("resource! {{{}\n}}", declared.replace('\n', "\n    "));
    let input: TokenStream = declared.parse().expect("it is Rust");
    assert_expansion("resource", &written, crate::resource::declarations(input));
}
