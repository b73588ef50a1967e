//! Globs of Redis (`stringmatchlen`), byte by byte.

use crate::ids::Bytes;

/// A compiled Redis glob: nearly all are a literal with one star behind it, and those need no backtracking.
#[derive(Clone, Debug)]
pub enum Glob {
    /// `literal*`
    Prefix(Bytes),
    /// Anything else.
    Full(Bytes),
}

impl Glob {
    /// Compiles `pattern`. Every byte string is a pattern: Redis refuses none.
    pub fn new(pattern: &[u8]) -> Glob {
        match pattern.split_last() {
            Some((b'*', literal)) if !literal.iter().any(|b| b"*?[\\".contains(b)) => Glob::Prefix(literal.into()),
            _ => Glob::Full(pattern.into()),
        }
    }
    /// Whether the glob matches all of `text`.
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            // Not even a star matches nothing at all: the loop of Redis never begins.
            Glob::Prefix(_) if text.is_empty() => false,
            Glob::Full(pattern) if text.is_empty() => pattern.is_empty(),
            Glob::Prefix(literal) => text.starts_with(literal),
            Glob::Full(pattern) => glob(pattern, text),
        }
    }
}

/// `stringmatchlen` of Redis: `*`, `?`, `[a-z]`, `[^a]`, `\x`. Only the last star needs to be remembered.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, t));
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        if let Some(width) = one(&pattern[p..], text[t]) {
            p += width;
            t += 1;
        } else if let Some((after, from)) = star {
            p = after;
            t = from + 1;
            star = Some((after, t));
        } else {
            return false;
        }
    }
}

/// How many pattern bytes the first element takes, if it matches `byte`.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        b'[' => {
            let negated = pattern.get(1) == Some(&b'^');
            let mut i = if negated { 2 } else { 1 };
            let mut found = false;
            while i < pattern.len() && pattern[i] != b']' {
                if pattern[i] == b'\\' && i + 1 < pattern.len() {
                    i += 1;
                    found |= pattern[i] == byte;
                } else if i + 2 < pattern.len() && pattern[i + 1] == b'-' {
                    let (a, b) = (pattern[i].min(pattern[i + 2]), pattern[i].max(pattern[i + 2]));
                    found |= (a..=b).contains(&byte);
                    i += 2;
                } else {
                    found |= pattern[i] == byte;
                }
                i += 1;
            }
            // An unclosed class ends with the pattern, as in Redis.
            (found != negated).then_some((i + 1).min(pattern.len()))
        }
        literal => (literal == byte).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(Glob::new(pattern.as_bytes()).matches(text.as_bytes()), expected, "{pattern} on {text}");
    }

    #[test]
    fn globs_match_as_redis_matches_them() {
        check("acme:*", "acme:profile:7", true);
        check("acme:*", "acme-corp:profile:7", false);
        check("acme*", "acme-corp:profile:7", true);
        check("*:7", "acme:profile:7", true);
        check("*:7", "acme:profile:77x", false);
        check("a?me:*", "acme:x", true);
        check("a[a-d]me", "acme", true);
        check("a[^a-d]me", "acme", false);
        check("a\\*", "a*", true);
        check("a\\*", "ab", false);
        check("*a*b*", "xxaxxbxx", true);
        check("*a*b*", "xxbxxaxx", false);
        check("a[bc", "ab", true);
        check("", "", true);
        check("", "a", false);
        check("*", "", false);
        check("**", "", false);
        check("a**", "a", true);
    }
}
