//! What queries cost, which are none, and that an answer holds what REST answers.

use super::*;
use sim::control::ControlSet;

fn read(text: &str) -> Result<Query, Refused> {
    Query::read(text.as_bytes(), &"acme".into())
}

/// Depth and cost, or that it is refused.
fn check(text: &str, expected: Option<(u32, u64)>) {
    assert_eq!(read(text).ok().map(|q| (q.depth, q.cost)), expected, "{text}");
}

#[test]
fn cost_is_counted_through_lists_aliases_and_fragments() {
    check("{ recordCount }", Some((1, 1)));
    check("query Q { record(id: \"7\") { id body } }", Some((2, 3)));
    check("{ record(id: 7) { body } }", Some((2, 2)));
    check("{ records { body } }", Some((2, 11)));
    check("{ records(first: 100) { body } }", Some((2, 101)));
    check("{ records(first: 1000) { body } }", Some((2, 101)));
    check("{ records(first: 3) { neighbours(first: 4) { body } } }", Some((3, 1 + 3 * (1 + 4))));
    check("{ records(first: 2) { a: body b: body ...F } } fragment F on Listed { body }", Some((2, 7)));
    check("{ records(first: 2) { ... on Listed { body } ... { body } } }", Some((2, 5)));
}

#[test]
fn a_query_that_doubles_itself_is_counted_without_being_written_out() {
    let mut text = "{ records(first: 1) { ...F0 } }".to_owned();
    for n in 0..62 {
        text += &format!(" fragment F{n} on Listed {{ ...F{0} ...F{0} }}", n + 1);
    }
    check(&format!("{text} fragment F62 on Listed {{ body }}"), Some((2, 1 + (1 << 62))));
    let query = read(&format!("{text} fragment F62 on Listed {{ body }}")).expect("a query");
    assert_eq!(query.work(), (WORK_MAX, false));
}

#[test]
fn what_is_no_query_of_the_schema_is_refused() {
    let endless = "{ records { ...F } } fragment F on Listed { neighbours { ...F } }";
    let deep = format!("{}body{}", "{ records ".to_owned() + &"{ neighbours ".repeat(300), "}".repeat(301));
    for text in [
        "",
        "{",
        "{ record { body } }",
        "{ record(id: 7) }",
        "{ record(id: [7]) { body } }",
        "{ record(id: 7, id: 8) { body } }",
        "{ records(first: -1) { body } }",
        "{ records { id } }",
        "{ record(id: 7) { contact } }",
        "{ records { body { body } } }",
        "{ secrets }",
        "{ recordCount whoAmI }",
        "mutation { recordCount }",
        "query ($n: Int) { records(first: $n) { body } }",
        "{ recordCount @include(if: true) }",
        "{ recordCount } { recordCount }",
        "{ records { ...Gone } }",
        "{ records { ... on Record { body } } }",
        "{ record(id: \"acme~x\") { body } }",
        endless,
        &deep,
    ] {
        check(text, None);
    }
    assert!(Query::read(b"{ \xff }", &"acme".into()).is_err());
}

#[test]
fn limits_are_a_control_and_hold_for_depth_and_for_cost() {
    let nested = |levels: usize| {
        format!(
            "{}body{}",
            "{ records(first: 1) ".to_owned() + &"{ neighbours(first: 1) ".repeat(levels) + "{",
            "}".repeat(levels + 2)
        )
    };
    let cases = [
        ("{ records(first: 100) { body } }".to_owned(), true),
        (nested(4), true),
        (nested(5), false),
        ("{ records(first: 100) { neighbours(first: 100) { body } } }".to_owned(), false),
    ];
    for (text, expected) in cases {
        let query = read(&text).unwrap_or_else(|_| panic!("a query: {text}"));
        assert_eq!(query.is_within_limits(&Controls::all_on()), expected, "{text}");
        assert!(query.is_within_limits(&Controls::with_off(ControlSet::EMPTY.with(QUERY_LIMITS.slot))), "{text}");
    }
}

#[test]
fn the_answer_holds_what_rest_answers() {
    let answer = |text: &str, content: &str| {
        let query = read(text).unwrap_or_else(|_| panic!("a query: {text}"));
        String::from_utf8(query.answer(content.as_bytes())).expect("JSON")
    };
    assert_eq!(answer("{ r: record(id: \"7\") { id body } }", "x\"y"), r#"{"data":{"r":{"body":"x\"y","id":"7"}}}"#);
    assert_eq!(answer("{ recordCount }", "12"), r#"{"data":{"recordCount":12}}"#);
    assert_eq!(answer("{ whoAmI }", "me"), r#"{"data":{"whoAmI":"me"}}"#);
    assert_eq!(
        answer("{ records(first: 2) { body neighbours(first: 1) { body } } }", "a\nb\nc"),
        r#"{"data":{"records":[{"body":"a","neighbours":[{"body":"a"}]},{"body":"b","neighbours":[{"body":"a"}]}]}}"#
    );
    let contacts = answer("{ records { body contact } }", "a\ta@b\nb");
    assert_eq!(contacts, r#"{"data":{"records":[{"body":"a","contact":"a@b"},{"body":"b","contact":null}]}}"#);
    assert_eq!(answer("{ record(id: 7) { body } }", "a\tb"), r#"{"data":{"record":{"body":"a\tb"}}}"#);
}
