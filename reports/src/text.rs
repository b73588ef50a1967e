//! Words and numbers as a reader sees them, and untrusted words made harmless.
//!
//! Nothing here escapes for a format; each formatter does that for itself. [`presentable`] removes what no format can
//! show honestly: control characters, and the invisible ones that make a line read other than it is stored.

use sim::record::{GateRecord, PassRecord, Serving};
use std::borrow::Cow;
use std::mem::take;

/// The record with every string made presentable and every number finite.
pub fn presentable(mut record: GateRecord) -> GateRecord {
    make_finite(&mut record);
    // Figures are most of a record and hold no words.
    let figures: Vec<_> = served(&mut record).map(|s| (take(&mut s.latency), take(&mut s.windows))).collect();
    let mut value = serde_json::to_value(&record).expect("a record serialises");
    drop(record);
    clean_value(&mut value);
    let mut clean: GateRecord = serde_json::from_value(value).expect("cleaning changes strings only");
    served(&mut clean).zip(figures).for_each(|(s, figures)| (s.latency, s.windows) = figures);
    clean
}

/// Everything in a record that counts how somebody was served.
fn served(record: &mut GateRecord) -> impl Iterator<Item = &mut Serving> {
    fn of_pass(pass: &mut PassRecord) -> impl Iterator<Item = &mut Serving> {
        pass.serving.iter_mut().chain(pass.kept.iter_mut().flat_map(|run| &mut run.serving))
    }
    let passes = record.scenarios.iter_mut().flat_map(|s| &mut s.passes).flat_map(of_pass);
    record.serving.iter_mut().map(|(_, serving)| serving).chain(passes)
}

/// The record with numbers that JSON can hold: what is unbounded becomes the largest number, what is no number, zero.
pub fn finite(record: &GateRecord) -> Cow<'_, GateRecord> {
    if is_finite(record) {
        return Cow::Borrowed(record);
    }
    let mut record = record.clone();
    make_finite(&mut record);
    Cow::Owned(record)
}

fn is_finite(record: &GateRecord) -> bool {
    let mut of_slos = record.slos.iter().flat_map(|slo| [slo.estimate, slo.low, slo.high]);
    let mut of_passes = record.scenarios.iter().flat_map(|s| &s.passes).map(|pass| pass.breach_bound_95);
    of_slos.all(f64::is_finite) && of_passes.all(f64::is_finite)
}

fn make_finite(record: &mut GateRecord) {
    fn fix(x: &mut f64) {
        if x.is_nan() {
            *x = 0.0;
        }
        *x = x.clamp(f64::MIN, f64::MAX);
    }
    for slo in &mut record.slos {
        [&mut slo.estimate, &mut slo.low, &mut slo.high].into_iter().for_each(fix);
    }
    record.scenarios.iter_mut().flat_map(|s| &mut s.passes).for_each(|p| fix(&mut p.breach_bound_95));
}

fn clean_value(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::String(s) => *s = clean(s),
        Value::Array(items) => items.iter_mut().for_each(clean_value),
        Value::Object(map) => {
            for (key, mut value) in take(map) {
                clean_value(&mut value);
                map.insert(clean(&key), value);
            }
        }
        _ => {}
    }
}

/// One line of text: white space becomes a blank, and a character that would be obeyed instead of shown becomes U+FFFD.
pub fn clean(s: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if c.is_control() => '\u{fffd}',
        // Direction marks, embeddings, overrides and isolates; then the characters of no width that hide in ids.
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        '\u{200b}' | '\u{2060}' | '\u{feff}' => '\u{fffd}',
        c => c,
    };
    s.chars().map(shown).collect()
}

/// The first `max` characters; what was cut is shown as an ellipsis.
pub fn clip(s: &str, max: usize) -> String {
    match s.char_indices().nth(max) {
        None => s.to_string(),
        Some((at, _)) => format!("{}…", s[..at].trim_end()),
    }
}

/// A count with thousands apart by a narrow no-break space: `1 234 567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

/// `1 seed`, `2 seeds`.
pub fn plural(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(n))
}

/// A ratio as a percentage with up to three decimals. Less than all is never rounded up to 100 %.
pub fn percent(ratio: f64) -> String {
    if ratio < 1.0 && ratio > 0.999_995 {
        return "> 99.999 %".to_string();
    }
    let mut s = format!("{:.3}", ratio * 100.0);
    s.truncate(s.trim_end_matches('0').trim_end_matches('.').len());
    s + " %"
}

/// As [`percent`], but with all three decimals, so that figures in a column line up. All is still `100 %`.
pub fn percent_fixed(ratio: f64) -> String {
    if (ratio < 1.0 && ratio > 0.999_995) || ratio >= 1.0 { percent(ratio) } else { format!("{:.3} %", ratio * 100.0) }
}

/// A small probability in two significant digits: `2.3 %`, `0.18 %`.
pub fn probability(p: f64) -> String {
    let hundredths = p * 100.0;
    let decimals = match hundredths {
        h if h >= 10.0 => 0,
        h if h >= 1.0 => 1,
        h if h >= 0.1 => 2,
        h if h >= 0.01 => 3,
        _ => 4,
    };
    format!("{hundredths:.decimals$} %")
}

/// A time in seconds: `187 ms`, `1.42 s`, `61 s`.
pub fn seconds(s: f64) -> String {
    match s {
        s if s >= 1e300 => "unbounded".to_string(),
        s if s >= 10.0 => format!("{s:.1} s"),
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 0.01 => format!("{:.0} ms", s * 1e3),
        s if s >= 0.001 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.0} µs", s * 1e6),
    }
}

/// A span of simulated time, given in nanoseconds: `12.4 s`, `30 d`.
pub fn simulated(ns: u64) -> String {
    let s = ns / 1_000_000_000;
    match s {
        0..60 => seconds(ns as f64 / 1e9),
        60..7_200 => format!("{} min", s / 60),
        7_200..172_800 => format!("{} h", s / 3_600),
        _ => format!("{} d", s / 86_400),
    }
}

/// The first twelve digits of a digest: enough to compare by eye.
pub fn short_digest(hex: &str) -> String {
    hex.chars().take(12).collect()
}

/// What to type to see a run again: a bare token becomes a command, a command stays.
pub fn replay_command(line: &str) -> String {
    if line.starts_with("cp1.") { format!("cellproof replay {line}") } else { line.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_a_person_would_write_them() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(probability(0.023_13), "2.3 %");
        assert_eq!(probability(0.001_82), "0.18 %");
        assert_eq!(seconds(0.187), "187 ms");
        assert_eq!(seconds(1.4249), "1.42 s");
        assert_eq!(simulated(90_000_000_000), "1 min");
        assert_eq!(plural(1, "seed"), "1 seed");
    }

    #[test]
    fn a_ratio_below_one_is_never_shown_as_all() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.999_999_9), "> 99.999 %");
        assert_eq!(percent(0.9993), "99.93 %");
        assert_eq!(percent(0.0), "0 %");
    }

    #[test]
    fn characters_that_would_be_obeyed_are_shown_as_replaced() {
        assert_eq!(clean("a\u{202e}b\u{0}c\u{200b}d\ne"), "a\u{fffd}b\u{fffd}c\u{fffd}d e");
        assert_eq!(clean("Zoë & <b>"), "Zoë & <b>");
    }

    #[test]
    fn a_token_becomes_a_command_and_a_command_stays() {
        assert_eq!(replay_command("cp1.x"), "cellproof replay cp1.x");
        assert_eq!(replay_command("cellproof run x"), "cellproof run x");
    }
}
