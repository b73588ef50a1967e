//! What the service makes of the policy's filter: a condition on rows, compiled into the statement, and the columns
//! that go into an answer (POL-05).
//!
//! A list takes the first rows *that may be shown*, so the condition stands in the statement: rows that were thrown
//! away afterwards would leave a page short, and by how much says how many there are. Texts hang on how many kinds and
//! labels a tenant has and on nothing else, so that the server's plan cache knows them.

use super::class::RecordClass;
use crate::control;
use crate::control::{Control, Controls};
use crate::wire::policy::{DataFilter, KindFilter};
use crate::wire::sql::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lists, counts and reports leave out the rows that the policy withholds.
pub const ROW_FILTER: Control = control!("app.row-filter", upholds: ["POL-05"],
    off: "lists show whatever rows the tenant has: the method asks the policy whether, and not what");

/// Lists and reports leave out the columns that the policy withholds.
pub const COLUMN_FILTER: Control = control!("app.column-filter", upholds: ["POL-05"],
    off: "every column that was selected is answered, as with `SELECT *` and a serializer of whole rows");

/// The column that is answered beside the content, where it may be: whom to ask about the record.
pub const CONTACT: &str = "contact";

/// Between the content of a row and its contact, in a list.
pub const BESIDE: char = '\t';

/// A statement over rows that nobody has named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listing {
    /// Whether it names the tenant.
    pub names_tenant: bool,
    /// Whether it counts the rows, instead of showing them up to a limit.
    pub counts: bool,
}

/// How many kinds and labels a condition has, where it has one.
type Shape = Option<(usize, Option<usize>)>;

/// Texts of such statements that were written so far.
#[derive(Clone, Debug, Default)]
pub struct Listings(BTreeMap<(Listing, Shape), Arc<str>>);

/// What a policy that says nothing of lists permits: the class that it was asked about, and the content alone.
pub fn of_class(class: &RecordClass) -> DataFilter {
    let kind = KindFilter { kind: class.kind.clone(), level: class.level, columns: Vec::new() };
    DataFilter { labels: Some(vec![class.label.clone()]), kinds: vec![kind] }
}

impl Listings {
    /// The text of a listing, and its parameters after those of the listing itself.
    pub fn filtered(&mut self, controls: &Controls, listing: Listing, filter: &DataFilter) -> (Arc<str>, Vec<Value>) {
        let filter = controls.on(&ROW_FILTER).then_some(filter);
        let shape = filter.map(|f| (f.kinds.len(), f.labels.as_ref().map(Vec::len)));
        let text = self.0.entry((listing, shape)).or_insert_with(|| text(listing, shape).into()).clone();
        let mut params = Vec::new();
        for KindFilter { kind, level, .. } in filter.iter().flat_map(|f| &f.kinds) {
            params.extend([Value::Text(kind.clone()), Value::Int(level.rank().into())]);
        }
        params.extend(filter.iter().flat_map(|f| f.labels.iter().flatten()).cloned().map(Value::Text));
        (text, params)
    }
}

/// `SELECT …` with parameters in this order: the tenant, the limit, kinds and levels in turn, labels.
fn text(Listing { names_tenant, counts }: Listing, shape: Shape) -> String {
    let mut last = 0;
    let mut next = || {
        last += 1;
        format!("${last}")
    };
    let mut conditions: Vec<String> = names_tenant.then(|| format!("tenant_id = {}", next())).into_iter().collect();
    let limit = (!counts).then(&mut next);
    if let Some((kinds, labels)) = shape {
        // A level that is none is no low one (CLS-05).
        let kind = |_| format!("kind = {} AND level >= 0 AND level <= {}", next(), next());
        let kinds: Vec<String> = (0..kinds).map(kind).collect();
        conditions.push(if kinds.is_empty() { "false".into() } else { format!("({})", kinds.join(" OR ")) });
        match labels {
            None => {}
            Some(0) => conditions.push("false".into()),
            Some(n) => {
                let labels: Vec<String> = (0..n).map(|_| next()).collect();
                conditions.push(format!("label IN ({})", labels.join(", ")));
            }
        }
    }
    let within = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    match limit {
        None => format!("SELECT count(*) FROM records{within}"),
        Some(limit) => format!("SELECT body, kind, contact FROM records{within} ORDER BY id LIMIT {limit}"),
    }
}

