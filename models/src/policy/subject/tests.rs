//! What is read of a module, and how its mistakes are told.

use super::*;
use serde_json::json;

fn load(text: &str) -> Result<Subject, Unusable> {
    let module = Module { file: "p.rego".into(), text: text.into() };
    Subject::load(&[module], &json!({"tenants": {}}))
}

fn dialects(text: &str) -> (bool, bool) {
    let subject = load(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    (subject.modules()[0].v1, subject.modules()[0].v0)
}

#[test]
fn each_dialect_is_tried() {
    assert_eq!(dialects("package p\nallow if input.x"), (true, false));
    assert_eq!(dialects("package p\nallow { input.x }"), (false, true));
    assert_eq!(dialects("package p\nimport rego.v1\nallow if input.x"), (true, true));
    assert_eq!(dialects("package p\ndefault allow = false\ndeny[x] { x := \"only if\" } # if"), (false, true));
}

#[test]
fn a_mistake_is_told_with_its_place_in_the_dialect_that_got_further() {
    let check = |text: &str, line: u32, column: u32, why: &str| {
        let Err(Unusable::DoesNotCompile { place, why: said }) = load(text) else { panic!("{text} compiles") };
        assert_eq!((place.line, place.column), (line, column), "{text}: {said}");
        assert!(said.contains(why), "{text}: {said}");
    };
    check("package p\nallow if {\n  input.x notin input.y\n}", 3, 11, "write `not x in y`");
    check("package p\nallow { input.x and input.y }", 2, 17, "as Rego v0 (there is no `and`");
    check("package p\nallow if {", 2, 11, "as Rego v1");
    check("package p\nallow if x > 2", 2, 10, "unsafe");
    check("package p\nallow if isnull(input.x)", 2, 10, "no function is called `isnull`");
    check("", 1, 1, "package");
    // A tab is one column, whatever the library counts.
    check("package p\nallow if {\n\tinput.x notin input.y\n}", 3, 10, "write `not x in y`");
    // In v0 these are rules named `allow`, always true, and `if`: nobody meant that.
    check("package p\nallow if { input.x }\ndeny[x] { x := 1 }", 3, 9, "as Rego v1");
}

#[test]
fn a_builtin_that_is_not_there_is_named_though_no_question_reaches_it() {
    let said = load("package p\nallow if {\n  false\n  io.jwt.decode(input.token)\n}").expect_err("no builtin");
    let place = Place { file: "p.rego".into(), line: 4, column: 3 };
    assert_eq!(said, Unusable::NeedsBuiltin { place, name: "io.jwt.decode".into() });
    for known in
        ["time.now_ns() > 0", "base64.decode(input.x) == \"\"", "semver.is_valid(input.x)", "f(2)", "data.p.f(1)"]
    {
        let loaded = load(&format!("package p\nf(x) if x > 1\nallow if {known}"));
        assert!(loaded.is_ok(), "{known}: {loaded:?}");
    }
}

#[test]
fn a_module_is_read_and_not_run() {
    let subject = load(
        "package a.b\nimport rego.v1\nimport data.tenants as known\ndefault allow := false\n\
         allow if { input.subject.authenticated; input.labels[i].name == \"x\"; known[input.tenant.id] }\n\
         deny contains {\"code\": \"LABEL\"} if input[\"resource\"].label\nlevel(x) := x",
    );
    let subject = subject.unwrap_or_else(|e| panic!("{e:?}"));
    let reading = &subject.modules()[0].reading;
    assert_eq!(reading.package_name(), "a.b");
    assert_eq!(reading.rules.iter().map(String::as_str).collect::<Vec<_>>(), ["allow", "deny", "level"]);
    assert_eq!(reading.defaults["allow"], "false");
    assert!(reading.codes.contains("LABEL"));
    assert!(reading.inputs.contains("subject.authenticated") && reading.inputs.contains("resource.label"));
    assert_eq!(reading.imports["known"], ["data", "tenants"]);
}

#[test]
fn a_rule_is_asked_and_one_that_is_undefined_says_so() {
    let mut subject =
        load("package p[\"q-r\"]\nimport rego.v1\nallow if input.x\nbad := 1 if input.y\nbad := 2 if input.y")
            .unwrap_or_else(|e| panic!("{e:?}"));
    let package = ["p".to_owned(), "q-r".to_owned()];
    assert_eq!(subject.ask(&package, &["allow"], &json!({"x": 1})), Ok(vec![Some(json!(true))]));
    assert_eq!(subject.ask(&package, &["allow", "bad"], &json!({})), Ok(vec![None, None]));
    let failed = subject.ask(&package, &["bad"], &json!({"y": true}));
    assert!(failed.as_ref().is_err_and(|e| e.contains("conflict")), "{failed:?}");
}

#[test]
fn a_recursion_is_found_before_anything_is_asked() {
    let mut subject = load("package p\nallow if b\nb if allow").unwrap_or_else(|e| panic!("{e:?}"));
    let said = subject.check(&["p".to_owned()], &["allow"]);
    assert!(matches!(said, Err(Unusable::DoesNotCompile { .. })), "{said:?}");
}

#[test]
fn a_negation_of_something_that_iterates_means_what_it_means_in_opa() {
    let mut subject = load(
        "package p\nimport rego.v1\nnone if not deny[_]\nnobody if not input.list[_] == input.x\n\
         nested if count([y | some y in input.list; not input.other[_] == y]) == 0\n\
         deny contains x if some x in input.list",
    )
    .unwrap_or_else(|e| panic!("{e:?}"));
    let package = ["p".to_owned()];
    let mut ask = |question: serde_json::Value| {
        let said = subject.ask(&package, &["none", "nobody", "nested"], &question).expect("an answer");
        said.into_iter().map(|value| value == Some(json!(true))).collect::<Vec<_>>()
    };
    assert_eq!(ask(json!({"list": [], "x": 1, "other": []})), [true, true, true]);
    assert_eq!(ask(json!({"list": [1, 2], "x": 1, "other": [1]})), [false, false, false]);
    assert_eq!(ask(json!({"list": [1, 2], "x": 3, "other": [2, 1]})), [false, true, true]);
}
