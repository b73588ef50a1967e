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

/// As `opa check` of 1.4.2 says of each.
#[test]
fn a_name_in_a_negation_has_a_value_from_elsewhere_or_opa_refuses_it() {
    let rules = |body: &str| {
        format!("package p\nimport rego.v1\nimport data.q.helper\ndeny contains x if some x in input.list\n{body}")
    };
    let sound = [
        "r if not input.x",
        "r if not deny",
        "r if not deny[\"a\"]",
        "r if not helper",
        "r if { some x in input.list; not deny[x] }",
        "r if { x := input.x; not deny[x] }",
        "r(x) if not deny[x]",
        "r contains x if { x := input.x; not deny[x] }",
        "r if every x in input.list { not deny[x] }",
        "r if not count([x | some x in input.list]) > 0",
        "r if not any_of([x | x := input.list[_]])\nany_of(xs) if xs[_]",
        "r if count([y | some y in input.list; not deny[y]]) == 0",
    ];
    for body in sound {
        load(&rules(body)).unwrap_or_else(|e| panic!("{body}: {e:?}"));
    }
    let refused = [
        ("r if not deny[_]", "_"),
        ("r if not deny[x]", "x"),
        ("r if not input.list[_] == input.x", "_"),
        ("r if { some x; not deny[x] }", "x"),
        ("r if count([y | some y in input.list; not input.other[_] == y]) == 0", "_"),
    ];
    for (body, name) in refused {
        let said = load(&rules(body)).map(|_| ());
        let is_so = |why: &str| why.starts_with(&format!("var {name} is unsafe"));
        assert!(matches!(&said, Err(Unusable::DoesNotCompile { why, .. }) if is_so(why)), "{body}: {said:?}");
    }
}

/// As `opa eval` of 1.4.2 answers: what is compared or called with is needed by a negation, what is equated is not.
#[test]
fn a_negation_of_what_has_no_value_holds_where_it_holds_in_opa() {
    let text = "package s
        import rego.v1
        tenant := data.tenants[input.t]
        a if not input.x <= 3
        b if not input.x <= tenant.n[input.k]
        c if not input.x == tenant.n
        d if not input.x in tenant.l
        e if not input.x != tenant.n
        f if not count(input.x) > 0
        g if not input.x
        h if input.x != tenant.n
        i if count([y | some y in [1]; not y <= input.x]) == 1
        j if { some y in [1]; not y <= input.x; not input.k in tenant.l }";
    let module = Module { file: "s.rego".to_owned(), text: text.to_owned() };
    let data = json!({"tenants": {"q": {"n": {"a": 1}, "l": [1]}}});
    let mut subject = Subject::load(&[module], &data).unwrap_or_else(|e| panic!("{e:?}"));
    let rules = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut ask = |question: serde_json::Value| {
        let said = subject.ask(&["s".to_owned()], &rules, &question).expect("an answer");
        rules
            .iter()
            .zip(said)
            .filter(|(_, value)| *value == Some(json!(true)))
            .map(|(rule, _)| *rule)
            .collect::<String>()
    };
    assert_eq!(ask(json!({})), "cg");
    assert_eq!(ask(json!({"x": 5})), "ac");
    assert_eq!(ask(json!({"x": 5, "t": "q"})), "acdh");
    assert_eq!(ask(json!({"t": "q"})), "cg");
    assert_eq!(ask(json!({"t": "q", "x": 1, "k": "zz"})), "ch");
    assert_eq!(ask(json!({"t": "q", "x": 0, "k": "zz"})), "cdhij");
}
