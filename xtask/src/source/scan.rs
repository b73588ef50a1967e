//! Finding words and brackets in shaded code, where no comment or literal is in the way.

/// Whether `byte` can stand in an identifier.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Offsets of `needle` in `code` as a whole word: no identifier continues it on either side.
pub fn words<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    let first = is_word(needle.as_bytes()[0]);
    let last = is_word(needle.as_bytes()[needle.len() - 1]);
    code.match_indices(needle).map(|(at, _)| at).filter(move |at| {
        let before = first && *at > 0 && is_word(bytes[at - 1]);
        let after = last && bytes.get(at + needle.len()).is_some_and(|b| is_word(*b));
        !before && !after
    })
}

/// Offset just past the bracket that closes the one at `open`; the end of the text when none does.
pub fn closing(code: &str, open: usize) -> usize {
    let bytes = code.as_bytes();
    let mut depth = 0usize;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_not_found_inside_another_word() {
        let found = |code, needle| words(code, needle).collect::<Vec<_>>();
        assert_eq!(found("MyHashMap HashMap HashMapper", "HashMap"), [10]);
        assert_eq!(found("x.on(&A) x.on(&AB)", ".on(&A)"), [1]);
    }
}
