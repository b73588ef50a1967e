//! Random expressions over the columns of a table, of a wanted type for the most part.

use crate::luck::Luck;

/// Types of columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `text`.
    Text,
    /// `int8`.
    Big,
    /// `int4`.
    Int,
    /// `bool`.
    Bool,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether NULL is refused.
    pub not_null: bool,
}

/// The columns that an expression may name.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Their table.
    pub table: &'static str,
    /// The columns.
    pub columns: Vec<Column>,
}

/// Words that rows hold and conditions ask for.
const WORDS: [&str; 9] = ["acme", "acme-corp", "beta", "", "x", "app", "a%", "1", "7"];
/// Numbers that overflow something sooner or later.
const LARGE: [&str; 5] = ["2147483647", "2147483648", "9223372036854775807", "-2147483648", "1000000"];

impl Kind {
    /// As SQL calls it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Big => "int8",
            Kind::Int => "int4",
            Kind::Bool => "bool",
        }
    }
    fn is_number(self) -> bool {
        matches!(self, Kind::Big | Kind::Int)
    }
    /// A value that a row may hold.
    pub fn literal(self, luck: &mut Luck) -> String {
        match self {
            Kind::Text => format!("'{}'", WORDS[luck.below(WORDS.len())]),
            Kind::Bool => luck.pick(&["true", "false"]).into(),
            Kind::Int if luck.percent(2) => "2147483647".into(),
            Kind::Big if luck.percent(2) => "9223372036854775807".into(),
            Kind::Big | Kind::Int => luck.below(12).to_string(),
        }
    }
}

impl Columns {
    fn column(&self, luck: &mut Luck, wanted: impl Fn(Kind) -> bool) -> Option<String> {
        // One in fifty has another type, or does not exist.
        let wrong = luck.percent(2);
        let fitting: Vec<&Column> = self.columns.iter().filter(|c| wrong || wanted(c.kind)).collect();
        if wrong && luck.percent(20) {
            return Some("nope".into());
        }
        let column = (!fitting.is_empty()).then(|| fitting[luck.below(fitting.len())].name)?;
        Some(if luck.percent(8) { format!("{}.{column}", self.table) } else { column.into() })
    }

    /// An expression of a type.
    pub fn of(&self, luck: &mut Luck, kind: Kind, depth: usize) -> String {
        match kind {
            Kind::Text => self.text(luck, depth),
            Kind::Bool => self.truth(luck, depth),
            Kind::Big | Kind::Int => self.number(luck, depth),
        }
    }

    /// A condition.
    pub fn truth(&self, luck: &mut Luck, depth: usize) -> String {
        let leaf = if depth == 0 { 8 } else { 0 };
        let (left, right) = (depth.saturating_sub(1), depth.saturating_sub(1));
        match leaf + luck.below(20 - leaf) {
            0..2 => format!("({} and {})", self.truth(luck, left), self.truth(luck, right)),
            2..4 => format!("({} or {})", self.truth(luck, left), self.truth(luck, right)),
            4 => format!("not {}", self.truth(luck, left)),
            5 => format!("({} is null)", self.number(luck, left)),
            6 => format!("({} is not null)", self.text(luck, left)),
            7 => format!("coalesce({}, false)", self.truth(luck, left)),
            8..11 => format!("({} {} {})", self.number(luck, left), operator(luck), self.number(luck, right)),
            11..14 => format!("({} {} {})", self.text(luck, left), operator(luck), self.text(luck, right)),
            14 => {
                let list: Vec<String> = (0..1 + luck.below(3)).map(|_| self.number(luck, 0)).collect();
                format!("({}{} in ({}))", self.number(luck, left), not(luck), list.join(", "))
            }
            15 => {
                let list: Vec<String> = (0..1 + luck.below(3)).map(|_| self.text(luck, 0)).collect();
                format!("({}{} in ({}))", self.text(luck, left), not(luck), list.join(", "))
            }
            16 => format!(
                "({}{} like {})",
                self.text(luck, left),
                not(luck),
                luck.pick(&["'a%'", "'%e_a'", "'acme'", "'%'"])
            ),
            17 => {
                let (low, high) = (self.number(luck, 0), self.number(luck, 0));
                format!("({}{} between {low} and {high})", self.number(luck, left), not(luck))
            }
            18 => self.column(luck, |k| k == Kind::Bool).unwrap_or_else(|| "true".into()),
            _ => luck.pick(&["true", "false", "null", "'t'", "'yes'::bool", "1::bool", "(null::bool)"]).into(),
        }
    }

    /// A number.
    pub fn number(&self, luck: &mut Luck, depth: usize) -> String {
        let leaf = if depth == 0 { 5 } else { 0 };
        let next = depth.saturating_sub(1);
        match leaf + luck.below(20 - leaf) {
            0..2 => {
                let operator = luck.pick(&["+", "-", "*"]);
                format!("({} {operator} {})", self.number(luck, next), self.number(luck, next))
            }
            2 => format!("nullif({}, {})", self.number(luck, next), self.number(luck, next)),
            3 => format!("coalesce({}, {})", self.number(luck, next), self.number(luck, next)),
            4 => {
                let kind = luck.pick(&["int8", "int4", "bigint", "integer"]);
                let from = [Kind::Big, Kind::Big, Kind::Text, Kind::Bool][luck.below(4)];
                let inner = self.of(luck, from, 0);
                format!("({inner})::{kind}")
            }
            5..14 => self.column(luck, Kind::is_number).unwrap_or_else(|| "3".into()),
            14..18 => luck.below(10).to_string(),
            18 => luck.pick(&["'5'", "null", "-1", "'-3'", "'007'"]).into(),
            _ if luck.percent(25) => LARGE[luck.below(LARGE.len())].into(),
            _ => "2".into(),
        }
    }

    /// A text.
    pub fn text(&self, luck: &mut Luck, depth: usize) -> String {
        let leaf = if depth == 0 { 5 } else { 0 };
        let next = depth.saturating_sub(1);
        match leaf + luck.below(20 - leaf) {
            0 => format!("({} || {})", self.text(luck, next), self.text(luck, next)),
            1 => format!("({} || {})", self.text(luck, next), self.number(luck, next)),
            2 => format!("nullif({}, {})", self.text(luck, next), self.text(luck, next)),
            3 => format!("coalesce({}, {})", self.text(luck, next), self.text(luck, next)),
            4 => {
                let kind = [Kind::Big, Kind::Bool, Kind::Int][luck.below(3)];
                format!("({})::text", self.of(luck, kind, next))
            }
            5..13 => self.column(luck, |k| k == Kind::Text).unwrap_or_else(|| "'acme'".into()),
            13 => "current_user".into(),
            14..16 => "current_setting('app.tenant_id', true)".into(),
            _ => Kind::Text.literal(luck),
        }
    }
}

fn operator(luck: &mut Luck) -> &'static str {
    luck.pick(&["=", "=", "=", "<>", "<", "<=", ">", ">="])
}

fn not(luck: &mut Luck) -> &'static str {
    luck.pick(&["", "", " not"])
}