/// A row of a list as it is answered: the content, and what may stand beside it.
pub fn line(controls: &Controls, filter: Option<&DataFilter>, row: &[Value]) -> Option<String> {
    let column = |at: usize| row.get(at).and_then(Value::as_text);
    let (body, kind) = (column(0)?, column(1).unwrap_or_default());
    let contact = column(2).filter(|contact| !contact.is_empty());
    let shown = contact.filter(|_| filter.is_some_and(|f| f.shows(kind, CONTACT)) || !controls.on(&COLUMN_FILTER));
    Some(shown.map_or_else(|| body.to_owned(), |contact| format!("{body}{BESIDE}{contact}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;
    use crate::wire::policy::Level;

    fn filter(kinds: &[(&str, Level, &[&str])], labels: Option<&[&str]>) -> DataFilter {
        let texts = |all: &[&str]| all.iter().map(|t| Arc::from(*t)).collect();
        let kind = |(kind, level, columns): &(&str, Level, &[&str])| KindFilter {
            kind: Arc::from(*kind),
            level: *level,
            columns: texts(columns),
        };
        DataFilter { labels: labels.map(texts), kinds: kinds.iter().map(kind).collect() }
    }

    fn off(control: &Control) -> Controls {
        Controls::with_off(ControlSet::EMPTY.with(control.slot))
    }

    const OWN: Listing = Listing { names_tenant: true, counts: false };

    fn check(listing: Listing, filter: &DataFilter, expected: &str, params: usize) {
        let (text, values) = Listings::default().filtered(&Controls::all_on(), listing, filter);
        assert_eq!((&*text, values.len()), (expected, params));
    }

    #[test]
    fn a_filter_is_a_condition_on_kind_level_and_label() {
        let two = filter(&[("agents", Level::Internal, &[]), ("audit", Level::Restricted, &[])], Some(&["pii"]));
        check(
            OWN,
            &two,
            "SELECT body, kind, contact FROM records WHERE tenant_id = $1 AND (kind = $3 AND level >= 0 AND level <= \
             $4 OR kind = $5 AND level >= 0 AND level <= $6) AND label IN ($7) ORDER BY id LIMIT $2",
            5,
        );
        let one = filter(&[("audit", Level::Public, &[])], None);
        let count = Listing { names_tenant: true, counts: true };
        let counted =
            "SELECT count(*) FROM records WHERE tenant_id = $1 AND (kind = $2 AND level >= 0 AND level <= $3)";
        check(count, &one, counted, 2);
        let nobody = Listing { names_tenant: false, counts: false };
        let nothing = "SELECT body, kind, contact FROM records WHERE false AND false ORDER BY id LIMIT $1";
        check(nobody, &filter(&[], Some(&[])), nothing, 0);
    }

    #[test]
    fn without_the_control_only_the_tenant_is_named() {
        let one = filter(&[("audit", Level::Public, &[])], Some(&["pii"]));
        let (text, params) = Listings::default().filtered(&off(&ROW_FILTER), OWN, &one);
        assert_eq!(&*text, "SELECT body, kind, contact FROM records WHERE tenant_id = $1 ORDER BY id LIMIT $2");
        assert_eq!(params, []);
    }

    #[test]
    fn a_column_is_answered_where_the_filter_names_it_for_the_kind() {
        let permits = filter(&[("agents", Level::Public, &[]), ("audit", Level::Public, &[CONTACT])], None);
        let row = |kind: &str, contact: &str| ["body", kind, contact].map(|t| Value::Text(t.into()));
        let on = Controls::all_on();
        let shown = |controls: &Controls, row: &[Value]| line(controls, Some(&permits), row).expect("a row");
        assert_eq!(shown(&on, &row("audit", "a@b")), "body\ta@b");
        assert_eq!(shown(&on, &row("audit", "")), "body");
        assert_eq!(on.consulted(), ControlSet::EMPTY);
        assert_eq!(shown(&on, &row("agents", "a@b")), "body");
        assert_eq!(shown(&on, &row("documents", "a@b")), "body");
        assert_eq!(line(&on, None, &row("audit", "a@b")).as_deref(), Some("body"));
        assert_eq!(shown(&off(&COLUMN_FILTER), &row("agents", "a@b")), "body\ta@b");
    }
}
