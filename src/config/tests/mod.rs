//! The sources together: what counts, and what is said to mistakes.

use std::path::Path;

use super::builder::Builder;
use super::environment::Environment;
use super::error::InitError;

mod layers;
mod mistakes;
mod precedence;

/// A folder with this `larder.toml`.
fn folder(file: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    std::fs::write(folder.path().join("larder.toml"), file).expect("it is written");
    folder
}

fn read<const N: usize>(
    file: &str,
    variables: [(&str, &str); N],
) -> (tempfile::TempDir, Result<Builder, InitError>) {
    let folder = folder(file);
    let builder = Builder::read(folder.path(), &Environment::from(variables));
    (folder, builder)
}

/// What is said to a file and these variables, a line for each mistake.
fn said_to<const N: usize>(file: &str, variables: [(&str, &str); N]) -> Vec<String> {
    let (folder, builder) = read(file, variables);
    lines(builder.and_then(|builder| builder.checked()), folder.path())
}

fn lines(result: Result<(), InitError>, folder: &Path) -> Vec<String> {
    let Err(error) = result else {
        return Vec::new();
    };
    assert!(matches!(error, InitError::Mistakes(_)), "{error}");
    let folder = format!("{}/", folder.display());
    let text = error.to_string().replace(&folder, "");
    text.lines().map(str::to_owned).collect()
}
