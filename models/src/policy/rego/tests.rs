//! The two reference decisions agree; the document's sample does not.

use super::*;
use crate::config::Inputs;
use crate::policy::judge::space::Space;
use crate::policy::{abac, filter};
use crate::wire::policy::Level;
use proptest::prelude::*;
use std::sync::Arc;

fn data() -> PolicyData {
    PolicyData::from_tenants(&Inputs::embedded().tenants)
}

fn without(off: &[&Control]) -> Controls {
    Controls::with_off(off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot)))
}

fn agree(rego: &mut RegoPolicy, data: &PolicyData, controls: &Controls, input: &Input) {
    let found = compare(abac::decide(controls, data, input), rego.decide(controls, input));
    assert_eq!(found, None, "{input:?}");
}

/// Calls `visit` for each question of a small space; every field also takes a stranger's value, and a gap.
fn every_question(tenants: &[&str], mut visit: impl FnMut(&Input)) {
    let some =
        |words: &[&str]| -> Vec<Option<Arc<str>>> { words.iter().map(|w| Some(Arc::from(*w))).chain([None]).collect() };
    let levels: Vec<Option<Level>> = Level::ALL.into_iter().map(Some).chain([None]).collect();
    let tenants = some(tenants);
    let mut input = Input::default();
    for tenant in &tenants {
        input.tenant_id.clone_from(tenant);
        for owner in &tenants {
            input.resource_tenant.clone_from(owner);
            for region in some(&["EU", "US", "MOON"]) {
                input.region = region;
                for label in some(&["pii", "internal", ""]) {
                    input.label = label;
                    for kind in some(&["audit", "agents", "ghosts"]) {
                        input.kind = kind;
                        for level in &levels {
                            input.classification = *level;
                            for authenticated in [Some(true), Some(false), None] {
                                input.authenticated = authenticated;
                                visit(&input);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// 25 822 questions: every combination over two tenants with a stranger and a gap in each field, and what is permitted
/// with one and two fields spoiled.
#[test]
fn native_and_rego_agree_on_every_question_of_the_whole_small_space() {
    let (data, controls) = (data(), Controls::all_on());
    let (mut rego, space) = (RegoPolicy::reference(&data), Space::new(&data));
    let mut allowed = 0;
    for n in 0..space.len() {
        let question = space.question(n);
        let native = abac::decide(&controls, &data, &Input::from_json(&question));
        assert_eq!(compare(native, rego.decide_json(&controls, &question)), None, "{question}");
        allowed += usize::from(native.allow);
    }
    println!("native and Rego agree on {} questions, {allowed} of them permitted", space.len());
    assert_eq!((space.product_len(), space.len()), (19_200, 25_822));
    assert!(allowed > 30 && rego.calls().real == space.len() as u64, "{allowed} permitted");
}

#[test]
fn native_and_rego_say_the_same_of_lists_on_every_question_of_the_whole_small_space() {
    let (data, controls) = (data(), Controls::all_on());
    let (mut rego, space) = (RegoPolicy::reference(&data), Space::new(&data));
    let (mut shown, mut columns) = (0, 0);
    for n in 0..space.len() {
        let question = space.question(n);
        let native = filter::filter(&controls, &data, &Input::from_json(&question));
        assert_eq!(rego.filter_json(&controls, &question), native, "{question}");
        shown += usize::from(native.is_some());
        columns += native.iter().flat_map(|f| &f.kinds).filter(|kind| !kind.columns.is_empty()).count();
    }
    println!("native and Rego filter alike on {} questions, {shown} of them with a filter", space.len());
    assert!(shown > 30 && columns > 30, "{shown} filters, {columns} kinds with a column");
}

#[test]
fn a_policy_that_says_nothing_of_lists_or_nonsense_has_no_filter() {
    let own = Input {
        authenticated: Some(true),
        tenant_id: Some("acme".into()),
        resource_tenant: Some("acme".into()),
        kind: Some("audit".into()),
        classification: Some(Level::Public),
        label: Some("pii".into()),
        region: Some("EU".into()),
    };
    let said = |rule: &str| {
        let policy = format!("package p\ndefault allow := true\ndeny contains \"LABEL\" if false\n{rule}");
        let mut rego = RegoPolicy::compile(&policy, &data()).unwrap_or_else(|e| panic!("{e}"));
        let first = rego.filter(&Controls::all_on(), &own);
        assert_eq!(rego.filter(&Controls::all_on(), &own), first, "from the memo");
        first
    };
    assert_eq!(said(""), None);
    assert_eq!(said("filter := true"), None);
    assert_eq!(said("filter := {\"labels\": null} if input.tenant.id == \"acme\""), None);
    let open = said("filter := {\"labels\": null, \"kinds\": {\"audit\": {\"level\": 3, \"columns\": {\"contact\"}}}}");
    assert!(open.is_some_and(|f| f.labels.is_none() && f.shows("audit", "contact")));
}

#[test]
fn switching_a_control_off_means_the_same_natively_and_in_data() {
    let data = data();
    let mut rego = RegoPolicy::reference(&data);
    for control in SWITCHES {
        let controls = without(&[control]);
        let mut more = 0;
        every_question(&["acme", "beta"], |input| {
            if input.authenticated != Some(true) || input.label.is_none() || input.region.is_none() {
                return;
            }
            agree(&mut rego, &data, &controls, input);
            assert_eq!(rego.filter(&controls, input), filter::filter(&controls, &data, input), "{input:?}");
            let strict = abac::decide(&Controls::all_on(), &data, input).allow;
            more += u32::from(abac::decide(&controls, &data, input).allow && !strict);
        });
        assert!(more > 0, "{} decides nothing", control.id);
    }
    let all_off = without(&SWITCHES);
    agree(&mut rego, &data, &all_off, &Input { authenticated: Some(true), ..Input::default() });
}

#[test]
fn questions_of_any_json_shape_get_the_same_answer() {
    let data = data();
    let controls = Controls::all_on();
    let mut rego = RegoPolicy::reference(&data);
    let whole = json!({
        "subject": {"authenticated": true, "name": "ignored"},
        "tenant": {"id": "acme"},
        "resource": {"tenant": "acme", "kind": "audit", "classification": 2, "label": "pii"},
        "context": {"region": "EU"},
    });
    let places = [
        "",
        "/subject",
        "/subject/authenticated",
        "/tenant",
        "/tenant/id",
        "/resource",
        "/resource/tenant",
        "/resource/kind",
        "/resource/classification",
        "/resource/label",
        "/context",
        "/context/region",
    ];
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1.0),
        json!(1.5),
        json!(-1),
        json!(4),
        json!(1e300),
        json!(18446744073709551615u64),
        json!(""),
        json!("acme"),
        json!("internal"),
        json!("INTERNAL"),
        json!("1"),
        json!([]),
        json!(["acme"]),
        json!({}),
        json!({"id": "acme"}),
    ];
    let mut allowed = 0;
    for place in places {
        for value in &values {
            let mut question = whole.clone();
            *question.pointer_mut(place).expect(place) = value.clone();
            let native = abac::decide(&controls, &data, &Input::from_json(&question));
            assert_eq!(compare(native, rego.decide_json(&controls, &question)), None, "{question}");
            allowed += u32::from(native.allow);
        }
    }
    // `true` as authenticated, `acme` as id and as owner, `{"id": "acme"}` as tenant, the levels 0, 1.0, "internal".
    assert_eq!(allowed, 7);
}

fn word() -> impl Strategy<Value = Option<Arc<str>>> {
    let known = ["acme", "acme-corp", "beta", "gamma", "EU", "US", "audit", "documents", "pii", "health", "internal"];
    prop_oneof![
        8 => proptest::sample::select(known.to_vec()).prop_map(|w| Some(Arc::from(w))),
        1 => ".{0,12}".prop_map(|w| Some(Arc::from(w.as_str()))),
        1 => Just(None),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn native_and_rego_agree_beyond_the_small_space(
        words in proptest::array::uniform5(word()),
        level in proptest::option::of(0u64..4),
        authenticated in proptest::option::weighted(0.9, proptest::bool::weighted(0.9)),
        same_owner in proptest::bool::weighted(0.7),
        off in 0u8..16,
    ) {
        let [tenant, owner, kind, label, region] = words;
        let owner = if same_owner { tenant.clone() } else { owner };
        let input = Input {
            authenticated,
            tenant_id: tenant,
            resource_tenant: owner,
            kind,
            classification: level.and_then(Level::from_rank),
            label,
            region,
        };
        let switched = SWITCHES.into_iter().enumerate().filter(|(i, _)| off >> i & 1 == 1);
        let off: Vec<&Control> = switched.map(|(_, control)| control).collect();
        let data = data();
        agree(&mut RegoPolicy::reference(&data), &data, &without(&off), &input);
    }
}

#[test]
fn a_repeated_question_is_answered_from_the_memo() {
    let data = data();
    let mut rego = RegoPolicy::reference(&data);
    let controls = Controls::all_on();
    let input = Input { authenticated: Some(true), ..Input::default() };
    let first = rego.decide(&controls, &input);
    assert_eq!(rego.decide(&controls, &input), first);
    assert_eq!(rego.calls(), Calls { real: 1, hits: 1 });
    rego.decide(&without(&[&LABEL]), &input);
    assert_eq!(rego.calls(), Calls { real: 2, hits: 1 });
}

#[test]
fn a_policy_that_does_not_compile_is_refused() {
    let refuse = |policy: &str| RegoPolicy::compile(policy, &data()).map(|_| ()).expect_err(policy);
    for broken in ["", "package", "package p\nallow if {", "package p\nallow if x\ndeny contains 1 if false"] {
        assert!(matches!(refuse(broken), PolicyError::DoesNotCompile { .. }), "{broken}: {:?}", refuse(broken));
    }
    assert_eq!(refuse("package p\ndefault allow := true"), PolicyError::NoRule("deny"));
    assert_eq!(refuse("package p\ndeny contains \"LABEL\" if true"), PolicyError::NoRule("allow"));
}

#[test]
fn a_function_we_do_not_have_is_named() {
    let policy =
        "package p\ndefault allow := false\ndeny contains \"LABEL\" if crypto.md5(input.resource.label) != \"\"";
    let said = RegoPolicy::compile(policy, &data()).map(|_| ());
    assert_eq!(said, Err(PolicyError::NoFunction("crypto.md5".into())));
}

#[test]
fn a_negation_that_iterates_is_refused_as_opa_refuses_it() {
    let policy = |allow: &str| {
        format!("package p\ndefault allow := false\nallow if {allow}\ndeny contains \"LABEL\" if input.x")
    };
    let compiled = |allow: &str| RegoPolicy::compile(&policy(allow), &data()).map(|_| ());
    assert_eq!(compiled("count(deny) == 0"), Ok(()));
    for (negation, name) in [("not deny[_]", "_"), ("not deny[x]", "x")] {
        let why = format!("var {name} is unsafe: nothing but a negation asks for it; negate a rule of its own");
        assert_eq!(compiled(negation), Err(PolicyError::DoesNotCompile { line: 3, column: 19, why }), "{negation}");
    }
}

#[test]
fn a_policy_that_cannot_say_why_denies_as_an_error() {
    let decide = |policy: &str| {
        let mut rego = RegoPolicy::compile(policy, &data()).expect(policy);
        rego.decide(&Controls::all_on(), &Input::default())
    };
    let error = Decision::deny(Deny::PolicyError);
    assert_eq!(decide("package p\ndefault allow := true\ndeny contains \"NEWS\" if true"), error);
    assert_eq!(decide("package p\ndefault allow := true\ndeny contains {\"cod\": 1} if true"), error);
    assert_eq!(decide("package p\ndefault allow := true\ndeny := 7"), error);
    let plain = decide("package p\ndefault allow := false\ndeny contains \"LABEL\" if true");
    assert_eq!(plain, Decision::deny(Deny::Label));
}

/// The governance document's `policies/switchboard_v0_5.rego`, as printed.
const SAMPLE: &str = r#"package switchboard

import future.keywords.if

default allow := false

allow if {
  input.subject.authenticated
  input.tenant.id == input.resource.tenant
  input.context.region == data.tenants[input.tenant.id].region
  input.resource.classification <= data.tenants[input.tenant.id].data_classes[input.resource.kind]
  not deny[_]
}

deny[{"code":"TENANT_MISMATCH"}] if { input.tenant.id != input.resource.tenant }

deny[{"code":"RESIDENCY"}] if { input.context.region != data.tenants[input.tenant.id].region }

deny[{"code":"LABEL"}] if { input.resource.label notin data.tenants[input.tenant.id].labels }
"#;

#[test]
fn the_documents_sample_does_not_compile_as_printed() {
    let said = RegoPolicy::compile(SAMPLE, &data()).map(|_| ()).expect_err("the sample");
    // `notin` is no operator of Rego (it is `not x in y`), so regorus expects the query to end before it.
    let why = "expecting `}` while parsing query".into();
    assert_eq!(said, PolicyError::DoesNotCompile { line: 19, column: 50, why });
}

#[test]
fn the_documents_sample_lets_gaps_through_even_when_its_operator_is_repaired() {
    let repaired = SAMPLE
        .replace("import future.keywords.if", "import rego.v1")
        .replace("deny[{\"code\":", "deny contains {\"code\":")
        .replace("}] if", "} if")
        .replace("not deny[_]", "count(deny) == 0")
        .replace("input.resource.label notin", "not input.resource.label in");
    let data = data();
    let mut sample = RegoPolicy::compile(&repaired, &data).unwrap_or_else(|e| panic!("{e}"));
    let controls = Controls::all_on();
    let own = json!({
        "subject": {"authenticated": true},
        "tenant": {"id": "acme"},
        "resource": {"tenant": "acme", "kind": "audit", "classification": 2, "label": "pii"},
        "context": {"region": "EU"},
    });
    assert!(sample.decide_json(&controls, &own).allow);
    // Text sorts after every number and `null` before it: a level that is null, or false, is "below" any class.
    for nothing in [json!(null), json!(false), json!(-1)] {
        let mut question = own.clone();
        question["resource"]["classification"] = nothing;
        let native = abac::decide(&controls, &data, &Input::from_json(&question));
        assert_eq!(native, Decision::deny(Deny::Malformed));
        let found = compare(native, sample.decide_json(&controls, &question)).expect("a disagreement");
        assert!(found.rego.allow, "{question}: {found:?}");
    }
    // Anything but `false` and undefined is true to Rego: "no" counts as authenticated.
    let mut question = own.clone();
    question["subject"]["authenticated"] = json!("no");
    assert!(sample.decide_json(&controls, &question).allow);
    // And three of its four refusals come without a code.
    let mut question = own;
    question["subject"]["authenticated"] = json!(false);
    assert_eq!(sample.decide_json(&controls, &question), Decision { allow: false, denies: Denies::NONE });
}
