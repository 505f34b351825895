//! What the macros say to mistakes, and the forms that they take: one file for each rule.

#[test]
fn each_mistake_gives_one_error_and_each_form_compiles() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/*/pass/*.rs");
    cases.compile_fail("tests/ui/*/fail/*.rs");
}
