//! Samples in the text formats of Prometheus (0.0.4) and OpenMetrics (1.0), read strictly: what is misread is judged
//! wrongly, so a line that is not understood refuses the whole.

use std::collections::{BTreeMap, BTreeSet};

/// Labels of a sample.
pub type Labels = BTreeMap<String, String>;

/// One sample.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Name of its metric.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// A text.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Samples {
    /// All of them.
    pub all: Vec<Sample>,
    /// What `# TYPE` says of families.
    pub kinds: BTreeMap<String, String>,
}

/// A line that is none: its number, and what was expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misread(pub usize, pub String);

/// Reads a text.
///
/// # Errors
/// The first line that is not understood.
pub fn read(text: &str) -> Result<Samples, Misread> {
    let mut samples = Samples::default();
    let mut known: BTreeSet<(String, Vec<(String, String)>)> = BTreeSet::new();
    let mut ended = false;
    for (n, line) in text.lines().enumerate() {
        let wrong = |why: String| Misread(n + 1, why);
        let line = line.trim_end_matches('\r');
        if ended && !line.is_empty() {
            return Err(wrong("a line after # EOF".into()));
        }
        if let Some(comment) = line.strip_prefix('#') {
            ended = comment.trim() == "EOF";
            if let Some((name, kind)) =
                comment.trim_start().strip_prefix("TYPE ").and_then(|r| r.trim().split_once(' '))
            {
                samples.kinds.insert(name.to_owned(), kind.trim().to_owned());
            }
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let sample = sample(line.trim_start()).map_err(wrong)?;
        let key = (sample.name.clone(), sample.labels.clone().into_iter().collect());
        if !known.insert(key) {
            return Err(wrong(format!("a second sample of one series of {}", sample.name)));
        }
        samples.all.push(sample);
    }
    Ok(samples)
}

fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(|c: char| !is_name(c)).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("expected the name of a metric, of letters, digits, _ and :".into());
    }
    let mut all = Labels::new();
    if let Some(after) = rest.strip_prefix('{') {
        rest = labels(after, &mut all)?;
    }
    // An exemplar stands behind its own mark.
    let rest = rest.split(" # ").next().unwrap_or_default();
    let mut words = rest.split_ascii_whitespace();
    let value = words.next().ok_or("expected a value")?;
    let value = number(value).ok_or_else(|| format!("expected a number, and not {value:?}"))?;
    match (words.next().map(|time| time.parse::<f64>()), words.next()) {
        (None | Some(Ok(_)), None) => Ok(Sample { name: name.to_owned(), labels: all, value }),
        _ => Err("expected a time, and nothing behind it".into()),
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// Rust reads more than the formats write (`infinity`), and less (`+Inf`).
fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => text.parse().ok(),
        _ => None,
    }
}

/// Labels up to the brace that ends them; what stands behind it.
fn labels<'t>(mut rest: &'t str, all: &mut Labels) -> Result<&'t str, String> {
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        let (name, after) = rest.split_once('=').ok_or("expected label=\"value\"")?;
        let name = name.trim();
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(format!("expected the name of a label, and not {name:?}"));
        }
        let after = after.trim_start().strip_prefix('"').ok_or_else(|| format!("expected a quoted value of {name}"))?;
        let (value, behind) =
            quoted(after).ok_or_else(|| format!("expected the quote that ends the value of {name}"))?;
        if all.insert(name.to_owned(), value).is_some() {
            return Err(format!("a second label {name}"));
        }
        rest = behind.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.starts_with('}') => {}
            None => return Err(format!("expected , or }} after the value of {name}")),
        }
    }
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                escaped @ ('\\' | '"') => out.push(escaped),
                _ => return None,
            },
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read() {
        let text = "# HELP r Requests\n# TYPE r counter\nr_total{tenant=\"a\",path=\"\\\"x\\\\\\n\"} 3 1700000000\n\
                    h_bucket{le=\"+Inf\"} 17 # {trace=\"t\"} 0.5\n\nup 1e0\r\n# EOF\n";
        let read = read(text).expect("samples");
        assert_eq!(read.all.len(), 3);
        assert_eq!(read.kinds["r"], "counter");
        assert_eq!(read.all[0].labels["path"], "\"x\\\n");
        assert_eq!((read.all[0].value, read.all[1].value, read.all[2].value), (3.0, 17.0, 1.0));
        assert_eq!(read.all[1].labels["le"], "+Inf");
    }

    #[test]
    fn a_line_that_is_none_is_told_with_its_number() {
        for (text, told) in [
            ("up 1\n9a 1\n", "2: expected the name of a metric"),
            ("up\n", "1: expected a value"),
            ("up one\n", "1: expected a number, and not \"one\""),
            ("up infinity\n", "1: expected a number"),
            ("up 1 2 3\n", "1: expected a time, and nothing behind it"),
            ("up{a=1} 1\n", "1: expected a quoted value of a"),
            ("up{a=\"1} 1\n", "1: expected the quote that ends the value of a"),
            ("up{a=\"1\" b=\"2\"} 1\n", "1: expected , or } after the value of a"),
            ("up{a=\"1\",a=\"2\"} 1\n", "1: a second label a"),
            ("up{a=\"1\"} 1\nup{a=\"1\"} 2\n", "2: a second sample of one series of up"),
            ("# EOF\nup 1\n", "2: a line after # EOF"),
            ("<html>\n", "1: expected the name of a metric"),
        ] {
            let Misread(line, why) = read(text).expect_err(text);
            assert!(format!("{line}: {why}").starts_with(told), "{told}\n{line}: {why}");
        }
    }
}
